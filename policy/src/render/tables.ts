/**
 * The chains around policies: hooks, dispatch to the chains of endpoints, these chains. What a packet meets:
 *
 *     FORWARD -> BRDL-FORWARD -> from a pod: BRDL-FROM-PODS -> the endpoints' chain -> policies, profiles
 *                             -> to a pod:   BRDL-TO-PODS   -> the endpoints' chain -> policies, profiles
 *           ... rules of others, as kube-proxy's, which rejects what is for a service without endpoints ...
 *             BRDL-FORWARD-END -> allowed by policy: ACCEPT
 *     BRDL-LIMITS first in FORWARD and INPUT, where a pod has limits of packets or connections (limits.ts)
 *     what policy denies      -> BRDL-DENIED -> DROP
 *     INPUT   -> BRDL-INPUT   -> from a pod: BRDL-PODS-TO-HOST -> BRDL-FROM-PODS -> ... -> endpointToHostAction
 *     OUTPUT  -> BRDL-OUTPUT  -> to a pod: ACCEPT, as a node always reaches its own pods
 *
 * Whatever is not expressly allowed is dropped, and an interface of a pod that leads to no chain yet is dropped whole.
 */
import { defaultTier, type PolicyDirection } from "@brindle/api";
import type { Family } from "@brindle/net";
import type { EncapsulationSettings, EndpointToHostAction } from "../cluster.ts";
import { type HostFilter, noHosts } from "./hostTables.ts";
import type { Chain, ChainRule, Hook, Match, TableContent, Target } from "./ir.ts";
import { allowedMark, chainName, chains, deniedLogGroup, endedFlowMark, passedMark, podInterfaces } from "./names.ts";
import { allowed, askPolicy, notPassed, returnAllowed } from "./policyGroup.ts";
import { type FilterSettings, quietSettings } from "./settings.ts";

export { type FilterSettings, quietSettings };

/** What decides for one end of an endpoint, in order. */
export interface DirectionChains {
  /** Empty where no policy selects the endpoint: then its profiles decide. */
  readonly tiers: readonly TierChains[];
  readonly profiles: readonly string[];
}

/** The policies of one tier that select the endpoint: at least one. */
export interface TierChains {
  readonly name: string;
  readonly defaultAction: "Deny" | "Pass";
  readonly policies: readonly string[];
}

export interface FilterInput {
  readonly family: Family;
  /** From pods and to pods (`dispatch`). */
  readonly dispatches: readonly Chain[];
  /** What is for packets of known flows, before the dispatch; nothing, unless told. */
  readonly known?: Readonly<Record<PolicyDirection, readonly ChainRule[]>>;
  /** The chains of policies, profiles and endpoints (`endpointChain`). */
  readonly decisions: readonly Chain[];
  readonly endpointToHostAction: EndpointToHostAction;
  readonly settings?: FilterSettings;
  /** Of single pods (`limitChains`); none, unless told. */
  readonly limits?: readonly Chain[];
  /** None, unless told. */
  readonly hosts?: HostFilter;
}

const deny: Target = { kind: "goto", chain: chains.denied };
const endedFlow = rule(
  [{ kind: "flowMark", mark: endedFlowMark }],
  { kind: "drop" },
  "policy has come to deny the flow",
);
/** XT_LIMIT_SCALE: the match counts no more in a second. */
const limitPerSecondMax = 10_000;
/** Headers of IPv6 with some extensions, of the packet's transport, and no payload to speak of. */
const toldBytes = 128;

