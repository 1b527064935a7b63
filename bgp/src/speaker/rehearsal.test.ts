import { beforeEach, describe, expect, it } from "vitest";
import type { AdvertisedRoute } from "../control.ts";
import type { RehearsedSlice } from "../out/rehearsal.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import type { RehearsalQuery } from "./event.ts";
import type { RouteSlice } from "./routeQuery.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "./testing.ts";

describe("what a peer would be told", () => {
  let network: SimulatedNetwork;
  let a: SimulatedNode;
  let b: SimulatedNode;
  let c: SimulatedNode;

  /** `b`, between `a` and `c`. */
  function configOf(toC: Partial<PeerConfig>): SpeakerConfig {
    return speakerOf(b, 65002, { peers: [peerOf(a.address, 65001), peerOf(c.address, 65003, toC)] });
  }

  beforeEach(() => {
    network = new SimulatedNetwork();
    [a, b, c] = [network.node("10.9.0.1"), network.node("10.9.0.2"), network.node("10.9.0.3")];
    network.tell(b, { type: "configure", config: configOf({}) });
    for (const [node, asn] of [
      [a, 65001],
      [c, 65003],
    ] as const) {
      network.tell(node, { type: "configure", config: speakerOf(node, asn, { peers: [peerOf(b.address, 65002)] }) });
    }
    network.tell(a, { type: "originate", prefixes: ["10.1.0.0/24", "10.2.0.0/24", "fd00:1::/64"] });
    network.tell(b, { type: "originate", prefixes: [{ prefix: "10.3.0.0/24", communities: ["65002:1"], med: 3 }] });
    network.tell(c, { type: "originate", prefixes: ["10.4.0.0/24"] });
    network.run(20_000);
  });

  function advertised(query: RehearsalQuery = {}): readonly AdvertisedRoute[] {
    return b.speaker.advertised(c.address, query)?.rows ?? expect.fail("there is no such peer");
  }

  /** What `c` holds of `b`, as `c` has it. */
  function heard() {
    return c.speaker
      .routes({ peer: b.address })
      .map(({ prefix, nextHop, asPath, med, communities }) => ({ prefix, nextHop, asPath, med, communities }))
      .sort((one, other) => (one.prefix < other.prefix ? -1 : 1));
  }

  function told() {
    return advertised()
      .map(({ prefix, nextHop, asPath, med, communities }) => ({ prefix, nextHop, asPath, med, communities }))
      .sort((one, other) => (one.prefix < other.prefix ? -1 : 1));
  }

  it("is what it does hear, without a change", () => {
    expect(heard()).toHaveLength(4);
    expect(told()).toEqual(heard());
  });

  const exportFilters: PeerConfig["exportFilters"] = [
    {
      name: "out",
      rules: {
        4: [
          { cidr: "10.1.0.0/24", matchOperator: "Equal", action: "Reject" },
          { cidr: "10.2.0.0/24", matchOperator: "In", action: "Accept", operations: [{ setMED: { value: 9 } }] },
        ],
      },
    },
  ];

  it("is what it does hear after the change, and nothing changes before", () => {
    const before = heard();
    const changes = advertised({ config: configOf({ exportFilters }) });
    network.run(5_000);
    expect(heard()).toEqual(before);
    expect(changes.map(({ prefix, change, med, acceptedBy }) => [prefix, change, med, acceptedBy])).toEqual([
      ["10.1.0.0/24", "gone", null, null],
      ["10.2.0.0/24", "changed", 9, { filter: "out", place: 2 }],
    ]);
    network.tell(b, { type: "configure", config: configOf({ exportFilters }) });
    network.run(5_000);
    expect(heard().map(({ prefix, med }) => [prefix, med])).toEqual([
      ["10.2.0.0/24", 9],
      ["10.3.0.0/24", 3],
      ["fd00:1::/64", null],
    ]);
    expect(told()).toEqual(heard());
    const back = advertised({ config: configOf({}) });
    expect(back.map(({ prefix, change }) => [prefix, change])).toEqual([
      ["10.1.0.0/24", "new"],
      ["10.2.0.0/24", "changed"],
    ]);
  });

  describe("where others or we would announce otherwise", () => {
    /** Each prefix that `c` holds of `b`, with all that it was told. */
    const held = (): Map<string, string> => new Map(told().map((row) => [row.prefix, JSON.stringify(row)]));

    function changed(before: Map<string, string>, after: Map<string, string>): [string, string][] {
      return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((prefix): [string, string][] => {
        const [was, is] = [before.get(prefix), after.get(prefix)];
        if (was === is) return [];
        return [[prefix, was === undefined ? "new" : is === undefined ? "gone" : "changed"]];
      });
    }

    const importFilters: PeerConfig["importFilters"] = [
      {
        name: "in",
        rules: {
          4: [
            { cidr: "10.1.0.0/24", matchOperator: "Equal", action: "Reject" },
            {
              cidr: "10.2.0.0/24",
              matchOperator: "Equal",
              action: "Accept",
              operations: [{ addCommunity: { value: "65002:7" } }],
            },
          ],
        },
      },
    ];
    const both = (ofA: Partial<PeerConfig>): SpeakerConfig =>
      speakerOf(b, 65002, { peers: [peerOf(a.address, 65001, ofA), peerOf(c.address, 65003)] });
    const own = [{ prefix: "10.3.0.0/24", communities: ["65002:1"], med: 4 }, "10.9.0.0/24", "2001:DB8::/32"];

    it.each([
      { name: "what another peer may tell us", ofA: { importPolicy: { accept: [] } } },
      { name: "what is changed in what another peer tells", ofA: { importFilters } },
      { name: "which prefixes are our own", ofA: {}, originated: own },
      { name: "none of our own, and nothing from the other", ofA: { importPolicy: { accept: [] } }, originated: [] },
      { name: "a prefix of our own that another announces", ofA: {}, originated: ["10.1.0.0/24"] },
    ])("is what comes of it: $name", ({ ofA, originated }) => {
      const before = held();
      const config = both(ofA);
      const foretold = advertised({ config, ...(originated && { originated }) });
      expect(held()).toEqual(before);
      network.tell(b, { type: "configure", config });
      if (originated) network.tell(b, { type: "originate", prefixes: originated });
      network.run(5_000);
      expect(told()).toEqual(heard());
      const wanted = changed(before, held());
      expect(wanted.length).toBeGreaterThan(0);
      expect(foretold.map(({ prefix, change }) => [prefix, change]).sort()).toEqual(wanted);
    });

    it("is what is left without another peer", () => {
      const config = speakerOf(b, 65002, { peers: [peerOf(c.address, 65003)] });
      expect(advertised({ config }).map(({ prefix, change }) => [prefix, change])).toEqual([
        ["10.1.0.0/24", "gone"],
        ["10.2.0.0/24", "gone"],
        ["fd00:1::/64", "gone"],
      ]);
    });

    it("is found in slices, each prefix once", () => {
      const prefixes = Array.from({ length: 600 }, (_, i) => `10.8.${i >> 8}.${i & 255}/32`);
      network.tell(a, { type: "originate", prefixes });
      network.run(5_000);
      const query = { config: both({ importPolicy: { accept: [] } }), originated: own, limit: 10_000 };
      const found: string[] = [];
      let slices = 0;
      for (let from: number | null = 1; from !== null; slices++) {
        const slice: RehearsedSlice | null = b.speaker.advertised(c.address, query, from);
        found.push(...(slice?.rows ?? []).map(({ prefix, change }) => `${change} ${prefix}`));
        from = slice?.next ?? null;
      }
      expect(slices).toBeGreaterThan(2);
      const news = ["new 10.9.0.0/24", "new 2001:db8::/32", "changed 10.3.0.0/24"];
      expect(found.sort()).toEqual([...prefixes.map((prefix) => `gone ${prefix}`), ...news].sort());
    });
  });

  it("is found in slices of the table, as all of it at once", () => {
    const prefixes = Array.from({ length: 40_000 }, (_, i) => `10.${64 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`);
    network.tell(b, { type: "originate", prefixes });
    network.run(5_000);
    const query = { peer: a.address, limit: 10_000 };
    const found: string[] = [];
    let slices = 0;
    for (let from: number | null = 1; from !== null; slices++) {
      const slice: RouteSlice = b.speaker.routeSlice(query, from);
      found.push(...slice.rows.map(({ prefix }) => prefix));
      from = slice.next;
    }
    expect(slices).toBe(3);
    expect(found).toEqual(b.speaker.routes(query).map(({ prefix }) => prefix));
    expect(b.speaker.routeSlice({ limit: 5 }, 1)).toMatchObject({ rows: { length: 5 }, next: null });
    expect(b.speaker.routeSlice({ prefix: "10.64.0.9/32" }, 1)).toMatchObject({ rows: { length: 1 }, next: null });
  });

  it("is nothing new where the change concerns others", () => {
    expect(advertised({ config: configOf({ importPolicy: { accept: [] } }) })).toEqual([]);
  });

  it("is told for as many prefixes as was asked for", () => {
    expect(advertised({ limit: 2 })).toHaveLength(2);
  });

  it("is told in slices, so that nothing waits for it", () => {
    network.tell(b, {
      type: "originate",
      prefixes: Array.from({ length: 3000 }, (_, i) => `10.8.${i >> 8}.${i & 255}/32`),
    });
    network.run(5_000);
    const found: string[] = [];
    let slices = 0;
    for (let from: number | null = 1; from !== null; slices++) {
      const slice: RehearsedSlice | null = b.speaker.advertised(c.address, { limit: 10_000 }, from);
      found.push(...(slice?.rows ?? []).map(({ prefix }) => prefix));
      from = slice?.next ?? null;
    }
    expect(slices).toBeGreaterThan(2);
    expect(new Set(found).size).toBe(3003);
    expect(found).toHaveLength(3003);
  });

  it("is unknown of a peer that is not there, now or then", () => {
    expect(b.speaker.advertised("nobody")).toBeNull();
    const config = speakerOf(b, 65002, { peers: [peerOf(a.address, 65001)] });
    expect(b.speaker.advertised(c.address, { config })).toBeNull();
  });
});
