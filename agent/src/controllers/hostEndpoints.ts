/**
 * Which host endpoints nodes are to have by themselves: as Calico's controllers make them, with their names, their labels
 * and the profile that allows everything, so that a node is as open as before until a policy selects it. One that bears
 * their label is theirs, whoever made it; any other is left alone.
 */

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  type AutoHostEndpointConfig,
  apiVersion,
  defaultAllowProfile,
  type HostEndpoint,
  type HostEndpointTemplate,
  type Item,
  type Node,
  parseSelector,
  type Write,
} from "@brindle/api";
import { containsAddress, parseAddress, parseCidr, parsePrefix } from "@brindle/net";

export interface HostEndpointFacts {
  /** As KubeControllersConfiguration says it. */
  readonly config: AutoHostEndpointConfig;
  /** By name; `null` for one that cannot be read, whose host endpoints stay as they are. */
  readonly nodes: ReadonlyMap<string, Node | null>;
  readonly hostEndpoints: readonly Item<"HostEndpoint">[];
}

export interface HostEndpointPlan {
  readonly writes: readonly Write[];
  /** What is not made, and why. */
  readonly troubles: readonly string[];
}

export function planHostEndpoints({ config, nodes, hostEndpoints }: HostEndpointFacts): HostEndpointPlan {
  const stored = new Map(hostEndpoints.map((item) => [item.key.name, item]));
  const wanted = new Map<string, HostEndpoint>();
  /** Of these nothing is deleted either. */
  const unclear = new Set([...nodes].flatMap(([name, node]) => (node ? [] : [name])));
  const troubles: string[] = [];
  for (const node of config.autoCreate === "Enabled" ? nodes.values() : []) {
    if (!node) continue;
    const made = hostEndpointsOf(node, config);
    for (const endpoint of made.endpoints) wanted.set(endpoint.metadata.name, endpoint);
    if (made.troubles.length > 0) unclear.add(node.metadata.name);
    troubles.push(...made.troubles);
  }
  const writes: Write[] = [];
  for (const [name, endpoint] of wanted) {
    const there = stored.get(name);
    const key = { kind: "HostEndpoint", name } as const;
    if (!there) writes.push({ op: "create", key, value: endpoint });
    else if (!isOurs(there.value))
      troubles.push(`HostEndpoint ${name} is there already, and is not made by controllers`);
    else if (!isUpToDate(there.value, endpoint)) {
      const { annotations } = endpoint.metadata;
      const metadata = {
        ...there.value.metadata,
        labels: endpoint.metadata.labels ?? {},
        ...(annotations && { annotations: { ...there.value.metadata.annotations, ...annotations } }),
      };
      const value: HostEndpoint = { ...there.value, metadata, spec: { ...there.value.spec, ...endpoint.spec } };
      writes.push({ op: "update", key, value, revision: there.revision });
    }
  }
  for (const [name, { key, value, revision }] of stored) {
    const isLeft = isOurs(value) && !wanted.has(name);
    if (isLeft && (config.autoCreate !== "Enabled" || !unclear.has(value.spec.node))) {
      writes.push({ op: "delete", key, revision });
    }
  }
  return { writes, troubles };
}

interface MadeOfNode {
  readonly endpoints: readonly HostEndpoint[];
  readonly troubles: readonly string[];
}

function hostEndpointsOf(
  node: Node,
  { createDefaultHostEndpoint, templates = [] }: AutoHostEndpointConfig,
): MadeOfNode {
  const endpoints: HostEndpoint[] = [];
  const troubles: string[] = [];
  if (createDefaultHostEndpoint !== "Disabled") {
    endpoints.push(hostEndpoint(node, { name: nameOf(node), interfaceName: "*", expectedIPs: addressesOf(node) }));
  }
  for (const template of templates) {
    const made = ofTemplate(node, template);
    if (typeof made === "string") troubles.push(`template ${template.generateName ?? ""}: ${made}`);
    else endpoints.push(...made);
  }
  return { endpoints, troubles };
}

