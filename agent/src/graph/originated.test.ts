import assert from "node:assert/strict";
import type { BlockAffinity, IPPool, WorkloadEndpoint } from "@brindle/api";
import { parseAddress, parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { type OriginState, originatedPrefixes } from "./originated.ts";

const apiVersion = "projectcalico.org/v3";

function pool(name: string, cidr: string, disableBGPExport = false): [string, IPPool] {
  return [name, { apiVersion, kind: "IPPool", metadata: { name }, spec: { cidr, disableBGPExport } }];
}

function affinity(name: string, state: BlockAffinity["state"] = "confirmed"): [string, BlockAffinity] {
  return [name, { state, deleted: false }];
}

function endpoint(name: string, node: string, ...ipNetworks: string[]): [string, WorkloadEndpoint] {
  const spec = { orchestrator: "k8s", node, endpoint: "eth0", ipNetworks };
  return [name, { apiVersion, kind: "WorkloadEndpoint", metadata: { name, namespace: "default" }, spec }];
}

interface Case {
  readonly name: string;
  readonly pools?: OriginState["pools"];
  readonly affinities?: readonly [string, BlockAffinity][];
  readonly endpoints?: readonly [string, WorkloadEndpoint][];
  readonly podCidrs?: readonly string[];
  readonly floating?: readonly string[];
  readonly expected: readonly string[];
}

const pools = new Map([pool("v4", "10.244.0.0/16"), pool("v6", "fd00:244::/48")]);

const cases: readonly Case[] = [
  {
    name: "are its blocks of both families",
    affinities: [affinity("host:node1/10.244.0.0/26"), affinity("host:node1/fd00:244::/122")],
    expected: ["10.244.0.0/26", "fd00:244::/122"],
  },
  { name: "are not another node's", affinities: [affinity("host:node10/10.244.0.0/26")], expected: [] },
  {
    name: "are not blocks whose claim is not complete, or being given up",
    affinities: [
      affinity("host:node1/10.244.0.0/26", "pending"),
      affinity("host:node1/10.244.0.64/26", "pendingDeletion"),
    ],
    expected: [],
  },
  {
    name: "are not pods inside its own block",
    affinities: [affinity("host:node1/10.244.0.0/26")],
    endpoints: [endpoint("default/a", "node1", "10.244.0.5/32")],
    expected: ["10.244.0.0/26"],
  },
  {
    name: "are addresses that its pods hold in another's block",
    affinities: [affinity("host:node1/10.244.0.0/26"), affinity("host:node2/10.244.1.0/26")],
    endpoints: [endpoint("default/a", "node1", "10.244.1.5/32"), endpoint("default/b", "node2", "10.244.1.6/32")],
    expected: ["10.244.0.0/26", "10.244.1.5/32"],
  },
  {
    name: "are what floats to its pods, but in its own blocks and outside pools",
    affinities: [affinity("host:node1/10.244.0.0/26")],
    floating: ["10.244.0.9", "10.244.200.9", "192.0.2.9"],
    expected: ["10.244.0.0/26", "10.244.200.9/32"],
  },
  {
    name: "are nothing of a pool whose export is off, and nothing outside pools",
    pools: new Map([pool("v4", "10.244.0.0/16", true)]),
    affinities: [affinity("host:node1/10.244.0.0/26"), affinity("host:node1/10.99.0.0/26")],
    expected: [],
  },
  {
    name: "are its podCIDRs in place of the blocks in them, before there is any, and its other blocks",
    podCidrs: ["10.244.3.0/24", "fd00:244:0:3::/64"],
    affinities: [affinity("host:node1/10.244.3.64/26"), affinity("host:node1/10.244.9.0/26")],
    expected: ["10.244.3.0/24", "10.244.9.0/26", "fd00:244:0:3::/64"],
  },
  {
    name: "are addresses of its podCIDR that are in another's block",
    podCidrs: ["10.244.3.0/24"],
    affinities: [affinity("host:node2/10.244.3.0/26")],
    endpoints: [endpoint("default/a", "node1", "10.244.3.5/32")],
    expected: ["10.244.3.0/24", "10.244.3.5/32"],
  },
  {
    name: "are the blocks in a podCIDR of which a pool has but a part",
    pools: new Map([pool("v4", "10.244.3.0/25")]),
    podCidrs: ["10.244.3.0/24"],
    affinities: [affinity("host:node1/10.244.3.64/26")],
    expected: ["10.244.3.64/26"],
  },
];

describe("the prefixes that a node announces", () => {
  for (const { name, affinities = [], endpoints = [], podCidrs = [], floating = [], expected, ...options } of cases) {
    it(name, () => {
      const state = {
        ...{ node: "node1", pools, ...options },
        podCidrs: podCidrs.flatMap((text) => parsePrefix(text) ?? []),
        floating: floating.flatMap((text) => parseAddress(text) ?? []),
      };
      assert.deepEqual(
        originatedPrefixes({ ...state, affinities: new Map(affinities), endpoints: new Map(endpoints) }),
        expected,
      );
    });
  }
});
