import * as z from "zod";
import { count, deletedFlag, type IpamKindDefinition, integer64, nameOfPrefix, stringMap } from "./ipamFields.ts";
import { nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { field, object, optional } from "./schema.ts";

/** As etcd holds it. */
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
  /** Who has the address beside the one in `secondary`, while a virtual machine moves. */
  readonly alternateOwnerAttrs?: Readonly<Record<string, string>>;
  /** The address was given back then, and waits until it may be given again. */
  readonly releasedAt?: string;
}

/** As Kubernetes holds it. */
export interface IPAMBlockSpec extends Omit<IPAMBlock, "affinity_claim_time"> {
  readonly affinityClaimTime?: string;
  /** Without a meaning; older schemas of Calico need it. */
  readonly strictAffinity?: boolean;
}

export type IPAMBlockResource = Resource<"IPAMBlock", IPAMBlockSpec>;

const attribute = object<BlockAttribute>({
  handle_id: optional(field(z.string(), "The handle that holds the addresses.")),
  secondary: optional(field(stringMap, "What the addresses are for: pod, namespace, node, and when they were given.")),
  alternateOwnerAttrs: optional(field(stringMap, "The other owner, while a virtual machine moves.")),
  releasedAt: optional(field(z.string(), "When the addresses were given back; they wait to be given again.")),
});

const cidr = field(z.string(), "The range of the block.");
const affinity = field(z.string(), "host: and the node that owns the block.");
const claimTime = field(z.string(), "When the node took the block.");
const allocations = field(
  z.array(count.nullable()),
  "For each address in turn, which of the attributes it has; null if it is free.",
);
const unallocated = field(
  z.array(count).default([]) as unknown as z.ZodType<readonly number[]>,
  "Free addresses by their place in the block, in the order in which they are given.",
);
const attributes = field(
  z.array(attribute).default([]) as unknown as z.ZodType<readonly BlockAttribute[]>,
  "Who holds addresses.",
);
const sequenceNumber = field(integer64, "One more at each write.");
const sequenceNumbers = field(z.record(z.string(), integer64), "At which write each address was given.");
const deleted = field(deletedFlag, "The block is about to go.");

export const ipamBlockKind: IpamKindDefinition<IPAMBlockResource, IPAMBlock> = {
  apiVersion,
  kind: "IPAMBlock",
  plural: "ipamblocks",
  description: "A block of addresses and who has each. Address management writes it.",
  aliases: ["blocks"],
  namespaced: false,
  spec: object<IPAMBlockSpec>({
    cidr,
    affinity: optional(affinity),
    affinityClaimTime: optional(claimTime),
    allocations,
    unallocated,
    attributes,
    sequenceNumber,
    sequenceNumberForAllocation: optional(sequenceNumbers),
    deleted,
    strictAffinity: optional(field(z.boolean(), "Without a meaning; older schemas of Calico need it.")),
  }),
  stored: object<IPAMBlock>({
    cidr,
    affinity: optional(affinity),
    affinity_claim_time: optional(claimTime),
    allocations,
    unallocated,
    attributes,
    sequenceNumber,
    sequenceNumberForAllocation: optional(sequenceNumbers),
    deleted,
  }),
  unsupported: [],
  withDefaults: (block) => block,
  toResource: (_name, { cidr, affinity, affinity_claim_time, ...rest }) => ({
    apiVersion,
    kind: "IPAMBlock",
    metadata: { name: nameOfPrefix(cidr) },
    spec: {
      cidr,
      ...(affinity !== undefined && { affinity }),
      ...(affinity_claim_time !== undefined && { affinityClaimTime: affinity_claim_time }),
      ...rest,
      strictAffinity: false,
    },
  }),
  fromResource: ({ spec: { cidr, affinity, affinityClaimTime, strictAffinity: _old, ...rest } }) => ({
    name: cidr,
    value: {
      cidr,
      ...(affinity !== undefined && { affinity }),
      ...(affinityClaimTime !== undefined && { affinity_claim_time: affinityClaimTime }),
      ...rest,
    },
  }),
  columns: [
    nameColumn,
    { header: "CIDR", jsonPath: ".spec.cidr", cell: ({ spec }) => spec.cidr },
    { header: "AFFINITY", jsonPath: ".spec.affinity", cell: ({ spec }) => spec.affinity ?? "" },
  ],
  get wideColumns() {
    return [
      ...this.columns,
      { header: "IN USE", cell: ({ spec }: IPAMBlockResource) => `${inUse(spec)}/${spec.allocations.length}` },
    ];
  },
};

function inUse({ allocations }: IPAMBlockSpec): number {
  return allocations.filter((allocation) => allocation !== null).length;
}
