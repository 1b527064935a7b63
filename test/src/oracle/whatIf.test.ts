/** What `policy diff` finds by sets is what `evaluate` says packet by packet, before and after. */
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

function verdict(cluster: Cluster, [from, to]: readonly [number, number], { family, protocol, port }: Point): string {
  const [source, destination] = [from, to].map((index) => {
    const endpoint = cluster.endpoints[index];
    return endpoint && endpointAddresses(endpoint).find((address) => address.family === family);
  });
  if (!source || !destination) throw new Error("every pod has both families");
  const echo = { icmp: { type: family === 4 ? 8 : 128, code: 0 } };
  const packet = { source, destination, protocol, ...(port === 0 ? echo : { destinationPort: port }) };
  return evaluate(cluster, packet).verdict;
}

function expected(before: Cluster, after: Cluster): string[] {
  const indices = before.endpoints.map((_, index) => index);
  return indices.flatMap((from) =>
    indices.flatMap((to) =>
      ([4, 6] as const).flatMap(points).flatMap((point) => {
        if (from === to) return [];
        const is = verdict(after, [from, to], point);
        return is === verdict(before, [from, to], point) ? [] : [text({ from: name(from), to: name(to) }, point, is)];
      }),
    ),
  );
  function name(index: number): string {
    const endpoint = before.endpoints[index];
    return endpoint ? endpointId(endpoint) : "";
  }
}

function text({ from, to }: { from: string; to: string }, { family, protocol, port }: Point, verdict: string): string {
  return `IPv${family} ${from} ${to} ${protocol} ${port} ${verdict}`;
}

/** The points that a change covers, of those that are looked at. */
function covered(change: VerdictChange): string[] {
  const { family, protocol, firstPort, lastPort, after } = change;
  const within = points(family).filter(
    (point) => point.protocol === protocol && firstPort <= point.port && point.port <= lastPort,
  );
  return within.map((point) => text(change, point, after));
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

  it("is nothing where nothing changes, and everything back where it is undone", () => {
    const before = randomCluster(seed);
    const after = { ...before, policies: randomCluster(seed + 1).policies };
    expect([...verdictChanges(before, { ...before })]).toEqual([]);
    const turned = (changes: Iterable<VerdictChange>) =>
      [...changes].map((change) => ({ ...change, after: change.after === "allow" ? "deny" : "allow" }));
    expect(turned(verdictChanges(before, after))).toEqual([...verdictChanges(after, before)]);
  });
});
