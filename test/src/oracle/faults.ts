/** Faults of a renderer, one by one: what each makes of a right rendering, and a cluster in which it matters. */
import type { Rule } from "@brindle/api";
import type { Chain, ChainRule, Cluster, DesiredSet } from "@brindle/policy";
import { dispatchFaults } from "./dispatchFaults.ts";
import {
  accept,
  allow,
  chainOf,
  chains,
  commented,
  contents,
  denyWeb,
  everyRule,
  type Fault,
  fromFirst,
  fromP1,
  hooks,
  ingress,
  keyed,
  matches,
  members,
  nothing,
  ofPolicies,
  swapped,
  tcpTo,
  wider,
  withAdministrators,
  withProfiles,
} from "./faultKit.ts";
import { clusterWith } from "./randomCase.ts";

const ofMatches: readonly Fault[] = [
  {
    name: "a negation dropped",
    cluster: ingress([{ action: "Allow", source: { notNets: ["10.65.0.1/32", "fd65::1/128"] } }]),
    spoil: matches((match) => ("negated" in match ? { ...match, negated: false } : match)),
  },
  {
    name: "source and destination of networks swapped",
    cluster: ingress([fromP1]),
    spoil: matches((match) => (match.kind === "net" ? { ...match, side: swapped(match.side) } : match)),
  },
  {
    name: "a network left out",
    cluster: ingress([fromP1]),
    spoil: matches((match) => (match.kind === "net" ? null : match)),
  },
  {
    name: "a network one bit too wide",
    cluster: ingress([{ action: "Allow", source: { nets: ["10.65.0.2/31", "fd65::2/127"] } }]),
    spoil: matches((match) => {
      if (match.kind !== "net") return match;
      const { address, length } = match.net;
      const bits = BigInt(1) << BigInt((address.family === 4 ? 32 : 128) - length);
      return { ...match, net: { address: { ...address, value: address.value & ~bits }, length: length - 1 } };
    }),
  },
  {
    name: "a port range one too long",
    cluster: ingress([tcpTo("54:80")]),
    spoil: ranges(({ first, last }) => ({ first, last: last + 1 })),
  },
  {
    name: "a port range one too short",
    cluster: ingress([tcpTo("53:80")]),
    spoil: ranges(({ first, last }) => ({ first, last: last - 1 })),
  },
  {
    name: "all but the first of the ports left out",
    cluster: ingress([tcpTo(53, 80)]),
    spoil: matches((match) => (match.kind === "ports" ? { ...match, ranges: match.ranges.slice(0, 1) } : match)),
  },
  {
    name: "ports of the source for those of the destination",
    cluster: ingress([tcpTo("50:90")]),
    spoil: matches((match) => (match.kind === "ports" ? { ...match, side: swapped(match.side) } : match)),
  },
  {
    name: "the protocol of a rule left out",
    cluster: ingress([{ action: "Allow", protocol: "UDP" }]),
    spoil: matches((match) => (match.kind === "protocol" ? null : match)),
  },
  {
    name: "another protocol",
    cluster: ingress([{ action: "Allow", protocol: "UDP" }]),
    spoil: matches((match) => (match.kind === "protocol" ? { ...match, protocol: 132 } : match)),
  },
  {
    name: "a protocol that is excluded taken for the one that is meant",
    cluster: ingress([{ action: "Allow", notProtocol: "UDP" }]),
    spoil: matches((match) => (match.kind === "protocol" ? { ...match, negated: false } : match)),
  },
  {
    name: "an ICMP rule for every type",
    cluster: ingress([{ action: "Allow", protocol: "ICMP", icmp: { type: 13 } }]),
    spoil: matches((match) => (match.kind === "icmp" ? null : match)),
  },
  {
    name: "an ICMP rule for every code",
    cluster: ingress([{ action: "Allow", protocol: "ICMPv6", icmp: { type: 128, code: 1 } }]),
    spoil: matches((match) => (match.kind === "icmp" ? { ...match, code: null } : match)),
  },
  {
    name: "types of ICMP that are excluded taken for those that are meant",
    cluster: ingress([{ action: "Allow", protocol: "ICMP", notICMP: { type: 8 } }]),
    spoil: matches((match) => (match.kind === "icmp" ? { ...match, negated: false } : match)),
  },
  {
    name: "a rule of one family for both",
    cluster: ingress([{ action: "Deny", ipVersion: 6 }, allow]),
    spoil: contents((content) => ({
      ...content,
      chains: content.chains.map((chain) => {
        const denial: ChainRule = {
          matches: [],
          target: { kind: "drop" },
          comment: "NetworkPolicy of the other family",
        };
        return chain.name.includes("pi-ns1/policy-0") ? { ...chain, rules: [denial, ...chain.rules] } : chain;
      }),
    })),
  },
];

