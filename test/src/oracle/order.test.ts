/** What is asked in which order, in the kernel: of packets that one thing lets through and another would not. */
import { apiVersion, type GlobalPolicySpec } from "@brindle/api";
import type { Chain, Cluster, Desired, Packet, Policy } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allow, chains, commented, nothing } from "./faultKit.ts";
import { compare, desiredOf, packetOf, parseClusterAddress } from "./oracle.ts";
import { nodeAddresses, nodeName, PolicyNode } from "./policyNode.ts";
import type { ProbeOrder } from "./probe.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

const deadlineMs = 10_000;

function udp(source: string, destination: string): ProbeOrder {
  return { id: "", protocol: "udp", source, sourcePort: 21_000, destination, destinationPort: 8_080 };
}

function forHosts(name: string, spec: GlobalPolicySpec): Policy {
  const all = { types: ["Ingress" as const], applyOnForward: true, ...spec };
  return { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name }, spec: all };
}

/** All that comes is allowed before it is tracked, and would be denied before its destination is translated. */
const earlyAndDenied: Cluster = {
  ...clusterWith([]),
  policies: [
    forHosts("untracked", { doNotTrack: true, ingress: [allow] }),
    forHosts("before-dnat", { preDNAT: true, ingress: [{ action: "Deny" }] }),
  ],
  hostEndpoints: [
    {
      apiVersion,
      kind: "HostEndpoint",
      metadata: { name: "uplink" },
      spec: { node: nodeName, interfaceName: "uplink" },
    },
  ],
  uplinks: new Map([[nodeName, "uplink"]]),
  interfaces: new Map([[nodeName, new Map([["uplink", nodeAddresses.map(parseClusterAddress)]])]]),
};

/** Whatever the table raw says. */
function askedAgain({ tables, ...desired }: Desired): Desired {
  const isLeft = ({ comment }: Chain["rules"][number]): boolean => comment !== "allowed before tracking";
  const chainsOf = (of: readonly Chain[]): Chain[] =>
    of.map((chain) => ({ ...chain, rules: chain.rules.filter(isLeft) }));
  return {
    ...desired,
    tables: tables.map((one) => ({ ...one, content: { ...one.content, chains: chainsOf(one.content.chains) } })),
  };
}

/** Known flows first, whoever sends. */
const knownFirst = chains((chain: Chain): Chain => {
  if (chain.name !== "BRDL-FORWARD") return chain;
  const isKnown = ({ comment }: Chain["rules"][number]): boolean => comment === "known flow";
  return { ...chain, rules: [...chain.rules.filter(isKnown), ...chain.rules.filter((rule) => !isKnown(rule))] };
});

describe.each(["nft", "legacy"] as const)("the order of questions, backend %s:", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
    await node.ownAddress("10.65.0.3", "10.65.0.77");
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it.each([
    { what: "as it is", spoil: (desired: Desired) => desired, mismatches: 0 },
    {
      what: "and would be caught, did it not hold",
      spoil: askedAgain,
      mismatches: 2,
    },
  ])("nobody asks what is allowed before it is tracked, $what", async ({ spoil, mismatches: expected }) => {
    const packets = [packetOf(udp("198.51.100.9", "10.65.0.2")), packetOf(udp("2001:db8:9::9", "fd65::2"))];
    // What is to be missing need not be waited for.
    const { mismatches } = await compare(node, earlyAndDenied, packets, {
      spoil,
      deadlineMs: expected ? 500 : deadlineMs,
    });
    expect(mismatches.length).toBe(expected);
  });

  it.each([
    { what: "as it is", spoil: (desired: Desired) => desired, passes: false },
    { what: "and would be caught, did it not hold", spoil: knownFirst, passes: true },
  ])("nobody sends under another's address into a flow that is known, $what", async ({ spoil, passes }) => {
    const state = desiredOf(clusterWith([]));
    const packet = packetOf(udp("10.65.0.77", "10.65.0.1"));
    const answer: Packet = packetOf(udp("10.65.0.1", "10.65.0.77"));
    const { sourcePort, destinationPort } = packet;
    const sent = async (one: Packet, awaited: boolean): Promise<boolean> => {
      const passed = await node.sendOfOpenFlows([one], new Set(awaited ? [one] : []), awaited ? deadlineMs : 0);
      return passed.has(one);
    };
    // While nobody looks at addresses the flow opens; that conntrack sees the answer is enough, wherever that goes.
    await node.apply(commented("no endpoint, or not its address", nothing)(state));
    expect(await sent(packet, true)).toBe(true);
    await sent({ ...answer, sourcePort: destinationPort ?? 0, destinationPort: sourcePort ?? 0 }, false);
    await node.apply(spoil(state));
    expect(await sent(packet, passes)).toBe(passes);
  });
});
