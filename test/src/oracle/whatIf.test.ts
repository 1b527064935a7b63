/** What `policy diff` finds by sets is what `evaluate` says packet by packet, before and after. */
import type { HostEndpoint } from "@brindle/api";
import type { Address } from "@brindle/net";
import {
  type Cluster,
  endpointAddresses,
  endpointId,
  evaluate,
  type VerdictChange,
  verdictChanges,
} from "@brindle/policy";
import { describe, expect, it } from "vitest";
import { randomCluster } from "./randomCase.ts";
import { randomClusterWithHosts } from "./randomHosts.ts";

const cases = 8;
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);
const ports = [
  1, 8, 9, 10, 13, 14, 52, 53, 54, 79, 80, 81, 82, 442, 443, 444, 4999, 5000, 5353, 5354, 8080, 8081, 65535,
];

interface Point {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly port: number;
}

function points(family: 4 | 6): Point[] {
  const withPorts = [6, 17].flatMap((protocol) => ports.map((port) => ({ family, protocol, port })));
  return [...withPorts, { family, protocol: family === 4 ? 1 : 58, port: 0 }];
}

/** Every other point of a pair, other ones for the next pair: evaluate takes its time, and pairs have much in common. */
function isLookedAt({ from, to }: { readonly from: string; readonly to: string }, point: Point): boolean {
  const letters = [...from, ...to].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  return (letters + point.family + point.protocol + ports.indexOf(point.port)) % 2 === 0;
}

/** A pod, or a node. */
interface End {
  readonly id: string;
  readonly addresses: readonly Address[];
}

/** Of the nodes those with a host endpoint before or after. */
function endsOf({ endpoints, nodes = new Map() }: Cluster, hosts: readonly HostEndpoint[]): End[] {
  const names = [...new Set(hosts.map(({ spec }) => spec.node))].filter((name) => nodes.has(name));
  return [
    ...endpoints.map((endpoint) => ({ id: endpointId(endpoint), addresses: endpointAddresses(endpoint) })),
    ...names.map((name) => ({ id: `Node ${name}`, addresses: nodes.get(name) ?? [] })),
  ];
}

function verdict(cluster: Cluster, [from, to]: readonly [End, End], { family, protocol, port }: Point): string {
  const [source, destination] = [from, to].map(({ addresses }) =>
    addresses.find((address) => address.family === family),
  );
  if (!source || !destination) throw new Error("every end has both families");
  const echo = { icmp: { type: family === 4 ? 8 : 128, code: 0 } };
  const packet = { source, destination, protocol, ...(port === 0 ? echo : { destinationPort: port }) };
  return evaluate(cluster, packet).verdict;
}

function expected(before: Cluster, after: Cluster): string[] {
  const ends = endsOf(before, [...(before.hostEndpoints ?? []), ...(after.hostEndpoints ?? [])]);
  return ends.flatMap((from) =>
    ends.flatMap((to) =>
      ([4, 6] as const).flatMap(points).flatMap((point) => {
        if (from === to || !isLookedAt({ from: from.id, to: to.id }, point)) return [];
        const is = verdict(after, [from, to], point);
        return is === verdict(before, [from, to], point) ? [] : [text({ from: from.id, to: to.id }, point, is)];
      }),
    ),
  );
}

function text({ from, to }: { from: string; to: string }, { family, protocol, port }: Point, verdict: string): string {
  return `IPv${family} ${from} ${to} ${protocol} ${port} ${verdict}`;
}

/** The points that a change covers, of those that are looked at. */
function covered(change: VerdictChange): string[] {
  const { family, protocol, firstPort, lastPort, after } = change;
  const within = points(family).filter(
    (point) =>
      point.protocol === protocol && firstPort <= point.port && point.port <= lastPort && isLookedAt(change, point),
  );
  return within.map((point) => text(change, point, after));
}

/** A cluster without its host endpoints afterwards, and with those and the policies of another one; again for others. */
function pairsWithHosts(): [Cluster, Cluster][] {
  const clusters = [...Array(40).keys()].map((index) => randomClusterWithHosts(seed * 1_000 + index));
  const withHosts = clusters.filter(({ hostEndpoints }) => hostEndpoints !== undefined);
  return withHosts.slice(1).flatMap((before, index): [Cluster, Cluster][] => {
    const { hostEndpoints: _, ...without } = before;
    const { policies = [], tiers = [], hostEndpoints = [], networkSets = [] } = withHosts[index] ?? {};
    const changed = { ...before, policies, tiers, hostEndpoints, networkSets, endpointToHostAction: "Accept" } as const;
    return [
      [before, without],
      [before, changed],
    ];
  });
}

describe(`what would change, BRINDLE_SEED=${seed}`, () => {
  it(`is what evaluate says before and after, in ${cases} random clusters`, () => {
    let changes = 0;
    for (let index = 0; index < cases; index++) {
      const before = randomCluster(seed * 1_000 + index);
      const { policies, tiers = [], networkSets = [], endpointSlices = [] } = randomCluster(seed * 1_000 + index + 500);
      const after = { ...before, policies, tiers, networkSets, endpointSlices };
      const found = [...verdictChanges(before, after)].flatMap(covered).sort();
      expect(found, `case ${index}`).toEqual(expected(before, after).sort());
      changes += found.length;
    }
    expect(changes).toBeGreaterThan(cases * 50);
  });

  it("is so with host endpoints, for what nodes forward and for what they send and get themselves", () => {
    const patterns = [/IPv. Node \S+ \w+\//, /IPv. \w+\S+ Node /, /IPv. \w+\/\S+ \w+\//];
    const changes: string[] = [];
    const unseen = (): RegExp[] => patterns.filter((pattern) => !changes.some((change) => pattern.test(change)));
    // One pair of clusters most often changes something of each kind.
    for (const [index, [before, after]] of pairsWithHosts().entries()) {
      const found = [...verdictChanges(before, after)].flatMap(covered).sort();
      expect(found, `case ${index}`).toEqual(expected(before, after).sort());
      changes.push(...found);
      if (index > 0 && unseen().length === 0) break;
    }
    expect(unseen()).toEqual([]);
  });

  it("is nothing where nothing changes, and everything back where it is undone", () => {
    const before = randomCluster(seed);
    const after = { ...before, policies: randomCluster(seed + 1).policies };
    expect([...verdictChanges(before, { ...before })]).toEqual([]);
    const turned = (changes: Iterable<VerdictChange>) =>
      [...changes].map((change) => ({ ...change, after: change.after === "allow" ? "deny" : "allow" }));
    expect(turned(verdictChanges(before, after))).toEqual([...verdictChanges(after, before)]);
  });
});
