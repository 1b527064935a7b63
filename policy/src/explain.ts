/** `evaluate` in sentences: which rule decided at each end, and tier by tier why those before it did not. */
import { defaultTier } from "@brindle/api";
import { type Cluster, formatPolicyName } from "./cluster.ts";
import { type Decider, type DirectionResult, type Evaluation, evaluate } from "./evaluate.ts";
import { walkLines } from "./explainWalk.ts";
import { describePacket, type Packet } from "./packet.ts";
import { withStaged } from "./staged.ts";
import { unknownTier } from "./tiers.ts";

export interface Explanation {
  readonly evaluation: Evaluation;
  /** Ready to print. Nested lines are indented by two spaces. */
  readonly lines: readonly string[];
}

export function explain(cluster: Cluster, packet: Packet): Explanation {
  const evaluation = evaluate(cluster, packet);
  const verdict = evaluation.verdict === "allow" ? "ALLOWED" : "DENIED";
  const lines = [
    `${describePacket(packet)}: ${verdict}`,
    ...[evaluation.egress, evaluation.ingress, ...evaluation.hosts].flatMap((result) => [
      explainDirection(result),
      ...walkLines(cluster, result),
    ]),
    ...explainStaged(cluster, packet, evaluation),
  ];
  return { evaluation, lines };
}

/** What staged policies would change; nothing where there are none. */
function explainStaged(cluster: Cluster, packet: Packet, now: Evaluation): string[] {
  if (!cluster.staged?.length) return [];
  const then = evaluate(withStaged(cluster), packet);
  const directions = (evaluation: Evaluation): string[] =>
    [evaluation.egress, evaluation.ingress, ...evaluation.hosts].map(explainDirection);
  const [before, after] = [directions(now), directions(then)];
  const changed = after.filter((line, index) => line !== before[index]);
  const verdict = then.verdict === "allow" ? "ALLOWED" : "DENIED";
  if (changed.length === 0 && then.verdict === now.verdict) return ["with staged policies: the same"];
  return [`with staged policies: ${verdict}`, ...changed.map((line) => `  ${line}`)];
}

function explainDirection(result: DirectionResult): string {
  const end = result.direction === "Egress" ? "source" : "destination";
  const isHost = result.endpoint?.startsWith("HostEndpoint ") ?? false;
  const who = result.endpoint === null ? `the ${end}` : isHost ? result.endpoint : `the ${end} ${result.endpoint}`;
  return `${result.direction.toLowerCase()} of ${who}: ${verdictOf(result)}`;
}

function verdictOf({ verdict, decidedBy }: DirectionResult): string {
  return `${verdict}, ${explainDecider(decidedBy)}`;
}

function explainDecider(decider: Decider): string {
  switch (decider.kind) {
    case "noEndpoint":
      return "no endpoint has this address, so no policy applies";
    case "sameEndpoint":
      return "an endpoint's traffic with itself is not policed";
    case "fromOwnNode":
      return "a node always reaches its own pods";
    case "failsafe":
      return "its failsafe ports are closed by no policy";
    case "encapsulated":
      return "a pod may not send packets of tunnels (VXLAN, IP in IP)";
    case "toOwnNode":
      return "pods may not open connections to their own node (endpointToHostAction is Drop)";
    case "policyRule":
      return `${decider.action} by rule ${decider.rule} of ${formatPolicyName(decider.policy)}${inTier(decider.tier)}`;
    case "noPolicyRule":
      return `no rule matches of the policies that select it${inTier(decider.tier)}: ${decider.policies.map(formatPolicyName).join(", ")}`;
    case "profileRule":
      return `no policy decides, ${decider.action} by rule ${decider.rule} of Profile ${decider.profile}`;
    case "noProfileRule":
      return `no policy decides and no profile allows it (${decider.profiles.join(", ") || "it has none"})`;
  }
}

/** The tier that most policies are in goes without saying. */
function inTier(tier: string): string {
  if (tier === unknownTier) return ", before all tiers";
  return tier === defaultTier ? "" : `, tier ${tier}`;
}
