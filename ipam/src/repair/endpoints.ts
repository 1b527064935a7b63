/** What is wrong with endpoints and Nodes, as far as addresses go. */
import { isUnmanaged, parseWorkloadEndpointName, type WorkloadEndpoint } from "@brindle/api";
import { containsAddress, formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import { type IpamFacts, isAway, isGone, kubernetesNodeOf, nameInKubernetes } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { type Holding, isOfContainer, type Owners } from "./owners.ts";

export function examineEndpoints(facts: IpamFacts, held: readonly Holding[], owners: Owners): Finding[] {
  return [...addressesInDoubt(facts, held, owners), ...staleEndpoints(facts), ...staleNodes(facts)];
}

function addressesInDoubt(facts: IpamFacts, held: readonly Holding[], owners: Owners): Finding[] {
  const holders = new Map(held.map((holding) => [formatAddress(holding.address), holding]));
  const pools = facts.pools.flatMap(({ spec }) => parsePrefix(spec.cidr) ?? []);
  const giving = facts.pools.flatMap(({ spec }) => (spec.disabled === true ? [] : (parsePrefix(spec.cidr) ?? [])));
  const findings: Finding[] = [];
  for (const [address, endpoints] of owners.having) {
    if (endpoints.length > 1)
      findings.push({ kind: "duplicate", address, endpoints: endpoints.map(nameOf).toSorted() });
    const holder = holders.get(address);
    for (const endpoint of endpoints) {
      const parsed = parseAddress(address);
      if (!parsed || !pools.some((pool) => containsAddress(pool, parsed))) continue;
      // What the pod was given past address management is in doubt only where a pool may give it as well.
      const isMeant = isUnmanaged(endpoint, address) && !giving.some((pool) => containsAddress(pool, parsed));
      if (!holder && !isAllocated(facts, address) && !isMeant)
        findings.push({ kind: "notAllocated", address, endpoint: nameOf(endpoint) });
      else if (holder && isOfAnother(holder, endpoint))
        findings.push({ kind: "heldByOther", address, endpoint: nameOf(endpoint), handleId: holder.handleId });
    }
  }
  return findings;
}

/** By whomever: without a handle, or in cooldown. */
function isAllocated({ blocks }: IpamFacts, text: string): boolean {
  const address = parseAddress(text);
  if (!address) return false;
  return [...blocks.values()].some(({ value: { cidr, allocations } }) => {
    const prefix = parsePrefix(cidr);
    if (!prefix || !containsAddress(prefix, address)) return false;
    return (allocations[Number(address.value - prefix.address.value)] ?? null) !== null;
  });
}

function isOfAnother({ handleId, attributes }: Holding, { spec, metadata }: WorkloadEndpoint): boolean {
  if (spec.containerID === undefined || isOfContainer(handleId, spec.containerID)) return false;
  // A virtual machine's handle is the machine's, and the earlier container of a pod gives back a moment later.
  return attributes.pod !== spec.pod || attributes.namespace !== metadata.namespace;
}

function staleEndpoints(facts: IpamFacts): Finding[] {
  if (facts.endpointsArePods) return [];
  return [...facts.endpoints].flatMap(([endpoint, { value }]): Finding[] => {
    const { node, orchestrator, containerID: container } = value.spec;
    if (container === undefined || isAway(node, facts)) return [];
    const pods = orchestrator === "k8s" ? (facts.kubernetes?.pods ?? null) : null;
    if (pods && !hasPod(pods, value, facts)) {
      const reason = isGone(node, facts) ? "nodeGone" : "podGone";
      return [{ kind: "staleEndpoint", endpoint, container, node, reason }];
    }
    return !pods && isGone(node, facts)
      ? [{ kind: "staleEndpoint", endpoint, container, node, reason: "nodeGone" }]
      : [];
  });
}

/**
 * By its name and node, not by its UID: a kubelet runs static pods under another one than their mirrors at the API server
 * have. Of a pod that is made anew under its name, the next ADD writes the endpoint anew.
 */
function hasPod(
  pods: NonNullable<NonNullable<IpamFacts["kubernetes"]>["pods"]>,
  { metadata, spec }: WorkloadEndpoint,
  facts: IpamFacts,
): boolean {
  const pod = pods.get(`${metadata.namespace}/${spec.pod}`);
  const isNamed = parseWorkloadEndpointName(metadata.name)?.pod === spec.pod;
  return isNamed && pod?.node === nameInKubernetes(spec.node, facts);
}

/** It goes last, when nothing of the node is left. */
function staleNodes(facts: IpamFacts): Finding[] {
  if (facts.endpointsArePods || !facts.kubernetes) return [];
  return [...facts.nodes.values()].flatMap(({ value }): Finding[] =>
    kubernetesNodeOf(value) !== null && isGone(value.metadata.name, facts)
      ? [{ kind: "staleNode", node: value.metadata.name }]
      : [],
  );
}

function nameOf({ metadata }: WorkloadEndpoint): string {
  return `${metadata.namespace}/${metadata.name}`;
}
