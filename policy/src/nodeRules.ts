/**
 * Rules about nodes, of ClusterNetworkPolicies (`nodes`): with the addresses that the nodes have now in the place of their
 * selector. What comes out is a policy like any other, of which the rest of this workspace knows; who knows the nodes tells
 * it anew when they change.
 */
import {
  isRecord,
  type Labels,
  type Node,
  type NodeSpec,
  nodesActionAnnotation,
  nodesAnnotation,
  parseSelector,
  type Rule,
  type Selector,
} from "@brindle/api";
import { type Address, formatPrefix, hostPrefix, parseAddress, parseCidr, sameAddress } from "@brindle/net";
import type { Policy } from "./cluster.ts";

export interface NodeFacts {
  readonly labels: Labels;
  readonly addresses: readonly Address[];
}

/** What rules find a node by, and what they find. */
export function nodeFacts({ metadata, spec }: Node): NodeFacts {
  return { labels: metadata.labels ?? {}, addresses: addressesOf(spec) };
}

/**
 * The same of a node that is stored and cannot be read: with what of it can be read, and what was known. A rule that denies
 * what is sent to it must not come to mean nobody.
 */
export function readableNodeFacts(partial: unknown, known: NodeFacts | null): NodeFacts {
  const { metadata, spec } = isRecord(partial) ? partial : {};
  const stored = isRecord(metadata) && isRecord(metadata.labels) ? Object.entries(metadata.labels) : null;
  const labels = stored && Object.fromEntries(stored.filter((entry): entry is [string, string] => isText(entry[1])));
  const told = addressesOf(readableSpec(isRecord(spec) ? spec : {}));
  const others = (known?.addresses ?? []).filter((one) => !told.some((other) => sameAddress(one, other)));
  return { labels: labels ?? known?.labels ?? {}, addresses: [...told, ...others] };
}

function readableSpec({ bgp, wireguard, addresses, ...others }: Readonly<Record<string, unknown>>): NodeSpec {
  const listed = Array.isArray(addresses) ? addresses.filter(isRecord) : [];
  return {
    ...textsOf(others),
    bgp: textsOf(bgp),
    wireguard: textsOf(wireguard),
    addresses: listed.flatMap(({ address }) => (isText(address) ? [{ address }] : [])),
  };
}

function textsOf(stored: unknown): object {
  return isRecord(stored) ? Object.fromEntries(Object.entries(stored).filter(([, value]) => isText(value))) : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Also by the tunnels of a node of Calico's it is reached. */
function addressesOf({
  bgp,
  wireguard,
  addresses = [],
  ipv4VXLANTunnelAddr,
  ipv6VXLANTunnelAddr,
}: NodeSpec): Address[] {
  const texts = [
    ...[bgp?.ipv4Address, bgp?.ipv6Address, bgp?.ipv4IPIPTunnelAddr],
    ...[ipv4VXLANTunnelAddr, ipv6VXLANTunnelAddr],
    ...[wireguard?.interfaceIPv4Address, wireguard?.interfaceIPv6Address],
    ...addresses.map(({ address }) => address),
  ];
  return texts.flatMap(addressIn);
}

function addressIn(text: string | undefined): Address | [] {
  return text === undefined ? [] : (parseCidr(text)?.address ?? parseAddress(text) ?? []);
}

/** Of a rule whose networks are the addresses of nodes: their selector, for people. */
export const ofNodesAnnotation = "brindle.network/of-nodes";

/** Whether the nodes of the cluster decide what it says. */
export function asksForNodes(policy: Policy): boolean {
  return (
    policy.kind === "GlobalNetworkPolicy" && (policy.spec.egress ?? []).some((rule) => selectorOf(rule) !== undefined)
  );
}

/** The same policy where it says nothing of nodes. A rule whose selector cannot be read stays closed. */
export function withNodes<P extends Policy>(policy: P, nodes: readonly NodeFacts[]): P {
  if (!asksForNodes(policy)) return policy;
  const egress = (policy.spec.egress ?? []).flatMap((rule) => rulesFor(rule, nodes));
  return { ...policy, spec: { ...policy.spec, egress } };
}

function selectorOf({ metadata }: Rule): string | undefined {
  return metadata?.annotations?.[nodesAnnotation];
}

/** One for each family that the nodes have addresses of; none where there are no such nodes. */
function rulesFor(rule: Rule, nodes: readonly NodeFacts[]): Rule[] {
  const text = selectorOf(rule);
  const parsed = text === undefined ? null : parseSelector(text);
  if (text === undefined || parsed?.kind !== "selector") return [rule];
  const { [nodesAnnotation]: _, [nodesActionAnnotation]: action, ...others } = rule.metadata?.annotations ?? {};
  const metadata = { annotations: { ...others, [ofNodesAnnotation]: text } };
  return netsByFamily(parsed.selector, nodes).map((nets) => ({
    ...rule,
    action: action === "Pass" ? action : rule.action,
    destination: { ...rule.destination, nets },
    metadata,
  }));
}

/** In an order of their own, so that it does not matter in which order nodes were told. */
function netsByFamily(selector: Selector, nodes: readonly NodeFacts[]): string[][] {
  const addresses = nodes.filter(({ labels }) => selector.matches(labels)).flatMap((node) => node.addresses);
  return ([4, 6] as const)
    .map((family) =>
      addresses.filter((address) => address.family === family).map((address) => formatPrefix(hostPrefix(address))),
    )
    .filter((nets) => nets.length > 0)
    .map((nets) => [...new Set(nets)].sort());
}
