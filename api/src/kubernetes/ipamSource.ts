/**
 * Blocks, affinities and handles. Calico deletes them in two steps: marked, by compare-and-swap, then removed, by UID. We
 * remove them in one, in the version that was read, which the API server takes as a condition since 1.14. What is marked is
 * gone for every reader all the same; a creation under its name removes it first.
 */
import { parsePrefix } from "@brindle/net";
import { type JsonValue, withoutNullMembers } from "../json/json.ts";
import { type IpamKind, type IpamResources, ipamKinds } from "../kinds/ipam.ts";
import type { IpamKindDefinition } from "../kinds/ipamFields.ts";
import { formatPath } from "../kinds/problem.ts";
import { formatKey } from "../store/request.ts";
import type { Key, Revision, Scope, Stored } from "../store/store.ts";
import { members, textOf } from "./apiObject.ts";
import { flavourGroups } from "./flavour.ts";
import { affinityLabels, affinityOf, ipamObjectName, ownerLabels } from "./ipamNames.ts";
import { conflict, creation, deletion, nameOf, refuse, replacement, send } from "./requests.ts";
import type {
  ApiName,
  ApiObject,
  ApiRequest,
  ApiResource,
  Flavour,
  Narrowing,
  Reading,
  Source,
  WritePlan,
} from "./source.ts";

export function ipamSource<K extends IpamKind>(kind: K, flavour: Flavour): Source<K> {
  const { plural } = ipamKinds[kind];
  const resource: ApiResource = { group: flavourGroups[flavour], version: flavour, plural, kind, namespaced: false };
  return {
    kind,
    resource,
    read: (object) => (isMarked(object) ? { type: "absent" } : contentOf(kind, object)),
    locate: (key) => [nameIn(key)],
    narrow: (scope) => (kind === "BlockAffinity" && flavour === "v3" ? narrowToOwner(scope) : {}),
    needsCurrent: (op) => op === "put",
    write: (write, current = null) => {
      const { key, op } = write;
      const holder = current && !isMarked(current) ? contentOf(kind, current).key : key;
      if (holder.name !== key.name) return refuse(`${formatKey(key)} would have the same name as ${formatKey(holder)}`);
      if (op === "delete") return send(deletion(resource, nameIn(key), { resourceVersion: write.revision }));
      const object = objectOf(key, { value: write.value, flavour });
      if (op === "update") return send(replaced(resource, object, write.revision));
      if (!current) return send(creation(resource, {}, object));
      if (isMarked(current)) return removedThenCreated(resource, current, object);
      return op === "put" ? send(replaced(resource, object, current.metadata.resourceVersion)) : conflict;
    },
  };
}

function isMarked(object: ApiObject): boolean {
  const { deleted } = members(object.spec);
  return deleted === true || deleted === "true";
}

type Content<K extends IpamKind> = Exclude<Reading<K>, { readonly type: "absent" }>;

function contentOf<K extends IpamKind>(kind: K, object: ApiObject): Content<K> {
  const { deleted, ...spec } = members(object.spec);
  // Old releases wrote the flag as text, and an empty one for false.
  const parsed = ipamKinds[kind].spec.safeParse(withoutNullMembers(deleted === "" ? spec : { ...spec, deleted }));
  const cidr = textOf(spec.cidr) ?? "";
  const faults = parsed.error?.issues.map(({ path, message }) => `spec.${formatPath(path)}: ${message}`) ?? [];
  if (kind !== "IPAMHandle" && !parsePrefix(cidr)) faults.push(`spec.cidr: ${JSON.stringify(cidr)} is no network`);
  if (!parsed.success || faults.length > 0) {
    // Where the spec does not say what it is, the object's name must do.
    const key: Key<K> = { kind, name: object.metadata.name };
    return { type: "undecodable", key, reason: faults.slice(0, 3).join("; "), partial: { spec } as JsonValue };
  }
  const definition = ipamKinds[kind] as unknown as IpamKindDefinition<IpamResources[K], Stored[K]>;
  const { name, value } = definition.fromResource({ spec: parsed.data } as IpamResources[K]); // It reads the spec alone.
  return { type: "value", key: { kind, name }, value };
}

function objectOf<K extends IpamKind>(
  { kind, name }: Key<K>,
  { value, flavour }: { readonly value: Stored[K]; readonly flavour: Flavour },
): ApiObject {
  const definition = ipamKinds[kind] as unknown as IpamKindDefinition<IpamResources[K], Stored[K]>;
  const { spec } = definition.toResource(name, value);
  const labels = kind === "BlockAffinity" ? { labels: affinityLabels(affinityOf(name)) } : {};
  return {
    apiVersion: `${flavourGroups[flavour]}/${flavour}`,
    kind,
    metadata: { name: ipamObjectName(kind, name), ...labels },
    spec: {
      ...spec,
      ...(kind === "IPAMBlock" && required),
      ...(isTextual(kind, flavour) && { deleted: String(value.deleted) }),
    },
  };
}

/** Without a meaning for long, and still no object may lack it. */
const required = { strictAffinity: false };

/** The older CRD has the flag as text. */
function isTextual(kind: IpamKind, flavour: Flavour): boolean {
  return kind === "BlockAffinity" && flavour === "v1";
}

/**
 * Who wrote which field is not kept of these: with an empty entry an API server gives up keeping it, which of a block with
 * its many attributes is work at each write. (fieldmanager: a reset is not tracked again until an `apply`.)
 */
const untracked = [{}];

function replaced(resource: ApiResource, object: ApiObject, resourceVersion: Revision | undefined): ApiRequest {
  const metadata = { ...object.metadata, resourceVersion, managedFields: untracked };
  return replacement(resource, nameOf(object), { ...object, metadata });
}

function nameIn({ kind, name }: Key<IpamKind>): ApiName {
  return { name: ipamObjectName(kind, name) };
}

function removedThenCreated(resource: ApiResource, leftover: ApiObject, object: ApiObject): WritePlan {
  const followUp = () => creation(resource, {}, object);
  return { type: "send", request: removal(resource, leftover), followUp, decidedBy: "followUp" };
}

function removal(resource: ApiResource, marked: ApiObject): ApiRequest {
  return deletion(resource, nameOf(marked), { uid: marked.metadata.uid });
}

/**
 * Affinities of the older CRDs may be older than the labels. `host:node1/` and what is longer names one owner.
 */
function narrowToOwner({ namePrefix = "" }: Scope): Narrowing {
  const [, type, node] = /^(host|virtual):([^/]+)\//.exec(namePrefix) ?? [];
  if ((type !== "host" && type !== "virtual") || !node) return {};
  const labels = Object.entries(ownerLabels({ type, node })).map(([name, value]) => `${name}=${value}`);
  return { labelSelector: labels.join(",") };
}
