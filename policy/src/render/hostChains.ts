/**
 * The chains of host endpoints. What a packet meets, where a node has any:
 *
 *     raw PREROUTING     -> BRDL-RAW-IN     -> untracked policies     (no flow of it is tracked then)
 *     mangle PREROUTING  -> BRDL-PREROUTING -> policies before DNAT
 *     filter INPUT       -> ... not from a pod -> BRDL-FROM-HOSTS -> policies, profiles
 *     filter FORWARD     -> BRDL-FORWARD-IN -> policies for what is forwarded -> ... pods ... -> BRDL-FORWARD-OUT
 *     filter OUTPUT      -> ... not to a pod -> BRDL-TO-HOSTS -> policies, profiles
 *     raw OUTPUT         -> BRDL-RAW-OUT    -> untracked policies
 *
 * What is allowed before the filter table bears a mark, and is asked nothing more at the interface by which it came in.
 */
import { defaultTier, type PolicyDirection } from "@brindle/api";
import type { Family } from "@brindle/net";
import { everyInterface, type Failsafe, type Failsafes, type PolicyStage } from "../hosts.ts";
import type { Chain, ChainRule, Match, Target } from "./ir.ts";
import { allowedMark, chainName, chains, hostAllowedMark, passedMark, podInterfaces } from "./names.ts";
import { discoveryRules, rule, type TierChains } from "./tables.ts";

export interface HostChains {
  /** For comments: `HostEndpoint name`. */
  readonly id: string;
  /** `*`: every interface that no other host endpoint is for. */
  readonly interfaceName: string;
  readonly profiles: Readonly<Record<PolicyDirection, readonly string[]>>;
  tiers(stage: PolicyStage, direction: PolicyDirection): readonly TierChains[];
}

export interface HostGate {
  /** The dispatch by interface. */
  readonly dispatch: string;
  /** Begins the names of the chains of hosts. */
  readonly role: string;
  readonly stage: PolicyStage;
  readonly direction: PolicyDirection;
}

export const hostGates: Readonly<
  Record<"rawIn" | "rawOut" | "preDnat" | "input" | "output" | "forwardIn" | "forwardOut", HostGate>
> = {
  rawIn: { dispatch: chains.rawIn, role: "hri", stage: "untracked", direction: "Ingress" },
  rawOut: { dispatch: chains.rawOut, role: "hro", stage: "untracked", direction: "Egress" },
  preDnat: { dispatch: chains.prerouting, role: "hpi", stage: "preDnat", direction: "Ingress" },
  input: { dispatch: chains.fromHosts, role: "hi", stage: "tracked", direction: "Ingress" },
  output: { dispatch: chains.toHosts, role: "ho", stage: "tracked", direction: "Egress" },
  forwardIn: { dispatch: chains.forwardIn, role: "hfi", stage: "forwarded", direction: "Ingress" },
  forwardOut: { dispatch: chains.forwardOut, role: "hfo", stage: "forwarded", direction: "Egress" },
};

const allowed: Match = { kind: "mark", mark: allowedMark, negated: false };
const notPassed: Match = { kind: "mark", mark: passedMark, negated: true };
const deny: Target = { kind: "goto", chain: chains.denied };

/** The dispatch of a gate and the chains behind it, of the hosts that have something to say there. */
export function gateChains(gate: HostGate, hosts: readonly HostChains[], context: GateContext): Chain[] {
  const speaking = hosts.filter(
    (host) => gate.stage === "tracked" || host.tiers(gate.stage, gate.direction).length > 0,
  );
  if (speaking.length === 0) return [];
  return [dispatch(gate, hosts, speaking), ...speaking.map((host) => hostChain(gate, host, context))];
}

export interface GateContext {
  readonly family: Family;
  readonly failsafes: Failsafes;
}

/** A host that has nothing to say is still the one for its interface: what is for all others is not for that. */
function dispatch(
  { dispatch: name, role, direction, stage }: HostGate,
  hosts: readonly HostChains[],
  speaking: readonly HostChains[],
): Chain {
  const side = direction === "Ingress" ? "in" : "out";
  const at = (interfaceName: string): Match => ({ kind: "interface", direction: side, name: interfaceName });
  const targetOf = (host: HostChains): Target =>
    speaking.includes(host) ? { kind: "goto", chain: chainName(role, host.interfaceName) } : { kind: "return" };
  const named = hosts.filter(({ interfaceName }) => interfaceName !== everyInterface);
  const wild = speaking.find(({ interfaceName }) => interfaceName === everyInterface);
  const rules: ChainRule[] = [
    ...(stage === "untracked"
      ? [rule([at(podInterfaces)], { kind: "return" }, "pods have policies of their own")]
      : []),
    ...named.map((host) => rule([at(host.interfaceName)], targetOf(host), host.id)),
    ...(wild
      ? [rule([at("lo")], { kind: "return" }, "of the node with itself"), rule([], targetOf(wild), wild.id)]
      : []),
  ];
  return { name, rules };
}

