/** Between a stored text and its value, for every kind. What is written is what Calico writes, byte by byte. */
import type * as z from "zod";
import { formatJson, type JsonValue, parseJson, withoutNullMembers } from "../json/json.ts";
import { ipamKinds } from "../kinds/ipam.ts";
import type { IPAMBlock } from "../kinds/ipamBlock.ts";
import { ipamConfigSchema } from "../kinds/ipamConfig.ts";
import { isResourceKind, type ResourceKind } from "../kinds/kinds.ts";
import { formatPath, formatProblem } from "../kinds/problem.ts";
import type { AnyResource } from "../kinds/resource.ts";
import { type DecodedResource, decodeResource } from "../kinds/validate.ts";
import { formatBlock } from "./blockText.ts";
import type { Key, Kind, Revision, Stored } from "./store.ts";

/** A key and what stands under it, as etcd has them. */
export interface Entry {
  readonly key: string;
  readonly text: string;
  readonly revision: Revision;
}

export type Decoded<K extends Kind> =
  | { readonly kind: "value"; readonly value: Stored[K] }
  | { readonly kind: "undecodable"; readonly reason: string; readonly partial?: JsonValue };

export function encodeValue<K extends Kind>(key: Key<K>, value: Stored[K]): string {
  if (key.kind === "IPAMBlock") return formatBlock(value as IPAMBlock);
  if (!isResourceKind(key.kind)) return formatJson(value);
  const resource: AnyResource = value as AnyResource; // Every `ResourceKind` is stored as a resource.
  const { resourceVersion: _never, ...metadata } = resource.metadata;
  // In the order of Go's structs, whatever the caller's literal was like.
  const { kind, apiVersion, metadata: _reordered, spec, ...rest } = resource;
  const { name, namespace, uid, creationTimestamp, labels, annotations, ...others } = metadata;
  const ordered = { name, namespace, uid, creationTimestamp, labels, annotations, ...others };
  return formatJson({ kind, apiVersion, metadata: ordered, spec, ...rest });
}

export function decodeValue<K extends Kind>(kind: K, text: string): Decoded<K> {
  let json: JsonValue;
  try {
    json = text === "" && kind === "BlockAffinity" ? {} : parseJson(text);
  } catch (error) {
    return { kind: "undecodable", reason: `is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const decoded = isResourceKind(kind) ? decodeStoredResource<K>(kind, json) : decodeIpam(kind, json);
  return decoded.kind === "value" ? decoded : { ...decoded, partial: json };
}

function decodeStoredResource<K extends Kind>(kind: K & ResourceKind, json: unknown): Decoded<K> {
  const decoded: DecodedResource<unknown> = decodeResource(kind, json);
  return decoded.kind === "valid"
    ? { kind: "value", value: decoded.resource as Stored[K] }
    : { kind: "undecodable", reason: decoded.problems.slice(0, 3).map(formatProblem).join("; ") };
}

const ipamSchemas: { readonly [kind: string]: z.ZodType } = {
  IPAMBlock: ipamKinds.IPAMBlock.stored,
  BlockAffinity: ipamKinds.BlockAffinity.stored,
  IPAMHandle: ipamKinds.IPAMHandle.stored,
  IPAMConfig: ipamConfigSchema,
} satisfies { readonly [K in Exclude<Kind, ResourceKind>]: z.ZodType<Stored[K]> };

function decodeIpam<K extends Kind>(kind: K, json: unknown): Decoded<K> {
  const parsed = ipamSchemas[kind]?.safeParse(withoutNullMembers(json));
  if (parsed?.success) return { kind: "value", value: parsed.data as Stored[K] };
  const reasons = parsed?.error.issues.slice(0, 3).map(({ path, message }) => `${formatPath(path)}: ${message}`);
  return { kind: "undecodable", reason: reasons?.join("; ") ?? "is of no known kind" };
}
