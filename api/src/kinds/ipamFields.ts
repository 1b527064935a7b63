/** Schemas of the values that the objects of address management share. */
import { formatPrefix, parsePrefix } from "@brindle/net";
import * as z from "zod";
import type { KindDefinition } from "./kind.ts";
import type { AnyResource } from "./resource.ts";
import { withOpenApi } from "./schema.ts";

/**
 * A kind of address management. etcd holds it in a form of its own under a key of its own, Kubernetes as a resource; both
 * carry the same, and a person reads the resource. Only address management writes it.
 */
export interface IpamKindDefinition<R extends AnyResource, Value> extends KindDefinition<R> {
  /** What etcd holds. */
  readonly stored: z.ZodType<Value>;
  /** `name` is that of the store's key. */
  toResource(name: string, value: Value): R;
  /** The way back, for a datastore that holds resources. */
  fromResource(resource: R): { readonly name: string; readonly value: Value };
}

/** Small ones are plain numbers in JSON that was parsed. */
export const integer64: z.ZodType<bigint> = withOpenApi(
  z.union([z.bigint(), z.int()]).transform((value) => BigInt(value)),
  { type: "integer", format: "int64" },
);

export const count: z.ZodType<number> = z.int();

/** Old releases wrote the flag as text, and Go leaves it out where its struct says so. */
export const deletedFlag: z.ZodType<boolean> = withOpenApi(
  z.union([z.boolean(), z.enum(["true", "false"])]).transform((value) => value === true || value === "true"),
  // OpenAPI has no name for either of the two.
  { "x-kubernetes-preserve-unknown-fields": true },
).default(false) as unknown as z.ZodType<boolean>;

export const stringMap: z.ZodType<Readonly<Record<string, string>>> = z.record(z.string(), z.string());

/** As Kubernetes can have it in a name: `10-244-0-0-26`, each sign a dash. */
export function nameOfPrefix(cidr: string): string {
  const prefix = parsePrefix(cidr);
  return (prefix ? formatPrefix(prefix) : cidr).replaceAll(/[.:/]/g, "-");
}
