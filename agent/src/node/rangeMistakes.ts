/** Ranges of pods that are something else already: a node could not tell a pod from a node, or a Service. */
import type { IPPool } from "@brindle/api";
import { formatPrefix, isLinkLocal, overlaps, parsePrefix } from "@brindle/net";
import { type Candidate, isForeignInterface } from "./addresses.ts";
import type { Mistake } from "./mistakes.ts";

export interface UsedRanges {
  /** The node's addresses, with their networks. */
  readonly candidates: readonly Candidate[];
  /** Of Services; none where nobody says. */
  readonly serviceCidrs: readonly string[];
}

/** Interfaces of other networks, perhaps of one that was here before, may have addresses of a pool. */
export function poolMistakes(pools: readonly IPPool[], { candidates, serviceCidrs }: UsedRanges): Mistake[] {
  const own = candidates.filter(({ interfaceName }) => !isForeignInterface(interfaceName));
  const used = { candidates: own, serviceCidrs };
  return pools
    .filter(({ spec }) => spec.disabled !== true)
    .flatMap(({ metadata, spec }) => {
      const mistake = rangeMistake(spec.cidr, used);
      return mistake ? [{ ...mistake, text: `IPPool ${metadata.name}: ${mistake.text}` }] : [];
    });
}

/** `null` for a range that nobody has, and for what is none. */
export function rangeMistake(cidr: string, { candidates, serviceCidrs }: UsedRanges): Mistake | null {
  const range = parsePrefix(cidr);
  if (!range) return null;
  const node = candidates.find((each) => !isLinkLocal(each.cidr.address) && overlaps(range, each.cidr));
  if (node) {
    const network = `${formatPrefix(node.cidr)} of ${node.interfaceName}`;
    return { code: "PodCidrOverlapsNodes", text: `${cidr} overlaps with the network ${network}` };
  }
  const services = serviceCidrs.find((each) => {
    const prefix = parsePrefix(each);
    return prefix !== null && overlaps(range, prefix);
  });
  if (services === undefined) return null;
  return { code: "PodCidrOverlapsServices", text: `${cidr} overlaps with the range of Services, ${services}` };
}