export function renderFilter(input: FilterInput): TableContent {
  const { family, dispatches, decisions, endpointToHostAction, settings = quietSettings, hosts = noHosts } = input;
  const { limits = [], known = { Egress: [], Ingress: [] } } = input;
  const ended = settings.endsFlows ? [endedFlow] : [];
  const limited = limits.length > 0 ? [rule([], { kind: "jump", chain: chains.limits }, "limits of pods")] : [];
  const fromPod = podInterface("in");
  const toPod = podInterface("out");
  const own: Chain[] = [
    {
      name: chains.forward,
      rules: [
        ...ended,
        ...limited,
        ...hosts.beforePods,
        ...known.Egress,
        rule([fromPod], { kind: "jump", chain: chains.fromPods }, "from pods"),
        // Behind that: what a pod sends under another's address is no packet of its flow.
        ...known.Ingress,
        rule([toPod], { kind: "jump", chain: chains.toPods }, "to pods"),
        ...hosts.behindPods,
      ],
    },
    {
      name: chains.forwardEnd,
      rules: [
        ...[fromPod, toPod].map((match) => rule([match, allowed], { kind: "accept" }, "allowed by policy")),
        ...hosts.forwardEnd,
      ],
    },
    {
      name: chains.input,
      rules: [
        ...ended,
        ...limited,
        rule([fromPod], { kind: "goto", chain: chains.podsToHost }, "from pods"),
        ...hosts.input,
      ],
    },
    {
      name: chains.output,
      rules: [...ended, rule([toPod], { kind: "accept" }, "a node always reaches its own pods"), ...hosts.output],
    },
    { name: chains.podsToHost, rules: [...known.Egress, ...podsToHost(family, endpointToHostAction)] },
    ...dispatches,
    { name: chains.allow, rules: [rule([], { kind: "setMark", mark: allowedMark }, "allowed")] },
    { name: chains.pass, rules: [rule([], { kind: "setMark", mark: passedMark }, "passed on to the next tier")] },
    { name: chains.denied, rules: denied(settings) },
  ];
  const place = settings.insertMode === "Append" ? "last" : "first";
  const hooks = [
    place === "first" ? bare(hook("FORWARD", chains.forward)) : hook("FORWARD", chains.forward, place),
    hook("INPUT", chains.input, place),
    hook("OUTPUT", chains.output, place),
    hook("FORWARD", chains.forwardEnd, "last"),
  ];
  return { chains: [...own, ...limits, ...hosts.chains, ...decisions], hooks };
}

const denialComment = "denied by policy";
/** Who asks for a connection over IPv6 does not give up for an error of ICMP, and asks again after a second: for a reset it does. */
const refusals: readonly ChainRule[] = [
  rule([{ kind: "protocol", protocol: 6, negated: false }], { kind: "reset" }, denialComment),
  rule([], { kind: "reject" }, denialComment),
];

/** Where all that policy denies ends. That nobody listens to the group costs as good as nothing. */
export function denied({
  deniedFlowsPerSecond,
  denyAction,
}: Pick<FilterSettings, "deniedFlowsPerSecond" | "denyAction">): ChainRule[] {
  const ends = denyAction === "Reject" ? refusals : [rule([], { kind: "drop" }, denialComment)];
  if (deniedFlowsPerSecond === 0) return [...ends];
  const limit: Match = { kind: "limit", perSecond: Math.min(limitPerSecondMax, deniedFlowsPerSecond) };
  return [rule([limit], { kind: "tell", group: deniedLogGroup, bytes: toldBytes }, "told to who watches"), ...ends];
}

/** A hash, as there is a space in what is hashed: chains of the older layout, one for each interface, are called otherwise. */
export function endpointChainName({ tiers, profiles }: DirectionChains, direction: PolicyDirection): string {
  const ofTiers = tiers.map(({ name, defaultAction, policies }) => [name, defaultAction, ...policies].join(" "));
  return chainName(direction === "Egress" ? "from" : "to", [...ofTiers, `profiles ${profiles.join(" ")}`].join("\n"));
}

/** Whether a chain decides for one end of pods. */
export function isEndpointChain(name: string): boolean {
  return /^BRDL-(from|to)-/.test(name);
}

