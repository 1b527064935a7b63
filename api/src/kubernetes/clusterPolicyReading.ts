/** From a rule of a ClusterNetworkPolicy (`policy.networking.k8s.io/v1alpha2`) to the Calico rules that mean the same. */
import { parseCidr } from "@brindle/net";
import type { EntityRule, PortSpec } from "../kinds/entityRule.ts";
import type { Rule, RuleAction } from "../kinds/rule.ts";
import { parseSelector } from "../selector/selector.ts";
import { nodesActionAnnotation, nodesAnnotation, nowhere } from "./clusterPolicyNodes.ts";
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
  const faultsBefore = rule.faults.length;
  const all = rule
    .field(peers)
    .items()
    .flatMap((peer) => readPeer(peer, peers));
  if (all.length === 0 && rule.faults.length === faultsBefore) rule.field(peers).fault("is required");
  const matches = readProtocols(rule.field("protocols"));
  const isNamed = matches.some(({ protocol, ports }) => protocol === undefined && ports.length > 0);
  if (isNamed && all.some(({ nodes }) => nodes !== undefined)) {
    rule.field("protocols").fault("must not name ports where to has nodes, which have none with a name");
  }
  return matches.flatMap(({ protocol, ports }) =>
    all.map(({ entity, nodes }): Rule => {
      const closed = nodes === undefined ? { action, entity } : closedOf(action, entity);
      const target = { ...(peers === "to" && closed.entity), ...(ports.length > 0 && { ports }) };
      const annotations = {
        ...(!name.isMissing && { name: name.text() }),
        ...(nodes !== undefined && { [nodesAnnotation]: nodes }),
        ...(nodes !== undefined && action === "Pass" && { [nodesActionAnnotation]: action }),
      };
      return {
        action: closed.action,
        ...(protocol !== undefined && { protocol }),
        ...(peers === "from" && { source: closed.entity }),
        ...(Object.keys(target).length > 0 && { destination: target }),
        ...(Object.keys(annotations).length > 0 && { metadata: { annotations } }),
      };
    }),
  );
}

interface Peer {
  readonly entity: EntityRule;
  /** The nodes' labels, as a selector. */
  readonly nodes?: string;
}

/** As it is for who does not know nodes: it accepts nothing, and denies whatever it may deny or hand on. */
function closedOf(
  action: RuleAction,
  entity: EntityRule,
): { readonly action: RuleAction; readonly entity: EntityRule } {
  return action === "Allow" ? { action, entity: { ...entity, nets: [nowhere] } } : { action: "Deny", entity };
}

/** What is none of these peers is of a later version: it is no peer at all, and a fault. */
function readPeer(peer: Reader, side: "from" | "to"): Peer[] {
  const domainNames = peer.field("domainNames");
  if (side === "to" && !domainNames.isMissing) {
    domainNames.fault("is not enforced: packets tell addresses, and no names of domains; write networks");
    return [];
  }
  const faultsBefore = peer.faults.length;
  peer.only("namespaces", "pods", ...(side === "to" ? ["networks", "nodes"] : []));
  if (peer.faults.length > faultsBefore) return [];
  const namespaces = peer.field("namespaces");
  const pods = peer.field("pods");
  const networks = peer.field("networks");
  const nodes = peer.field("nodes");
  if (!namespaces.isMissing) return [{ entity: { namespaceSelector: namespaceSelectorText(namespaces) } }];
  if (!pods.isMissing) return [{ entity: readPods(pods) }];
  if (!nodes.isMissing) return [{ entity: {}, nodes: readNodes(nodes) }];
  if (networks.isMissing) peer.fault(`must have namespaces${side === "to" ? ", pods, nodes or networks" : " or pods"}`);
  return byFamily(networks.items().map(readNetwork)).map((entity) => ({ entity }));
}

/** An empty one is of all nodes. */
function readNodes(nodes: Reader): string {
  const text = namespaceSelectorText(nodes);
  const parsed = parseSelector(text);
  if (parsed.kind === "malformed") nodes.fault(`as a selector: ${parsed.reason}`);
  return text;
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
