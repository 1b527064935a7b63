/**
 * Differentiated services codepoints (RFC 2474) of what pods send out of the cluster, for whoever queues by them there. Between pods a
 * packet keeps what its sender has set, as with Calico. No policy: where it changes, no packet comes to another decision.
 *
 *     mangle POSTROUTING -> BRDL-CODEPOINTS -> to a range of pods: as it is -> by the pod's address
 */
import type { IPPool } from "@brindle/api";
import { type Address, compareAddresses, type Family, hostPrefix, networkOf, parseCidr } from "@brindle/net";
import { Interned } from "./interned.ts";
import type { ChainRule, Side, TableContent } from "./ir.ts";
import { chains } from "./names.ts";
import { hook, rule } from "./tables.ts";

export interface MarkedAddress {
  /** A pod's own. */
  readonly address: Address;
  /** 0 to 63. */
  readonly codepoint: number;
}

const nothing: TableContent = { chains: [], hooks: [] };

/** What stays the same stays one object. */
export class Codepoints {
  readonly #known = new Interned<TableContent>();

  of(marked: readonly MarkedAddress[], where: Where): TableContent {
    if (marked.length === 0) return nothing;
    const made = renderCodepoints(marked, where);
    return this.#known.of(JSON.stringify(made, withoutBigints), () => made);
  }
}

function withoutBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Of one table. */
export function joinedContent(a: TableContent, b: TableContent): TableContent {
  return b.chains.length === 0 ? a : { chains: [...a.chains, ...b.chains], hooks: [...a.hooks, ...b.hooks] };
}

interface Where {
  readonly pools: readonly IPPool[];
  readonly family: Family;
}

/** Behind routing, and before the table nat has another source put in. */
function renderCodepoints(marked: readonly MarkedAddress[], { pools, family }: Where): TableContent {
  const here = marked.filter(({ address }) => address.family === family);
  if (here.length === 0) return nothing;
  const inside = pools.flatMap(({ spec }): ChainRule[] => {
    const cidr = parseCidr(spec.cidr);
    if (cidr?.address.family !== family) return [];
    return [rule([net("destination", networkOf(cidr))], { kind: "return" }, "stays among pods")];
  });
  const rules = here
    .toSorted((a, b) => compareAddresses(a.address, b.address))
    .map(({ address, codepoint }) =>
      rule([net("source", hostPrefix(address))], { kind: "setCodepoint", codepoint }, "codepoint of a pod"),
    );
  return {
    chains: [{ name: chains.codepoints, rules: [...inside, ...rules] }],
    hooks: [hook("POSTROUTING", chains.codepoints)],
  };
}

function net(side: Side, prefix: ReturnType<typeof hostPrefix>): ChainRule["matches"][number] {
  return { kind: "net", side, net: prefix, negated: false };
}
