/** From a rule of a ClusterNetworkPolicy (`policy.networking.k8s.io/v1alpha2`) to the Calico rules that mean the same. */
import { parseCidr } from "@brindle/net";
import type { EntityRule, PortSpec } from "../kinds/entityRule.ts";
import type { Rule } from "../kinds/rule.ts";
import type { Reader } from "./manifestReader.ts";
import { mergePorts, networkText, podSelectorText, selectorTerms } from "./networkPolicyConversion.ts";
import { portName, readLabelSelector, readMatching } from "./networkPolicyReading.ts";

const actions = { Accept: "Allow", Deny: "Deny", Pass: "Pass" } as const;
const everyPod = podSelectorText({ matchLabels: {}, matchExpressions: [] });

/** Counts only if the reader has no faults afterwards. One rule for each protocol and peer, in Calico's order. */
export function readClusterRule(rule: Reader, peers: "from" | "to"): Rule[] {
  rule.only("name", "action", "protocols", peers);
  const name = rule.field("name");
  const action = actions[rule.field("action").oneOf(["Accept", "Deny", "Pass"])];
  const entities = rule
    .field(peers)
    .items()
    .flatMap((peer) => readPeer(peer, peers));
  if (entities.length === 0) rule.field(peers).fault("is required");
  return readProtocols(rule.field("protocols")).flatMap(({ protocol, ports }) =>
    entities.map((entity): Rule => {
      const target = { ...(peers === "to" && entity), ...(ports.length > 0 && { ports }) };
      return {
        action,
        ...(protocol !== undefined && { protocol }),
        ...(peers === "from" && { source: entity }),
        ...(Object.keys(target).length > 0 && { destination: target }),
        ...(!name.isMissing && { metadata: { annotations: { name: name.text() } } }),
      };
    }),
  );
}

/** What is neither of these peers is of a later version: it is no peer at all, and a fault. */
function readPeer(peer: Reader, side: "from" | "to"): EntityRule[] {
  peer.only("namespaces", "pods", ...(side === "to" ? ["networks"] : []));
  const namespaces = peer.field("namespaces");
  const pods = peer.field("pods");
  const networks = peer.field("networks");
  if (!namespaces.isMissing) return [{ namespaceSelector: namespaceSelectorText(namespaces) }];
  if (!pods.isMissing) return [readPods(pods)];
  if (networks.isMissing) peer.fault("must have namespaces, pods or networks");
  return byFamily(networks.items().map(readNetwork));
}

/** `namespaceSelector` and `podSelector`, an empty or missing one for all. */
export function readPods(pods: Reader): { readonly selector: string; readonly namespaceSelector: string } {
  pods.only("namespaceSelector", "podSelector");
  return {
    selector: podSelectorText(readLabelSelector(pods.field("podSelector"))),
    namespaceSelector: namespaceSelectorText(pods.field("namespaceSelector")),
  };
}

/** Every pod of these namespaces, and no interface of a node. */
export function readNamespaces(namespaces: Reader): { readonly selector: string; readonly namespaceSelector: string } {
  return { selector: everyPod, namespaceSelector: namespaceSelectorText(namespaces) };
}

function namespaceSelectorText(selector: Reader): string {
  return selectorTerms(readLabelSelector(selector)).join(" && ") || "all()";
}

function readNetwork(network: Reader): string {
  const text = network.text();
  if (!parseCidr(text)) network.fault("must be a CIDR, as 10.0.0.0/8");
  return networkText(text);
}

/** A packet has one family: networks of both need a rule each. */
function byFamily(nets: readonly string[]): EntityRule[] {
  const families = Map.groupBy(nets, (net) => net.includes(":"));
  return [...families.values()].map((nets) => ({ nets }));
}

interface Match {
  readonly protocol?: string;
  /** Empty for all. */
  readonly ports: readonly PortSpec[];
}

type Port = Parameters<typeof mergePorts>[0][number];

/** One match for each protocol; the name of a port says its protocol by itself. Without any, everything matches. */
function readProtocols(protocols: Reader): Match[] {
  const ports = protocols.items().map(readPort);
  if (ports.length === 0) return [{ ports: [] }];
  const named = ports.flatMap((port) => (typeof port === "string" ? [port] : []));
  const numbered = Map.groupBy(
    ports.filter((port): port is Port => typeof port !== "string"),
    ({ protocol }) => protocol,
  );
  const matches = [...numbered.keys()].sort().map((protocol): Match => {
    const group = numbered.get(protocol) ?? [];
    return { protocol, ports: group.some(({ port }) => port === undefined) ? [] : mergePorts(group) };
  });
  return [...(named.length > 0 ? [{ ports: named }] : []), ...matches];
}

function readPort(entry: Reader): Port | string {
  entry.only("destinationNamedPort", "tcp", "udp", "sctp");
  const named = entry.field("destinationNamedPort");
  if (!named.isMissing) return readMatching(named, portName, "must be a port's name");
  const protocol = (["tcp", "udp", "sctp"] as const).find((name) => !entry.field(name).isMissing);
  if (!protocol) entry.fault("must have tcp, udp, sctp or destinationNamedPort");
  const transport = entry.field(protocol ?? "tcp");
  transport.only("destinationPort");
  return { protocol: upperCase[protocol ?? "tcp"], ...readPortRange(transport.field("destinationPort")) };
}

const upperCase = { tcp: "TCP", udp: "UDP", sctp: "SCTP" } as const;

function readPortRange(port: Reader): Pick<Port, "port" | "endPort"> {
  if (port.isMissing) return {};
  port.only("number", "range");
  const range = port.field("range");
  if (range.isMissing) return { port: port.field("number").port() };
  const [first, last] = [range.field("start").port(), range.field("end").port()];
  if (last < first) range.fault("ends before it starts");
  return { port: first, endPort: last };
}
