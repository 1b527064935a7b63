/** Random clusters in which the node has a host endpoint, and policies are for it. */
import { apiVersion, type GlobalPolicySpec, type HostEndpoint, type PolicyDirection } from "@brindle/api";
import { parsePrefix } from "@brindle/net";
import type { Cluster, Policy } from "@brindle/policy";
import { parseClusterAddress } from "./oracle.ts";
import { nodeAddresses, nodeName, outsideAddresses } from "./policyNode.ts";
import { Random } from "./random.ts";
import { randomCluster, randomLabels, randomRules, randomSelector } from "./randomCase.ts";

/** In two of five a host endpoint stands beside the pods of the node. */
export function randomClusterWithHosts(seed: number): Cluster {
  const random = new Random(seed + 77);
  const cluster = randomCluster(seed);
  return random.chance(0.4) ? withHosts(cluster, random) : cluster;
}

/** With policies that are for hosts besides. */
function withHosts(cluster: Cluster, random: Random): Cluster {
  const forHosts = random.list(1 + random.integer(3), (index): Policy => {
    const types = random.pick<PolicyDirection[]>(["Ingress"], ["Ingress"], ["Egress"], ["Ingress", "Egress"]);
    const spec = {
      ...(random.chance(0.5) ? { selector: randomSelector(random) } : {}),
      ...(random.chance(0.2) ? { tier: "kube-admin" } : {}),
      types,
      ingress: types.includes("Ingress") ? randomRules(random) : [],
      egress: types.includes("Egress") ? randomRules(random) : [],
      ...(random.chance(0.8) ? randomHostFields(random, types) : {}),
    };
    return { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name: `for-hosts-${index}` }, spec };
  });
  return { ...cluster, ...randomHosts(random), policies: [...cluster.policies, ...forHosts] };
}

/** Of this node, for the interface to all others, or for all; now and then one of a node that is not probed, for selectors. */
function randomHosts(random: Random): Partial<Cluster> {
  const spec = random.pick<Partial<HostEndpoint["spec"]>>(
    { interfaceName: "uplink" },
    { interfaceName: "*" },
    { expectedIPs: [nodeAddresses[random.integer(2)] ?? ""] },
  );
  const hosts = random.list(1 + random.integer(2), (index): HostEndpoint => {
    const own = index === 0 ? { node: nodeName, ...spec } : { node: "node3", expectedIPs: [...outsideAddresses] };
    const profiles = random.chance(0.5) ? ["kns.ns1"] : [];
    const ports = [{ name: "web", protocol: "TCP", port: random.pick(80, 8080) }];
    return {
      apiVersion,
      kind: "HostEndpoint",
      metadata: { name: `host-${index}`, labels: randomLabels(random) },
      spec: { ...own, profiles, ports },
    };
  });
  const failsafe = (port: number, net: string | null) => ({
    protocol: 6,
    port,
    net: net === null ? null : parsePrefix(net),
  });
  return {
    hostEndpoints: hosts,
    uplinks: new Map([[nodeName, "uplink"]]),
    interfaces: new Map([[nodeName, new Map([["uplink", nodeAddresses.map(parseClusterAddress)]])]]),
    failsafes: {
      inbound: [failsafe(443, random.pick(null, "203.0.113.0/24"))],
      outbound: [{ protocol: 17, port: 53, net: null }],
    },
  };
}

function randomHostFields(random: Random, types: readonly PolicyDirection[]): Partial<GlobalPolicySpec> {
  const isIngress = types.length === 1 && types[0] === "Ingress";
  return random.pick<Partial<GlobalPolicySpec>>(
    { applyOnForward: true },
    isIngress ? { applyOnForward: true, preDNAT: true } : { applyOnForward: true },
    { applyOnForward: true, doNotTrack: true },
  );
}
