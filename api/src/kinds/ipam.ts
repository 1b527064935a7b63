/**
 * The three objects of address management, with the names of Calico's stored JSON. They are no v3 resources: their
 * etcd keys and values differ from the other kinds (see `store/etcdKeys.ts`).
 */
import * as z from "zod";
import { object, optional } from "./schema.ts";

export interface IPAMBlock {
  readonly cidr: string;
  /** `host:<node>`; absent when no node owns the block any more. */
  readonly affinity?: string;
  readonly affinity_claim_time?: string;
  /** By ordinal: an index into `attributes`, or `null` for a free address. */
  readonly allocations: readonly (number | null)[];
  /** Free ordinals, first out first; a released one goes to the tail. */
  readonly unallocated: readonly number[];
  readonly attributes: readonly BlockAttribute[];
  /** Starts at the time of creation in nanoseconds, so it is past 2^53; one more each write. */
  readonly sequenceNumber: bigint;
  /** By ordinal (as text): the sequence number under which the address was given. */
  readonly sequenceNumberForAllocation?: Readonly<Record<string, bigint>>;
  readonly deleted: boolean;
}

export interface BlockAttribute {
  readonly handle_id?: string;
  readonly secondary?: Readonly<Record<string, string>>;
}

export interface BlockAffinity {
  readonly state: "confirmed" | "pending" | "pendingDeletion";
  readonly deleted: boolean;
}

export interface IPAMHandle {
  /** How many addresses the handle holds, by block. */
  readonly block: Readonly<Record<string, number>>;
  readonly deleted: boolean;
}

/** Small ones are plain numbers in JSON that was parsed. */
const integer64 = z.union([z.bigint(), z.int()]).transform((value) => BigInt(value));
const count = z.int();

/** Old releases wrote the flag as text, and Go leaves it out where its struct says so. */
const deletedFlag = z
  .union([z.boolean(), z.enum(["true", "false"])])
  .transform((value) => value === true || value === "true")
  .default(false);

const stringMap = z.record(z.string(), z.string());

export const ipamBlockSchema: z.ZodType<IPAMBlock> = object<IPAMBlock>({
  cidr: z.string(),
  affinity: optional(z.string()),
  affinity_claim_time: optional(z.string()),
  allocations: z.array(count.nullable()),
  unallocated: z.array(count).default([]),
  attributes: z
    .array(object<BlockAttribute>({ handle_id: optional(z.string()), secondary: optional(stringMap) }))
    .default([]),
  sequenceNumber: integer64,
  sequenceNumberForAllocation: optional(z.record(z.string(), integer64)),
  deleted: deletedFlag,
});

/** An empty value is an affinity of the time before there were states. */
export const blockAffinitySchema: z.ZodType<BlockAffinity> = object<BlockAffinity>({
  state: z
    .enum(["confirmed", "pending", "pendingDeletion", ""])
    .transform((state) => (state === "" ? "confirmed" : state))
    .default("confirmed"),
  deleted: deletedFlag,
});

export const ipamHandleSchema: z.ZodType<IPAMHandle> = object<IPAMHandle>({
  block: z.record(z.string(), count).default({}),
  deleted: deletedFlag,
});
