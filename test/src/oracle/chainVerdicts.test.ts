/** What is told of denied flows, and which open flows are ended, is worked out from the chains: it is what `evaluate` says. */

import { formatAddress } from "@brindle/net";
import { ChainVerdicts, type Cluster, type DirectionResult, evaluate, type Packet, ruleNameOf } from "@brindle/policy";
import { describe, expect, it } from "vitest";
import { desiredOf, parseClusterAddress } from "./oracle.ts";
import { nodeAddresses, nodeName } from "./policyNode.ts";
import { randomCluster, randomPackets } from "./randomCase.ts";

const own = nodeAddresses.map((text) => formatAddress(parseClusterAddress(text)));
const clusters = 40;
const packetsOfEach = 60;

/** The verdict, the end and the rule, as far as chains of this node decide. */
function expected(cluster: Cluster, packet: Packet): unknown {
  const { egress, ingress } = evaluate(cluster, packet);
  const decided = [egress, ingress].filter((result) => isOfThisNode(cluster, result));
  const denial = decided.find(({ verdict, decidedBy }) => verdict === "deny" && decidedBy.kind !== "toOwnNode");
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

describe("verdicts of chains", () => {
  it("are those of evaluate, with the same rule, for random clusters and packets", () => {
    const seen = { allow: 0, deny: 0, none: 0 };
    for (let seed = 1; seed <= clusters; seed++) {
      const cluster = randomCluster(seed);
      const verdicts = new ChainVerdicts(desiredOf(cluster));
      for (const packet of randomPackets(seed, packetsOfEach)) {
        const said = verdicts.of(packet, (address) => own.includes(formatAddress(address)));
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
});
