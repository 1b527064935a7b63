/** What is told of denied flows, and which open flows are ended, is worked out from the chains: it is what `evaluate` says. */

import { type Address, formatAddress } from "@brindle/net";
import {
  ChainVerdicts,
  type Cluster,
  type DenialPlace,
  type DirectionResult,
  evaluate,
  hostAllowedMark,
  isOfStage,
  type NodeNetwork,
  type Packet,
  ruleNameOf,
} from "@brindle/policy";
import { describe, expect, it } from "vitest";
import { desiredOf, parseClusterAddress } from "./oracle.ts";
import { nodeAddresses, nodeName } from "./policyNode.ts";
import { randomCluster, randomPackets } from "./randomCase.ts";
import { randomClusterWithHosts } from "./randomHosts.ts";

const own = nodeAddresses.map((text) => formatAddress(parseClusterAddress(text)));
const clusters = 40;
const packetsOfEach = 60;

/** What evaluate says at each end and host endpoint of this node, in the order in which the kernel comes to them. */
function decidedHere(cluster: Cluster, packet: Packet): DirectionResult[] {
  const { egress, ingress, hosts } = evaluate(cluster, packet);
  const ofPods = [egress, ingress].filter((result) => isOfThisNode(cluster, result));
  const ofHosts = hosts.filter(({ endpoint }) => endpoint === "HostEndpoint host-0");
  const at = (direction: string): DirectionResult[] => ofHosts.filter((result) => result.direction === direction);
  return [...at("Ingress"), ...ofPods, ...at("Egress")];
}

function denialIn(decided: readonly DirectionResult[]): DirectionResult | undefined {
  return decided.find(({ verdict, decidedBy }) => verdict === "deny" && decidedBy.kind !== "toOwnNode");
}

/** The verdict, the end and the rule, as far as chains of this node decide. */
function expected(cluster: Cluster, packet: Packet): unknown {
  const decided = decidedHere(cluster, packet);
  const denial = denialIn(decided);
  const decisive = denial ?? decided.at(-1);
  if (!decisive) return null;
  const { direction, endpoint } = decisive;
  return { verdict: denial ? "deny" : "allow", direction, endpoint, ...ruleOf(decisive) };
}

function isOfThisNode({ endpoints }: Cluster, { endpoint, decidedBy }: DirectionResult): boolean {
  const local = endpoints.some(
    ({ metadata, spec }) => `${metadata.namespace}/${metadata.name}` === endpoint && spec.node === nodeName,
  );
  return local && decidedBy.kind !== "sameEndpoint" && decidedBy.kind !== "fromOwnNode";
}

function ruleOf({ decidedBy, direction }: DirectionResult): object {
  switch (decidedBy.kind) {
    case "policyRule":
      return { rule: { owner: decidedBy.policy, direction, rule: decidedBy.rule } };
    case "profileRule":
      return {
        rule: {
          owner: { kind: "Profile", namespace: null, name: decidedBy.profile },
          direction,
          rule: decidedBy.rule,
        },
      };
    case "noProfileRule":
      return { rule: "no profile allows it" };
    case "noPolicyRule":
      return {
        rule: decidedBy.tier === "default" ? "no policy allows it" : `no policy of tier ${decidedBy.tier} allows it`,
      };
    default:
      return {};
  }
}

const network: NodeNetwork = {
  isOwn: (address) => own.includes(formatAddress(address)),
  towards: () => ["uplink"],
};

/** Whether a host endpoint has allowed it before the filter, where it gets a mark. */
function isEarly({ policies }: Cluster, { verdict, decidedBy }: DirectionResult): boolean {
  if (verdict === "deny" || decidedBy.kind !== "policyRule") return false;
  const { name } = decidedBy.policy;
  const policy = policies.find(({ kind, metadata }) => kind === "GlobalNetworkPolicy" && metadata.name === name);
  return policy !== undefined && (isOfStage(policy, "untracked") || isOfStage(policy, "preDnat"));
}

