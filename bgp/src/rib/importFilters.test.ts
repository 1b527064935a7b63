import { describe, expect, it } from "vitest";
import { CompiledFilters } from "../filter/compile.ts";
import type { FilterRule } from "../filter/rule.ts";
import { address, packed, seededRandom } from "../wire/testing.ts";
import { newRib, path, ribPeer, settleAll } from "./testing.ts";

const marks = (value: number): FilterRule => ({ action: "Accept", operations: [{ setMED: { value } }] });
const of = (cidr: string, rule: FilterRule): FilterRule => ({ ...rule, cidr, matchOperator: "In" });

/** What a session may be told in turn: each changes, refuses or leaves alone other parts of the same prefixes. */
const configurations: (readonly FilterRule[])[] = [
  [],
  [marks(1)],
  [of("10.0.0.0/9", marks(2)), { action: "Reject" }],
  [of("10.128.0.0/9", { action: "Reject" }), marks(3)],
  [{ asPathPrefix: [65001], action: "Accept", operations: [{ prependASPath: { prefix: [9] } }] }],
  [of("10.0.0.0/9", marks(4)), marks(5)],
];

/** The same in the plain words of the rules. */
function expected(rules: readonly FilterRule[], prefix: string, asn: number): string | null {
  const isLow = Number(prefix.split(".")[1]) < 128;
  switch (configurations.indexOf(rules)) {
    case 1:
      return `med 1 path ${asn}`;
    case 2:
      return isLow ? `med 2 path ${asn}` : null;
    case 3:
      return isLow ? `med 3 path ${asn}` : null;
    case 4:
      return asn === 65001 ? `med undefined path 9,${asn}` : `med undefined path ${asn}`;
    case 5:
      return `med ${isLow ? 4 : 5} path ${asn}`;
    default:
      return `med undefined path ${asn}`;
  }
}

describe("the table under filters that change", () => {
  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);

  it(`has of every route what its present filters make of what was told (BRINDLE_SEED=${seed})`, () => {
    const below = seededRandom(seed);
    const rib = newRib();
    const facts = ribPeer({ name: "peer", address: address("192.0.2.1") });
    const peer = rib.peers.add(facts);
    const told = new Map<string, number>();
    let rules: readonly FilterRule[] = [];

    const configure = (next: readonly FilterRule[]): void => {
      rules = next;
      const filters = new CompiledFilters([{ name: "f", rules: { 4: rules } }], { external: true });
      rib.peers.set(peer, { ...facts, importRules: { ...facts.importRules, ...(!filters.isEmpty && { filters }) } });
      rib.reimport(peer);
    };
    const check = (): void => {
      settleAll(rib);
      for (const [prefix, asn] of told) {
        const route = rib.best(rib.prefixes.find(packed(prefix), 0));
        const value = route === 0 ? null : rib.attrs.value(rib.routes.attr.get(route));
        const found = value && `med ${value.med} path ${value.asPath.flatMap(({ asns }) => asns).join(",")}`;
        expect(`${prefix} ${found}`).toBe(`${prefix} ${expected(rules, prefix, asn)}`);
      }
    };
    for (let step = 0; step < 400; step++) {
      const prefixes = Array.from({ length: 1 + below(4) }, () => `10.${below(16) * 16}.${below(4)}.0/24`);
      const kind = below(10);
      if (kind < 5) {
        const asn = 65001 + below(3);
        rib.announce(peer, { prefixes: packed(...prefixes), nextHop: address("192.0.2.9") }, path(asn));
        for (const prefix of prefixes) told.set(prefix, asn);
      } else if (kind < 7) {
        rib.withdraw(peer, packed(...prefixes));
        for (const prefix of prefixes) told.delete(prefix);
      } else if (kind < 9) configure(configurations[below(configurations.length)] ?? []);
      else check();
    }
    check();
    expect(rib.counts(peer, 4).received).toBe(told.size);
    rib.withdraw(peer, packed(...told.keys()));
    settleAll(rib);
    expect([rib.prefixes.size, rib.attrs.size, rib.routes.size]).toEqual([0, 0, 0]);
  });
});
