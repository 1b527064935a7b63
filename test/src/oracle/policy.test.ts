/** The rendered chains, in a real kernel, mean what `evaluate` says: random policies, real packets, both back ends. */
import type { Cluster, Packet } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decidedBy } from "./deciding.ts";
import { evened } from "./evened.ts";
import { focusedCase, focuses } from "./focusedCase.ts";
import { type Comparison, compare, describeMismatch, desiredOf } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { casesPerCrowd, listenPorts, type PacketBias, plainEndpoints, randomPackets } from "./randomCase.ts";
import { randomClusterWithHosts } from "./randomHosts.ts";

/** For each back end. */
const cases = 25;
const probesPerCase = 220;
const casesPerField = 3;
/** By the packets of both back ends together. */
const decidedMin = 200;

/** Where there is a host endpoint, packets of the node itself matter. */
const biasFor = ({ hostEndpoints = [] }: Cluster): PacketBias => (hostEndpoints.length > 0 ? { ofNode: 0.4 } : {});

function hasGroups(cluster: Cluster): boolean {
  return desiredOf(cluster).tables.some(({ content }) => content.chains.some(({ name }) => /^BRDL-g[io]-/.test(name)));
}

const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);
const decided = new Map<string, number>();
/** In all that `npm test` sends, and of each kind in each family. */
const probesMin = 20_000;
const ofEachKindMin = 1_000;
const kinds: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMP" };
const probed = new Map<string, number>();

async function probe(node: PolicyNode, cluster: Cluster, packets: readonly Packet[]): Promise<Comparison> {
  for (const { protocol, source } of packets) {
    const kind = `${kinds[protocol] ?? "other"} over IPv${source.family}`;
    probed.set(kind, (probed.get(kind) ?? 0) + 1);
  }
  return compare(node, cluster, packets);
}

describe.each(["nft", "legacy"] as const)(`random policies, backend %s, BRINDLE_SEED=${seed}`, (backend) => {
  let node: PolicyNode;
  const firstSeed = seed * 1_000 + (backend === "legacy" ? 500 : 0);
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it(`pass what evaluate allows and nothing else, in ${cases} cases of ${probesPerCase} probes`, async () => {
    let denied = 0;
    let grouped = 0;
    for (let index = 0; index < cases; index++) {
      const cluster = randomClusterWithHosts(firstSeed + index);
      if (hasGroups(cluster)) grouped += 1;
      const draw = (count: number): Packet[] => randomPackets(firstSeed + index, count, biasFor(cluster));
      const packets = evened(cluster, probesPerCase, draw);
      const comparison = await probe(node, cluster, packets);
      const [mismatch] = comparison.mismatches;
      if (mismatch) expect.fail(`case ${index}: ${await describeMismatch(node, cluster, mismatch)}`);
      denied += comparison.denied;
    }
    // A test that sees only one verdict proves nothing about the other.
    expect(denied / (cases * probesPerCase)).toBeGreaterThan(0.3);
    expect(denied / (cases * probesPerCase)).toBeLessThan(0.7);
    expect(grouped).toBeGreaterThanOrEqual(Math.floor(cases / casesPerCrowd));
  });

  it(`agree with evaluate where a field decides, ${focuses.length} fields`, async () => {
    let denied = 0;
    for (const [index, focus] of focuses.entries()) {
      for (let turn = 0; turn < casesPerField; turn++) {
        const { cluster, packets } = focusedCase(firstSeed + 100 + index * casesPerField + turn, focus, probesPerCase);
        const comparison = await probe(node, cluster, packets);
        const [mismatch] = comparison.mismatches;
        if (mismatch) expect.fail(`${focus.field}: ${await describeMismatch(node, cluster, mismatch)}`);
        denied += comparison.denied;
        decided.set(focus.field, (decided.get(focus.field) ?? 0) + decidedBy(focus.field, cluster, packets));
      }
    }
    expect(denied / (focuses.length * casesPerField * probesPerCase)).toBeGreaterThan(0.3);
    expect(denied / (focuses.length * casesPerField * probesPerCase)).toBeLessThan(0.7);
  });
});

it(`${probesMin} probes and more were sent, of both families, and of TCP, UDP and ICMP`, () => {
  const total = [...probed.values()].reduce((sum, count) => sum + count, 0);
  expect(total).toBeGreaterThanOrEqual(probesMin);
  const wanted = ["TCP", "UDP", "ICMP"].flatMap((kind) => [4, 6].map((family) => `${kind} over IPv${family}`));
  const tooFew = wanted.filter((kind) => (probed.get(kind) ?? 0) < ofEachKindMin);
  expect(tooFew.map((kind) => [kind, probed.get(kind)])).toEqual([]);
});

it(`each field decided on ${decidedMin} probes, BRINDLE_SEED=${seed}`, () => {
  const tooFew = focuses.filter(({ field }) => (decided.get(field) ?? 0) < decidedMin);
  expect(tooFew.map(({ field }) => [field, decided.get(field)])).toEqual([]);
});