/** Or what is wrong with the template. */
function ofTemplate(node: Node, template: HostEndpointTemplate): HostEndpoint[] | string {
  const { generateName, interfaceCIDRs = [], interfacePattern = "", nodeSelector = "" } = template;
  if (!generateName) return "generateName is missing";
  const selector = parseSelector(nodeSelector);
  if (selector.kind === "malformed") return `nodeSelector: ${selector.reason}`;
  if (!selector.selector.matches(node.metadata.labels ?? {})) return [];
  const networks = interfaceCIDRs.flatMap((text) => parsePrefix(text) ?? []);
  const expectedIPs = addressesOf(node).filter((text) => {
    const address = parseAddress(text);
    return address && networks.some((network) => containsAddress(network, address));
  });
  if (interfacePattern === "") {
    // Neither an interface nor an address: it would be for nothing.
    if (expectedIPs.length === 0) return [];
    return [hostEndpoint(node, { name: nameOf(node, generateName), expectedIPs, template })];
  }
  const pattern = patternOf(interfacePattern);
  if (!pattern) return `interfacePattern: ${JSON.stringify(interfacePattern)} is no regular expression`;
  return (node.spec.interfaces ?? []).flatMap(({ name: interfaceName = "", addresses = [] }) => {
    if (!pattern.test(interfaceName)) return [];
    const name = nameOf(node, generateName, interfaceName);
    const all = [...new Set([...expectedIPs, ...addresses.flatMap(addressText)])];
    return [hostEndpoint(node, { name, interfaceName, expectedIPs: all, template })];
  });
}

interface Made {
  readonly name: string;
  readonly interfaceName?: string;
  readonly expectedIPs: readonly string[];
  readonly template?: HostEndpointTemplate;
}

function hostEndpoint(node: Node, { name, interfaceName, expectedIPs, template = {} }: Made): HostEndpoint {
  const { labels, annotations } = template;
  return {
    apiVersion,
    kind: "HostEndpoint",
    metadata: {
      name,
      labels: { ...node.metadata.labels, ...labels, [createdBy]: controllers },
      ...(annotations && { annotations }),
    },
    spec: {
      node: node.metadata.name,
      ...(interfaceName !== undefined && { interfaceName }),
      expectedIPs,
      profiles: [defaultAllowProfile.metadata.name],
    },
  };
}

/** Calico's label for those that its controllers keep. */
const createdBy = "projectcalico.org/created-by";
const controllers = "calico-kube-controllers";

function isOurs({ metadata: { labels = {} } }: HostEndpoint): boolean {
  return labels[createdBy] === controllers;
}

function isUpToDate({ metadata, spec }: HostEndpoint, wanted: HostEndpoint): boolean {
  const annotations = Object.entries(wanted.metadata.annotations ?? {});
  return (
    isDeepStrictEqual(metadata.labels ?? {}, wanted.metadata.labels) &&
    annotations.every(([name, text]) => metadata.annotations?.[name] === text) &&
    spec.node === wanted.spec.node &&
    isDeepStrictEqual(spec.expectedIPs ?? [], wanted.spec.expectedIPs) &&
    (spec.interfaceName ?? "") === (wanted.spec.interfaceName ?? "")
  );
}

const nameEnd = "auto-hep";
/** Of a name in Kubernetes (RFC 1123 §2.1). */
const nameLengthMax = 253;

function nameOf({ metadata: { name: node } }: Node, ...parts: readonly string[]): string {
  const name = [node, ...parts, nameEnd].join("-");
  if (name.length <= nameLengthMax) return name;
  const hash = createHash("sha256").update(name).digest("base64url").replaceAll(/[-_.]/g, "");
  return `${hash}-${nameEnd}`.toLowerCase();
}

/** In Calico's order, each once: by which others know it, of its tunnels, of its interfaces. */
function addressesOf({ spec }: Node): string[] {
  const { bgp, wireguard, addresses = [], interfaces = [] } = spec;
  const all = [
    ...[bgp?.ipv4Address, bgp?.ipv6Address, bgp?.ipv4IPIPTunnelAddr],
    ...[spec.ipv4VXLANTunnelAddr, spec.ipv6VXLANTunnelAddr],
    ...[wireguard?.interfaceIPv4Address, wireguard?.interfaceIPv6Address],
    ...addresses.filter(({ type }) => type === "InternalIP").map(({ address }) => address),
    ...interfaces.flatMap(({ addresses: own = [] }) => own),
  ];
  return [...new Set(all.flatMap((text) => (text ? addressText(text) : [])))];
}

/** Without the length of its network; nothing for what is no address. */
function addressText(text: string): string[] {
  const address = text.split("/")[0] ?? "";
  return parseCidr(text) || parseAddress(text) ? [address] : [];
}

function patternOf(text: string): RegExp | null {
  try {
    return new RegExp(text);
  } catch {
    return null;
  }
}
