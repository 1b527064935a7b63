/** Every address in use, and by whom, in order. */
import type { IPAMBlock } from "@brindle/api";
import { addressAt, type IpamFacts } from "@brindle/ipam";
import { compareAddresses, formatAddress } from "@brindle/net";

export interface AddressRow {
  readonly address: string;
  readonly block: string;
  readonly node: string;
  /** A pod as `<namespace>/<name>`, else what it is for. */
  readonly owner: string;
  readonly handle: string;
}

export function addressRows({ blocks }: IpamFacts): AddressRow[] {
  return addressRowsOf(
    [...blocks.values()].map(({ value }) => value),
    { isResting: true },
  );
}

/** `isResting`: with those that nobody has and that wait to be given again. */
export function addressRowsOf(
  blocks: readonly IPAMBlock[],
  { isResting }: { readonly isResting: boolean },
): AddressRow[] {
  const rows = blocks.flatMap((block) =>
    block.allocations.flatMap((index, ordinal) => {
      if (index === null) return [];
      const { handle_id: handle = "", secondary = {}, releasedAt } = block.attributes[index] ?? {};
      if (releasedAt !== undefined && !isResting) return [];
      const { namespace, pod, type, service, node = "" } = secondary;
      const named = pod === undefined ? (service ?? type ?? "") : `${namespace}/${pod}`;
      const owner = releasedAt === undefined ? named : "nobody: it was given back and waits";
      const address = addressAt(block, ordinal);
      return [{ order: address, row: { address: formatAddress(address), block: block.cidr, node, owner, handle } }];
    }),
  );
  return rows.toSorted((a, b) => compareAddresses(a.order, b.order)).map(({ row }) => row);
}
