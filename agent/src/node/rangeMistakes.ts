/** Ranges of pods that are something else already: a node could not tell a pod from a node, or a Service. */
import type { IPPool, Node } from "@brindle/api";
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

/** Of a node whose pods are to have addresses of its own range alone. What it has of one family is enough. */
export function ownRangeMistakes(node: Node | undefined, usesPodCidrs: boolean): Mistake[] {
  if (!usesPodCidrs || !node || (node.status?.podCIDRs ?? []).length > 0) return [];
  return [{ code: "NodeRangeMissing", text: `the Node ${node.metadata.name} has no podCIDRs` }];
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
