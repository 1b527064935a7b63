/** Every address in use, and by whom, in order. */
import type { IPAMBlock, WorkloadEndpoint } from "@brindle/api";
import { addressAt, type IpamFacts, ownerInWords } from "@brindle/ipam";
import { compareAddresses, formatAddress, parseCidr } from "@brindle/net";

export interface AddressRow {
  readonly address: string;
  readonly block: string;
  readonly node: string;
  /** A pod as `<namespace>/<name>`, else what it is for, else the endpoint that has it: without Kubernetes there are no pods. */
  readonly owner: string;
  readonly handle: string;
}

export function addressRows({ blocks, endpoints }: IpamFacts): AddressRow[] {
  const rows = addressRowsOf(
    [...blocks.values()].map(({ value }) => value),
    { isResting: true },
  );
  return namedByEndpoints(
    rows,
    [...endpoints.values()].map(({ value }) => value),
  );
}

/** Those of which blocks tell no owner. */
export function namedByEndpoints(rows: readonly AddressRow[], endpoints: readonly WorkloadEndpoint[]): AddressRow[] {
  const names = new Map(
    endpoints.flatMap(({ metadata, spec }) =>
      (spec.ipNetworks ?? []).flatMap((text): [string, string][] => {
        const address = parseCidr(text)?.address;
        return address ? [[formatAddress(address), `WorkloadEndpoint ${metadata.namespace}/${metadata.name}`]] : [];
      }),
    ),
  );
  return rows.map((row) => (row.owner === "" ? { ...row, owner: names.get(row.address) ?? "" } : row));
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
      const { namespace, pod, type, node = "" } = secondary;
      const named = pod === undefined ? (ownerInWords(secondary) ?? type ?? "") : `${namespace}/${pod}`;
      const owner = releasedAt === undefined ? named : "nobody: it was given back and waits";
      const address = addressAt(block, ordinal);
      return [{ order: address, row: { address: formatAddress(address), block: block.cidr, node, owner, handle } }];
    }),
  );
  return rows.toSorted((a, b) => compareAddresses(a.order, b.order)).map(({ row }) => row);
}