/** The chain of one end of all endpoints with these decisions: the same for both families, and named by what it asks. */
export function endpointChain(
  { tiers, profiles }: DirectionChains,
  direction: PolicyDirection,
  encapsulation: EncapsulationSettings = quietSettings.encapsulation,
): Chain {
  const rules: ChainRule[] = [
    rule([{ kind: "connection", states: ["ESTABLISHED", "RELATED"] }], { kind: "accept" }, "known flow"),
    rule([{ kind: "connection", states: ["INVALID"] }], { kind: "drop" }, "no flow"),
    ...(direction === "Egress" ? encapsulated(encapsulation) : []),
    // A mark may have been left by the chain of the packet's other end, or by another program.
    rule([], { kind: "clearMark", mark: allowedMark | passedMark }, "nothing decided yet"),
  ];
  for (const [index, tier] of tiers.entries()) {
    if (index > 0) rules.push(rule([], { kind: "clearMark", mark: passedMark }, `tier ${tier.name}`));
    for (const chain of tier.policies) {
      rules.push(...askPolicy(chain, "policy"));
    }
    if (tier.defaultAction === "Deny") rules.push(rule([notPassed], deny, denial(tier)));
  }
  for (const chain of profiles) {
    rules.push(rule([], { kind: "jump", chain }, "profile"), returnAllowed);
  }
  rules.push(rule([], deny, "no profile allows it"));
  return { name: endpointChainName({ tiers, profiles }, direction), rules };
}

/** A pod has no business with tunnels of the node's; what is inside of a packet escapes policy. */
function encapsulated({ vxlan, vxlanPort, ipip }: EncapsulationSettings): ChainRule[] {
  const isUdp: Match = { kind: "protocol", protocol: 17, negated: false };
  const toVxlan: Match = {
    kind: "ports",
    side: "destination",
    ranges: [{ first: vxlanPort, last: vxlanPort }],
    negated: false,
  };
  return [
    ...(vxlan === "Drop" ? [rule([isUdp, toVxlan], deny, "VXLAN from a pod")] : []),
    ...(ipip === "Drop"
      ? [rule([{ kind: "protocol", protocol: 4, negated: false }], deny, "IP in IP from a pod")]
      : []),
  ];
}

function denial({ name }: TierChains): string {
  return name === defaultTier ? "no policy allows it" : `no policy of tier ${name} allows it`;
}

function podsToHost(family: Family, action: EndpointToHostAction): ChainRule[] {
  const discovery = family === 6 ? discoveryRules : [];
  return [
    ...discovery,
    // Replies to what the node asked are accepted in there, as flows that conntrack knows.
    rule([], { kind: "jump", chain: chains.fromPods }, "policy first, then the node"),
    ...lastRule(action),
  ];
}

/** Whoever reaches the end of the chain goes on behind our rule in INPUT. */
function lastRule(action: EndpointToHostAction): ChainRule[] {
  if (action === "Return") return [];
  return [rule([], { kind: action === "Drop" ? "drop" : "accept" }, `endpointToHostAction ${action}`)];
}

/**
 * Without these a pod does not find its gateway: listeners' queries and reports (RFC 2710, 3810), router solicitation,
 * neighbour solicitation and advertisement (RFC 4861). They never leave the link, so no policy speaks of them.
 */
const neighbourDiscovery: readonly number[] = [130, 131, 132, 133, 135, 136, 143];

/** Of IPv6: accepted. */
export const discoveryRules: readonly ChainRule[] = neighbourDiscovery.map(discoveryRule);

function discoveryRule(type: number): ChainRule {
  const matches: Match[] = [
    { kind: "protocol", protocol: 58, negated: false },
    { kind: "icmp", type, code: null, negated: false },
  ];
  return rule(matches, { kind: "accept" }, "neighbour discovery");
}

function podInterface(direction: "in" | "out"): Match {
  return { kind: "interface", direction, name: podInterfaces };
}

export function hook(chain: Hook["chain"], to: string, place: Hook["place"] = "first"): Hook {
  // The place is in the comment, so that a hook which is to stand elsewhere is another rule.
  return {
    chain,
    place,
    rule: rule([], { kind: "jump", chain: to }, place === "first" ? "hook" : "hook behind others"),
  };
}

/** Of the hook by which nearly all packets come; that it is the first is told by its having no comment. */
function bare(hooked: Hook): Hook {
  return { ...hooked, rule: { ...hooked.rule, isBare: true } };
}

export function rule(matches: readonly Match[], target: Target, comment: string): ChainRule {
  return { matches, target, comment };
}
