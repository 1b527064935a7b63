/** Pods of pools with natOutgoing speak to the outside with their node's address, and to other pods with their own. */
import type { IPPool } from "@brindle/api";
import { type Family, networkOf, type Prefix, parseCidr } from "@brindle/net";
import type { Match, Side, TableContent } from "./ir.ts";
import { chains } from "./names.ts";
import { lookupsFor, type SetUse, setUse } from "./setUse.ts";
import { hook, rule } from "./tables.ts";

export interface Masquerade {
  readonly content: TableContent;
  readonly sets: readonly SetUse[];
}

/** Disabled pools count too: that no more addresses are given from them says nothing about those in use. */
export function renderMasquerade(pools: readonly IPPool[], family: Family): Masquerade {
  const masqueraded = netsOf(
    pools.filter(({ spec }) => spec.natOutgoing),
    family,
  );
  if (masqueraded.length === 0) return { content: { chains: [], hooks: [] }, sets: [] };
  const from = setUse(family, { kind: "nets", nets: masqueraded }, { growth: "mixed", lookups: lookupsFor("source") });
  const inside = setUse(
    family,
    { kind: "nets", nets: netsOf(pools, family) },
    { growth: "mixed", lookups: lookupsFor("destination") },
  );
  const matches = [inSet(from, "source", false), inSet(inside, "destination", true)];
  const name = chains.postrouting;
  return {
    content: {
      chains: [{ name, rules: [rule(matches, { kind: "masquerade" }, "natOutgoing of IPPools")] }],
      hooks: [hook("POSTROUTING", name)],
    },
    sets: [from, inside],
  };
}

function netsOf(pools: readonly IPPool[], family: Family): Prefix[] {
  const nets = pools.flatMap(({ spec }) => {
    const cidr = parseCidr(spec.cidr);
    return cidr ? [networkOf(cidr)] : [];
  });
  return nets.filter(({ address }) => address.family === family);
}

function inSet({ name }: SetUse, side: Side, negated: boolean): Match {
  return { kind: "set", side, set: name, withPort: false, negated };
}