function ranges(change: (range: { first: number; last: number }) => { first: number; last: number }): Fault["spoil"] {
  return matches((match) => (match.kind === "ports" ? { ...match, ranges: match.ranges.map(change) } : match));
}

const ofSets: readonly Fault[] = [
  {
    name: "a set of the other side",
    cluster: ingress([fromFirst]),
    spoil: matches((match) => (match.kind === "set" ? { ...match, side: swapped(match.side) } : match)),
  },
  {
    name: "a set that is excluded taken for the one that is meant",
    cluster: ingress([{ action: "Allow", source: { notSelector: "place == 'p1'" } }]),
    spoil: matches((match) => (match.kind === "set" ? { ...match, negated: false } : match)),
  },
  {
    name: "a set without one of its members",
    cluster: ingress([fromFirst]),
    spoil: members((of) => keyed([...of.values()].filter((one, index) => index > 0 || "interfaceName" in one))),
  },
  {
    name: "a set with a member too many",
    cluster: ingress([{ action: "Deny", source: { selector: "place == 'p3'", namespaceSelector: "all()" } }, allow]),
    spoil: members((of) => keyed([...of.values()].map(wider))),
  },
  {
    name: "the members of another set",
    cluster: ingress([
      fromFirst,
      { action: "Deny", source: { selector: "place == 'p3'", namespaceSelector: "all()" } },
    ]),
    spoil: (desired) => {
      const ofPolicies = [...desired.sets.values()].filter(({ growth }) => growth !== "admits");
      const ofFamily = (family: 4 | 6) => ofPolicies.filter((set) => set.family === family);
      const others = new Map(
        ([4, 6] as const).flatMap((family) => {
          const [first, second] = ofFamily(family);
          return first && second ? [[first.name, second.members] as const, [second.name, first.members] as const] : [];
        }),
      );
      const sets = [...desired.sets].map(([name, set]) => [name, { ...set, members: others.get(name) ?? set.members }]);
      return { ...desired, sets: new Map(sets as [string, DesiredSet][]) };
    },
  },
  {
    name: "a named port at another number",
    cluster: ingress([tcpTo("web")]),
    spoil: members((of) => keyed([...of.values()].map((one) => ("port" in one ? { ...one, port: 443 } : one)))),
  },
];

const ofActions: readonly Fault[] = [
  {
    name: "a denying rule left out",
    cluster: ingress([denyWeb, allow]),
    spoil: ofPolicies((rule) => (rule.target.kind === "goto" && rule.target.chain === "BRDL-DENIED" ? null : rule)),
  },
  {
    name: "an allowing rule that drops",
    cluster: ingress([tcpTo(80)]),
    spoil: ofPolicies((rule) => ({ ...rule, target: { kind: "drop" } })),
  },
  {
    name: "an allowing rule that passes on",
    cluster: withAdministrators([tcpTo(80)], []),
    spoil: ofPolicies((rule) => ({ ...rule, target: { kind: "goto", chain: "BRDL-PASS" } })),
  },
  {
    name: "a rule that passes on left out",
    cluster: ingress([{ action: "Pass", protocol: "UDP" }, { action: "Deny" }]),
    spoil: ofPolicies((rule) => (rule.target.kind === "goto" && rule.target.chain === "BRDL-PASS" ? null : rule)),
  },
  {
    name: "rules in reverse order",
    cluster: ingress([denyWeb, allow]),
    spoil: chains((chain) =>
      chain.name.startsWith("BRDL-pi-") ? { ...chain, rules: chain.rules.toReversed() } : chain,
    ),
  },
  {
    name: "a rule too many, which allows all",
    cluster: ingress([tcpTo(80)]),
    spoil: chains((chain) =>
      chain.name.startsWith("BRDL-pi-")
        ? {
            ...chain,
            rules: [...chain.rules, { matches: [], target: { kind: "goto", chain: "BRDL-ALLOW" }, comment: "more" }],
          }
        : chain,
    ),
  },
];

