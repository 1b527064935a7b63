import type { IPPool } from "@brindle/api";
import { formatPrefix, type Prefix, parsePrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { choosePools, type PoolQuery } from "./pools.ts";

const query: PoolQuery = { family: 4, nodeLabels: { rack: "a" } };

describe("choosePools", () => {
  const cases: { name: string; spec: Partial<IPPool["spec"]>; query?: Partial<PoolQuery>; refused?: string }[] = [
    { name: "uses a pool that says nothing", spec: {} },
    { name: "uses a pool that selects the node", spec: { nodeSelector: "rack == 'a'" } },
    { name: "uses a pool that selects all nodes", spec: { nodeSelector: "all()" } },
    {
      name: "passes over a pool of other nodes",
      spec: { nodeSelector: "rack == 'b'" },
      refused: "its nodeSelector (rack == 'b') does not match",
    },
    {
      name: "uses a pool of other nodes when it is asked for",
      spec: { nodeSelector: "rack == 'b'" },
      query: { asked: ["p"] },
    },
    { name: "passes over a disabled pool", spec: { disabled: true }, refused: "it is disabled" },
    {
      name: "passes over a disabled pool even when asked for",
      spec: { disabled: true },
      query: { asked: ["p"] },
      refused: "it is disabled",
    },
    {
      name: "passes over a manual pool",
      spec: { assignmentMode: "Manual" },
      refused: "its assignmentMode is Manual, and it was not asked for",
    },
    { name: "uses a manual pool by its name", spec: { assignmentMode: "Manual" }, query: { asked: ["p"] } },
    { name: "uses a manual pool by its CIDR", spec: { assignmentMode: "Manual" }, query: { asked: ["10.0.0.0/16"] } },
    {
      name: "passes over a pool that is not for pods",
      spec: { allowedUses: ["Tunnel", "LoadBalancer"] },
      refused: "its allowedUses are Tunnel, LoadBalancer, not Workload",
    },
    {
      name: "uses a pool for the pod's namespace",
      spec: { namespaceSelector: "env == 'prod'" },
      query: { namespaceLabels: { env: "prod" } },
    },
    {
      name: "passes over a pool for other namespaces",
      spec: { namespaceSelector: "env == 'prod'" },
      query: { namespaceLabels: {} },
      refused: "its namespaceSelector (env == 'prod') does not match",
    },
    {
      name: "passes over a pool for namespaces while it cannot know them",
      spec: { namespaceSelector: "env == 'prod'" },
      refused: "it has a namespaceSelector, and the labels are not known",
    },
    {
      name: "refuses a pool smaller than its block",
      spec: { cidr: "10.0.0.0/28" },
      refused: "it is smaller than a block of /26",
    },
    {
      name: "refuses blocks that no pool can have",
      spec: { blockSize: 33 },
      refused: "blocks of /33 are not possible",
    },
    {
      name: "says when the pool asked for is of the other family",
      spec: { cidr: "fd00::/64" },
      query: { asked: ["p"] },
      refused: "its addresses are not IPv4",
    },
    { name: "says when there is no such pool", spec: {}, query: { asked: ["q"] }, refused: "there is no such pool" },
    { name: "uses a pool that holds the node's range", spec: {}, query: { within: [prefix("10.0.3.0/24")] } },
    {
      name: "passes over a pool of other nodes though it holds the node's range",
      spec: { nodeSelector: "rack == 'b'" },
      query: { within: [prefix("10.0.3.0/24")] },
      refused: "its nodeSelector (rack == 'b') does not match",
    },
    {
      name: "refuses a pool that has nothing of the node's range",
      spec: {},
      query: { within: [prefix("10.1.3.0/24")] },
      refused: "it has nothing of 10.1.3.0/24, which is this node's",
    },
    {
      name: "refuses where the node has a range of the other family alone",
      spec: {},
      query: { within: [prefix("fd00::/64")] },
      refused: "this node has no IPv4 range of its own (podCIDR)",
    },
    {
      name: "refuses a range that holds no block of the pool",
      spec: {},
      query: { within: [prefix("10.0.3.0/27")] },
      refused: "10.0.3.0/27 is smaller than a block of /26",
    },
  ];
  for (const { name, spec, query: more, refused } of cases) {
    it(name, () => {
      const choice = choosePools([pool("p", spec)], { ...query, ...more });
      expect(choice.refused.map(({ reason }) => reason)).toEqual(refused === undefined ? [] : [refused]);
      expect(choice.usable).toHaveLength(refused === undefined ? 1 : 0);
    });
  }

  it("says nothing of pools of the other family that were not asked for", () => {
    expect(choosePools([pool("p", { cidr: "fd00::/64" })], query)).toEqual({ usable: [], refused: [] });
  });

  it("is confined to what a pool and the node's ranges share", () => {
    const pools = [pool("b", {}), pool("a", { cidr: "10.0.3.0/25" })];
    const within = [prefix("10.0.3.0/24"), prefix("10.0.9.0/26")];
    const parts = choosePools(pools, { ...query, within }).usable;
    expect(parts.map((part) => `${part.name} ${formatPrefix(part.prefix)}`)).toEqual([
      "a 10.0.3.0/25",
      "b 10.0.3.0/24",
      "b 10.0.9.0/26",
    ]);
  });

  it("tries pools by name, or in the order in which they were asked for", () => {
    const pools = [pool("b", { cidr: "10.2.0.0/16" }), pool("c", {}), pool("a", { cidr: "10.1.0.0/16" })];
    const names = (asked?: string[]): string[] =>
      choosePools(pools, { ...query, ...(asked && { asked }) }).usable.map(({ name }) => name);
    expect(names()).toEqual(["a", "b", "c"]);
    expect(names(["c", "a"])).toEqual(["c", "a"]);
  });
});

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new TypeError(text);
  return parsed;
}

function pool(name: string, spec: Partial<IPPool["spec"]>): IPPool {
  const base = { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name } } as const;
  return { ...base, spec: { cidr: "10.0.0.0/16", ...spec } };
}
