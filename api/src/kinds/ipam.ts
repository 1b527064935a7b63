/**
 * The three objects of address management, with the names of Calico's stored JSON. They are no v3 resources: their
 * etcd keys and values differ from the other kinds (see `shell/etcdKeys.ts`).
 */

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
