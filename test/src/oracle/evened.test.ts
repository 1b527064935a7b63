import type { Cluster, Packet } from "@brindle/policy";
import { describe, expect, it } from "vitest";
import { evened } from "./evened.ts";
import { isAllowed } from "./oracle.ts";
import { clusterWith, randomPackets } from "./randomCase.ts";
import { randomClusterWithHosts } from "./randomHosts.ts";

const count = 220;

function deniedOf(cluster: Cluster, draw: (count: number) => readonly Packet[]): number {
  const packets = evened(cluster, count, draw);
  expect(new Set(packets).size).toBe(count);
  return packets.filter((packet) => !isAllowed(cluster, packet)).length;
}

describe("the packets of a random case", () => {
  it("are of both verdicts, with a seed whose clusters deny seven of ten that are drawn blindly", () => {
    const first = 756_228_500;
    const cases = Array.from({ length: 25 }, (_, index) => first + index);
    const blind = cases.flatMap((seed) => {
      const cluster = randomClusterWithHosts(seed);
      return randomPackets(seed, count).filter((packet) => !isAllowed(cluster, packet));
    });
    expect(blind.length / (count * cases.length)).toBeGreaterThan(0.65);
    const denied = cases.reduce(
      (sum, seed) => sum + deniedOf(randomClusterWithHosts(seed), (drawn) => randomPackets(seed, drawn)),
      0,
    );
    expect(denied / (count * cases.length)).toBeLessThan(0.65);
  });

  it("are as many where all are allowed", () => {
    const cluster = clusterWith([]);
    const allowed = randomPackets(1, 3 * count).filter((packet) => isAllowed(cluster, packet));
    expect(deniedOf(cluster, () => allowed)).toBe(0);
  });
});
