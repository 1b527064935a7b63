/** From a manifest of `networking.k8s.io/v1` to its typed form, with the API server's checks of it. */
import { containsPrefix, networkOf, parseCidr } from "@brindle/net";
import type { Reader } from "./manifestReader.ts";
import type {
  KubernetesNetworkPolicy,
  KubernetesPeer,
  KubernetesPolicySpec,
  KubernetesPort,
  KubernetesRule,
  LabelRequirement,
  LabelSelector,
} from "./networkPolicyV1.ts";

const labelName = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const objectName = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
/** RFC 6335 §5.1 without its capitals, as Kubernetes wants it. */
export const portName: RegExp = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** `namespaceDefault` is for manifests that name none, as `kubectl -n` gives it. The result counts only without faults. */
export function readNetworkPolicy(reader: Reader, namespaceDefault: string): KubernetesNetworkPolicy {
  reader.only("apiVersion", "kind", "metadata", "spec", "status");
  reader.field("apiVersion").oneOf(["networking.k8s.io/v1"]);
  reader.field("kind").oneOf(["NetworkPolicy"]);
  const metadata = reader.field("metadata");
  const namespace = metadata.field("namespace");
  return {
    metadata: {
      name: readMatching(metadata.field("name"), objectName, "must be a DNS subdomain"),
      namespace: namespace.isMissing ? namespaceDefault : readMatching(namespace, objectName, "must be a DNS label"),
    },
    spec: readSpec(reader.field("spec")),
  };
}

function readSpec(spec: Reader): KubernetesPolicySpec {
  spec.only("podSelector", "policyTypes", "ingress", "egress");
  if (spec.isMissing) spec.fault("is required");
  const types = spec.field("policyTypes");
  return {
    podSelector: readLabelSelector(spec.field("podSelector")),
    ...(types.isMissing ? {} : { policyTypes: types.items().map((type) => type.oneOf(["Ingress", "Egress"])) }),
    ingress: spec
      .field("ingress")
      .items()
      .map((rule) => readRule(rule, "from")),
    egress: spec
      .field("egress")
      .items()
      .map((rule) => readRule(rule, "to")),
  };
}

function readRule(rule: Reader, peers: "from" | "to"): KubernetesRule {
  rule.only(peers, "ports");
  return { peers: rule.field(peers).items().map(readPeer), ports: rule.field("ports").items().map(readPort) };
}

function readPeer(peer: Reader): KubernetesPeer {
  peer.only("podSelector", "namespaceSelector", "ipBlock");
  const pods = peer.field("podSelector");
  const namespaces = peer.field("namespaceSelector");
  const ipBlock = peer.field("ipBlock");
  if (pods.isMissing && namespaces.isMissing && ipBlock.isMissing) peer.fault("must have a selector or an ipBlock");
  if (ipBlock.isMissing) {
    return {
      ...(pods.isMissing ? {} : { podSelector: readLabelSelector(pods) }),
      ...(namespaces.isMissing ? {} : { namespaceSelector: readLabelSelector(namespaces) }),
    };
  }
  if (!pods.isMissing || !namespaces.isMissing) ipBlock.fault("may not stand beside a selector");
  return { ipBlock: readIpBlock(ipBlock) };
}

function readIpBlock(block: Reader): { cidr: string; except: string[] } {
  block.only("cidr", "except");
  const text = block.field("cidr").text();
  const outer = parseCidr(text);
  if (!outer && text !== "") block.field("cidr").fault("must be a CIDR, as 10.0.0.0/8");
  const except = block
    .field("except")
    .items()
    .map((item) => {
      const inner = parseCidr(item.text());
      if (!inner) item.fault("must be a CIDR, as 10.0.0.0/8");
      else if (outer && (inner.length <= outer.length || !containsPrefix(networkOf(outer), inner))) {
        item.fault(`must lie strictly within ${text}`);
      }
      return item.text();
    });
  return { cidr: text, except };
}

function readPort(port: Reader): KubernetesPort {
  port.only("protocol", "port", "endPort");
  const protocolField = port.field("protocol");
  const protocol = protocolField.isMissing ? "TCP" : protocolField.oneOf(["TCP", "UDP", "SCTP"]);
  const number = port.field("port");
  const endPort = port.field("endPort");
  if (number.isMissing) {
    if (!endPort.isMissing) endPort.fault("needs a port");
    return { protocol };
  }
  if (number.isText) {
    if (!endPort.isMissing) endPort.fault("needs a port that is a number");
    return { protocol, port: readMatching(number, portName, "must be a port's name or a number") };
  }
  const first = number.port();
  if (endPort.isMissing) return { protocol, port: first };
  const last = endPort.port();
  if (last < first) endPort.fault("must not be below port");
  return { protocol, port: first, endPort: last };
}

export function readLabelSelector(selector: Reader): LabelSelector {
  selector.only("matchLabels", "matchExpressions");
  const matchLabels: Record<string, string> = {};
  for (const [name, value] of selector.field("matchLabels").entries()) {
    if (!labelName.test(name)) value.fault("has a name that is no label's");
    matchLabels[name] = readMatching(value, labelValue, "must be a label's value");
  }
  return { matchLabels, matchExpressions: selector.field("matchExpressions").items().map(readRequirement) };
}

function readRequirement(requirement: Reader): LabelRequirement {
  requirement.only("key", "operator", "values");
  const operator = requirement.field("operator").oneOf(["In", "NotIn", "Exists", "DoesNotExist"]);
  const values = requirement.field("values");
  const read = values.items().map((value) => readMatching(value, labelValue, "must be a label's value"));
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues && read.length === 0) values.fault(`must not be empty with ${operator}`);
  if (!takesValues && read.length > 0) values.fault(`must be empty with ${operator}`);
  return { key: readMatching(requirement.field("key"), labelName, "must be a label's name"), operator, values: read };
}

export function readMatching(reader: Reader, pattern: RegExp, reason: string): string {
  const text = reader.text();
  if (reader.isText && !pattern.test(text)) reader.fault(reason);
  return text;
}