/** The hooks at which a packet may be denied, and where it is then. */
function placesOf(packet: Packet, cluster: Cluster): DenialPlace[] {
  const { source, destination } = packet;
  const { endpoints } = cluster;
  const mark = evaluate(cluster, packet).hosts.some((result) => isEarly(cluster, result)) ? hostAllowedMark : 0;
  const interfaceOf = (address: Address): string | null => {
    if (network.isOwn(address)) return null;
    const text = formatAddress(address);
    const pod = endpoints.find(
      ({ spec }) => spec.node === nodeName && spec.ipNetworks?.some((network) => network.split("/")[0] === text),
    );
    return pod?.spec.interfaceName ?? "uplink";
  };
  const [from, to] = [interfaceOf(source), interfaceOf(destination)];
  const decides = from === null ? "OUTPUT" : to === null ? "INPUT" : "FORWARD";
  return [
    { hook: "PREROUTING", passage: { from, to: null }, mark: 0 },
    { hook: decides, passage: { from, to }, mark },
  ];
}

describe("verdicts of chains", () => {
  it("are those of evaluate, with the same rule, for random clusters and packets", () => {
    const seen = { allow: 0, deny: 0, none: 0 };
    for (let seed = 1; seed <= clusters; seed++) {
      const cluster = randomCluster(seed);
      const verdicts = new ChainVerdicts(desiredOf(cluster));
      for (const packet of randomPackets(seed, packetsOfEach)) {
        const said = verdicts.of({ packet }, network);
        const shown = said && { ...said, rule: ruleNameOf(said.rule) ?? said.rule };
        const right = expected(cluster, packet);
        const toHost = right !== null && typeof right === "object" && !("rule" in right);
        expect(toHost && shown ? { ...shown, rule: undefined } : shown, `seed ${seed}`).toEqual(right);
        seen[said?.verdict ?? "none"] += 1;
      }
    }
    expect(seen.deny).toBeGreaterThan(500);
    expect(seen.allow).toBeGreaterThan(500);
  });

  it("are those of evaluate at host endpoints, too, wherever it is asked about a packet", () => {
    const denied = { ofPods: 0, ofHosts: 0, early: 0 };
    for (let seed = 1; seed <= clusters; seed++) {
      const cluster = randomClusterWithHosts(seed);
      if (!cluster.hostEndpoints) continue;
      const verdicts = new ChainVerdicts(desiredOf(cluster));
      for (const packet of randomPackets(seed, packetsOfEach)) {
        const denial = denialIn(decidedHere(cluster, packet));
        const right = denial && { direction: denial.direction, endpoint: denial.endpoint, ...ruleOf(denial) };
        const shown = (said: ReturnType<ChainVerdicts["of"]>): unknown =>
          said?.verdict === "deny"
            ? {
                direction: said.direction,
                endpoint: said.endpoint,
                // Of packets that pods encapsulate themselves evaluate names none.
                ...(right && "rule" in right && { rule: ruleNameOf(said.rule) ?? said.rule }),
              }
            : undefined;
        expect(shown(verdicts.of({ packet }, network)), `seed ${seed}`).toEqual(right);
        const told = placesOf(packet, cluster).flatMap((place) => verdicts.at(place, packet) ?? []);
        expect(shown(told.find(({ verdict }) => verdict === "deny") ?? null), `seed ${seed}`).toEqual(right);
        if (denial) denied[denial.endpoint?.startsWith("HostEndpoint") ? "ofHosts" : "ofPods"] += 1;
        if (told[0]?.verdict === "deny" && told[0].endpoint === "HostEndpoint host-0") denied.early += 1;
      }
    }
    expect(denied.ofPods).toBeGreaterThan(100);
    expect(denied.ofHosts).toBeGreaterThan(100);
    expect(denied.early).toBeGreaterThan(10);
  });
});
