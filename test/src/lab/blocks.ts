import { addToAddress, containsAddress, formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import type { Etcd } from "../fixtures/etcd.ts";
import { field, list, text } from "../fixtures/json.ts";

/** A block of addresses as it stands in etcd, read with etcdctl and not with our own client. */
export interface StoredBlock {
  readonly cidr: string;
  /** The node it belongs to. */
  readonly node: string;
  /** The addresses in use. */
  readonly allocated: readonly string[];
}

export const blockPrefix = "/calico/ipam/v2/assignment/";

export async function storedBlocks(etcd: Etcd): Promise<StoredBlock[]> {
  const answer = await etcd.etcdctl("get", "--prefix", blockPrefix, "--print-value-only");
  return answer
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => parseBlock(JSON.parse(line)));
}

export function parseBlock(block: unknown): StoredBlock {
  const cidr = text(field(block, "cidr"));
  const first = parsePrefix(cidr)?.address;
  const allocated = list(field(block, "allocations")).flatMap((slot, ordinal) => {
    return slot === null || !first ? [] : [formatAddress(addToAddress(first, BigInt(ordinal)))];
  });
  return { cidr, node: text(field(block, "affinity")).replace(/^host:/, ""), allocated };
}

export function isWithin(cidr: string, address: string): boolean {
  const prefix = parsePrefix(cidr);
  const parsed = parseAddress(address);
  return prefix !== null && parsed !== null && containsAddress(prefix, parsed);
}