const ofEndpoints: readonly Fault[] = [
  {
    name: "the drop at the end of the policies left out",
    cluster: ingress([tcpTo(80)]),
    spoil: commented("no policy allows it", nothing),
  },
  {
    name: "the drop at the end of the profiles left out",
    cluster: { ...clusterWith([]), profiles: [] },
    spoil: commented("no profile allows it", accept),
  },
  {
    name: "a profile left out",
    cluster: clusterWith([]),
    spoil: everyRule((rule) => (rule.target.kind === "jump" && rule.target.chain.startsWith("BRDL-ri-") ? null : rule)),
  },
  {
    name: "policies in reverse order",
    cluster: ingress([denyWeb], [allow]),
    spoil: (desired) =>
      chains((chain) => {
        if (chain.name !== chainOf(desired, "p2")) return chain;
        const isJump = (rule: ChainRule): boolean => rule.target.kind === "jump" && rule.target.chain.includes("-pi-");
        const jumps = chain.rules.filter(isJump).reverse();
        return { ...chain, rules: chain.rules.map((rule) => (isJump(rule) ? (jumps.shift() ?? rule) : rule)) };
      })(desired),
  },
  {
    name: "a policy left out",
    cluster: ingress([denyWeb], [allow]),
    spoil: everyRule((rule) =>
      rule.target.kind === "jump" && rule.target.chain === "BRDL-pi-ns1/policy-0" ? null : rule,
    ),
  },
  {
    name: "a policy asked after another has allowed",
    cluster: ingress([allow], [denyWeb]),
    spoil: commented("allowed", (rule) => (rule.target.kind === "return" ? null : rule)),
  },
  {
    name: "a mark that the other end has left",
    cluster: ingress([tcpTo(80)]),
    spoil: commented("nothing decided yet", nothing),
  },
  {
    name: "a tier that is skipped, as the one before passed on",
    cluster: withAdministrators([{ action: "Pass" }], [tcpTo(80)]),
    spoil: commented("tier default", nothing),
  },
  {
    name: "a tier that denies where it should pass on",
    cluster: withAdministrators([{ action: "Deny", protocol: "UDP" }], [allow]),
    spoil: commented("tier default", (rule) => ({ ...rule, target: { kind: "drop" } })),
  },
  {
    name: "new flows taken for known ones",
    cluster: ingress([tcpTo(80)]),
    spoil: commented("known flow", (rule) => ({ ...rule, matches: [] })),
  },
];

/** So many policies that they are asked in a group: the last but one denies what the last allows. */
const crowd: Cluster = ingress(
  ...Array.from({ length: 8 }, (_, index): Rule[] => [
    { action: "Allow", protocol: "TCP", destination: { ports: [9_000 + index] } },
  ]),
  [denyWeb],
  [allow],
);
const inGroups = (change: (chain: Chain) => Chain): Fault["spoil"] =>
  chains((chain) => (chain.name.startsWith("BRDL-gi-") ? change(chain) : chain));

const ofGroups: readonly Fault[] = [
  {
    name: "a group left out",
    cluster: crowd,
    spoil: everyRule((rule) => (rule.target.kind === "jump" && rule.target.chain.startsWith("BRDL-gi-") ? null : rule)),
  },
  {
    name: "a policy of a group left out",
    cluster: crowd,
    spoil: inGroups((group) => ({
      ...group,
      rules: group.rules.filter(({ target }) => target.kind !== "jump" || !target.chain.endsWith("policy-8")),
    })),
  },
  {
    name: "policies of a group in reverse order",
    cluster: crowd,
    spoil: inGroups((group) => ({ ...group, rules: group.rules.toReversed() })),
  },
  {
    name: "a policy of a group asked after another has passed on",
    cluster: ingress([{ action: "Pass", protocol: "UDP" }], ...Array.from({ length: 8 }, (): Rule[] => [denyWeb])),
    spoil: inGroups((group) => ({
      ...group,
      rules: [...group.rules, { matches: [], target: { kind: "goto", chain: "BRDL-DENIED" }, comment: "more" }],
    })),
  },
];

const ofProfiles: readonly Fault[] = [
  {
    name: "a profile that passes on to the next",
    cluster: withProfiles([{ action: "Pass", protocol: "UDP" }, allow], [allow]),
    spoil: everyRule((rule) =>
      rule.comment === "Profile kns.ns1 ingress 0" ? { ...rule, target: { kind: "goto", chain: "BRDL-PASS" } } : rule,
    ),
  },
];

const ofSurroundings: readonly Fault[] = [
  {
    name: "what is denied going on",
    cluster: ingress([denyWeb, allow]),
    spoil: commented("denied by policy", accept),
  },
  {
    name: "the hook in FORWARD left out",
    cluster: ingress([tcpTo(80)]),
    spoil: hooks((hook) => (hook.chain === "FORWARD" && hook.place === "first" ? null : hook)),
  },
  {
    name: "the hook in INPUT left out",
    cluster: clusterWith([]),
    spoil: hooks((hook) => (hook.chain === "INPUT" ? null : hook)),
  },
  {
    name: "pods that reach their node",
    cluster: clusterWith([]),
    spoil: commented("endpointToHostAction Drop", nothing),
  },
  {
    name: "packets of tunnels let through",
    cluster: { ...clusterWith([]), encapsulation: { vxlan: "Drop", vxlanPort: 81, ipip: "Drop" } },
    spoil: commented("VXLAN from a pod", nothing),
  },
  {
    name: "a node that does not reach its pods",
    cluster: ingress([]),
    spoil: commented("a node always reaches its own pods", (rule) => ({ ...rule, target: { kind: "drop" } })),
  },
];

export const faults: readonly Fault[] = [
  ...ofMatches,
  ...ofSets,
  ...ofActions,
  ...ofEndpoints,
  ...dispatchFaults,
  ...ofGroups,
  ...ofProfiles,
  ...ofSurroundings,
];