function hostChain(gate: HostGate, host: HostChains, { family, failsafes }: GateContext): Chain {
  const { stage, direction, role } = gate;
  const rules: ChainRule[] = [
    ...knownFlows(stage),
    ...(stage === "forwarded"
      ? []
      : [...(family === 6 ? discoveryRules : []), ...failsafeRules(gate, failsafes, family)]),
    rule([], { kind: "clearMark", mark: allowedMark | passedMark }, "nothing decided yet"),
  ];
  for (const [index, tier] of host.tiers(stage, direction).entries()) {
    if (index > 0) rules.push(rule([], { kind: "clearMark", mark: passedMark }, `tier ${tier.name}`));
    for (const chain of tier.policies) {
      rules.push(rule([notPassed], { kind: "jump", chain }, host.id), ...onAllowed(stage));
    }
    // Before DNAT and tracking nothing is denied but by a rule: other policies come behind.
    const decides = stage === "tracked" || stage === "forwarded";
    if (decides && tier.defaultAction === "Deny") rules.push(rule([notPassed], deny, denialOf(tier)));
  }
  if (stage === "forwarded") rules.push(rule([], { kind: "goto", chain: chains.allow }, "no policy denies it"));
  if (stage === "tracked") rules.push(...profileRules(host, direction));
  return { name: chainName(role, host.interfaceName), rules };
}

function denialOf({ name }: TierChains): string {
  return name === defaultTier ? "no policy allows it" : `no policy of tier ${name} allows it`;
}

/** What is forwarded meets the chains of pods as well, which guard more than policy. */
function knownFlows(stage: PolicyStage): ChainRule[] {
  if (stage === "untracked") return [];
  const kind = stage === "tracked" ? "accept" : "return";
  const known = rule([{ kind: "connection", states: ["ESTABLISHED", "RELATED"] }], { kind }, "known flow");
  return [known, rule([{ kind: "connection", states: ["INVALID"] }], { kind: "drop" }, "no flow")];
}

function failsafeRules({ stage, direction }: HostGate, { inbound, outbound }: Failsafes, family: Family): ChainRule[] {
  const [own, far] = direction === "Ingress" ? [inbound, "source" as const] : [outbound, "destination" as const];
  const target: Target = { kind: stage === "tracked" ? "accept" : "return" };
  const rules = own.flatMap((failsafe) => failsafeRule(failsafe, { far, port: "destination", target, family }));
  // Without a flow a reply is no reply: of what the failsafe ports of the other direction let out, too.
  if (stage !== "untracked") return rules;
  const replies = direction === "Ingress" ? outbound : inbound;
  return [...rules, ...replies.flatMap((failsafe) => failsafeRule(failsafe, { far, port: "source", target, family }))];
}

function failsafeRule(
  { protocol, port, net }: Failsafe,
  {
    far,
    port: side,
    target,
    family,
  }: { far: "source" | "destination"; port: "source" | "destination"; target: Target; family: Family },
): ChainRule[] {
  if (net && net.address.family !== family) return [];
  const matches: Match[] = [
    { kind: "protocol", protocol, negated: false },
    ...(net && net.length > 0 ? [{ kind: "net", side: far, net, negated: false } as const] : []),
    { kind: "ports", side, ranges: [{ first: port, last: port }], negated: false },
  ];
  return [rule(matches, target, "failsafe port")];
}

function onAllowed(stage: PolicyStage): ChainRule[] {
  const marked = rule([allowed], { kind: "setMark", mark: hostAllowedMark }, "asked nothing more here");
  switch (stage) {
    case "tracked":
      return [rule([allowed], { kind: "accept" }, "allowed")];
    case "forwarded":
      return [rule([allowed], { kind: "return" }, "allowed")];
    case "preDnat":
      return [marked, rule([allowed], { kind: "return" }, "allowed")];
    case "untracked":
      return [
        marked,
        rule([allowed], { kind: "untrack" }, "not tracked"),
        rule([allowed], { kind: "return" }, "allowed"),
      ];
  }
}

function profileRules({ id, profiles }: HostChains, direction: PolicyDirection): ChainRule[] {
  return [
    ...profiles[direction].flatMap((chain) => [rule([], { kind: "jump", chain }, id), ...onAllowed("tracked")]),
    rule([], deny, "no profile allows it"),
  ];
}
