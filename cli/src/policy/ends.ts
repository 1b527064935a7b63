/** Who takes part in a connection, as a person names it: pods, endpoints, addresses, ports. */
import { nearest, type WorkloadEndpoint } from "@brindle/api";
import { type Address, type Family, formatAddress, parseAddress } from "@brindle/net";
import { endpointAddresses, isIcmp, type Packet, protocolName, protocolNumber } from "@brindle/policy";
import { failed, usage } from "../error.ts";
import type { ReadCluster } from "./cluster.ts";
import { addressesOfHostPod } from "./hostPods.ts";
import { fullName, namesOf, placed } from "./podNames.ts";
import { backendsBehind, serviceNamed } from "./services.ts";

export interface Service {
  readonly protocol: number;
  readonly port?: number;
  /** Of ICMP; the echo request where it is not told. */
  readonly icmp?: { readonly type: number; readonly code: number };
}

/**
 * `5432/tcp`, `5432` for TCP, `icmp`, `icmp/3/4` for a type and its code, `icmpv6/135` for code 0, `protocol/47` for what has
 * no ports. Throws a `CliError`.
 */
export function parseService(text: string): Service {
  const typed = /^(icmp|icmpv6)\/(\d{1,3})(?:\/(\d{1,3}))?$/i.exec(text);
  if (typed) return icmpService(text, typed);
  const [, number] = /^protocol\/(\d{1,3})$/i.exec(text) ?? [];
  const [first = "", second, ...more] = text.split("/");
  const isPort = number === undefined && /^\d+$/.test(first);
  const protocol = protocolNumber(number ?? (isPort ? (second ?? "tcp") : first));
  if (protocol === null || more.length > 0 || (!isPort && number === undefined && second !== undefined)) {
    throw usage(`--port ${text} is no port with its protocol, like 5432/tcp, 53/udp, icmp or protocol/47`);
  }
  const hasPorts = portProtocols.has(protocol);
  if (!isPort) {
    if (hasPorts) throw usage(`--port ${text} names no port: write 5432/${protocolName(protocol)}`);
    return { protocol };
  }
  if (!hasPorts) throw usage(`--port ${text} names a port of what has none: write ${portless(protocol)}`);
  const port = Number(first);
  if (port < 1 || port > 65535) throw usage(`--port ${text} is no port from 1 to 65535`);
  return { protocol, port };
}

/** As rules may name ports of. */
const portProtocols: ReadonlySet<number | null> = new Set(["tcp", "udp", "sctp", "udplite"].map(protocolNumber));

function portless(protocol: number): string {
  return isIcmp(protocol) ? protocolName(protocol) : `protocol/${protocol}`;
}

function icmpService(text: string, [, name = "", type, code = "0"]: RegExpExecArray): Service {
  const icmp = { type: Number(type), code: Number(code) };
  const protocol = protocolNumber(name);
  if (protocol !== null && icmp.type <= 255 && icmp.code <= 255) return { protocol, icmp };
  throw usage(`--port ${text} names a type or code beyond 255`);
}

/** One end of a connection: an address, or a pod with one of each family. */
export interface End {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** How it is known to policy, in words, where its name does not tell. */
  readonly note?: string;
}

/** Where ends are looked for. */
export type Ends = Pick<ReadCluster, "cluster" | "hostPods">;

export function endNamed(text: string, ends: Ends, options: { readonly namespace: string }): End {
  const address = parseAddress(text);
  if (address) return { name: text, addresses: [address] };
  const pod = ends.hostPods?.get(placed(text, options.namespace));
  if (!pod) return { name: text, addresses: endpointAddresses(endpointNamed(text, ends, options)) };
  const note = `${pod.namespace}/${pod.name} is in the network of its node ${pod.node}, and policy knows it as that`;
  return { name: text, addresses: addressesOfHostPod(pod, ends.cluster), note };
}

/** `namespace/name` of a pod or of a workload endpoint; the namespace may be left out. Throws a `CliError`. */
export function endpointNamed(
  text: string,
  { cluster: { endpoints }, hostPods }: Ends,
  { namespace }: { readonly namespace: string },
): WorkloadEndpoint {
  const wanted = placed(text, namespace);
  const found = endpoints.filter((endpoint) => namesOf(endpoint).includes(wanted));
  if (found.length > 1) {
    throw failed(`"${text}" has ${found.length} endpoints: name one of ${found.map(fullName).join(", ")}`);
  }
  const [endpoint] = found;
  if (endpoint) return endpoint;
  const node = hostPods?.get(wanted)?.node;
  if (node !== undefined) {
    throw failed(
      `${wanted} is in the network of its node ${node}: policy speaks of it by host endpoints of that alone`,
    );
  }
  const meant = nearest(wanted, endpoints.flatMap(namesOf));
  // Of pods without endpoints only Kubernetes knows.
  const hint =
    hostPods === null ? "; of a pod in the network of its node name the node's address, or --kubeconfig" : "";
  throw failed(`there is no pod or workload endpoint "${wanted}"${meant ? `; did you mean ${meant}?` : hint}`);
}

/** Who may be asked, under one name: a pod, an address, or each of what is behind a Service. */
export interface Asked {
  readonly end: End;
  readonly service: Service;
  /** How it is reached by what was asked, in words, where that is not its own name or address. */
  readonly via?: string;
}

/** A pod before a Service of its name. Throws a `CliError`. */
export function askedNamed(
  text: string,
  service: Service,
  read: ReadCluster,
  options: { readonly namespace: string },
): readonly Asked[] {
  const { services, floating } = read;
  const address = parseAddress(text);
  const floated = address && floating.get(formatAddress(address));
  if (floated) {
    const { own, pod } = floated;
    const via = `${formatAddress(address)} floats to the pod ${pod}, by its own address`;
    return [{ end: { name: text, addresses: [own] }, service, via }];
  }
  const meant = services && serviceNamed(text, services, options);
  if (!meant || (!meant.clusterIPs.includes(text) && isPod(text, read, options))) {
    const end = endNamed(text, read, options);
    return [{ end, service, ...(end.note !== undefined && { via: end.note }) }];
  }
  const backends = backendsBehind(meant, services, service);
  if (typeof backends === "string") throw failed(backends);
  const via = `behind Service ${meant.namespace}/${meant.name}`;
  return backends.map(({ address, port }) => ({
    end: endNamed(address, read, options),
    service: { ...service, port },
    via,
  }));
}

function isPod(
  text: string,
  { cluster: { endpoints }, hostPods }: Ends,
  { namespace }: { readonly namespace: string },
): boolean {
  const wanted = placed(text, namespace);
  return hostPods?.has(wanted) || endpoints.some((endpoint) => namesOf(endpoint).includes(wanted));
}

/** Of all that is asked; what is of another family than the source is left out. */
export function packetsToAll(from: End, asked: readonly Asked[]): readonly { packet: Packet; via?: string }[] {
  const families = new Set(from.addresses.map(({ family }) => family));
  const reachable = asked.filter(({ end }) => end.addresses.some(({ family }) => families.has(family)));
  return (reachable.length > 0 ? reachable : asked).flatMap(({ end, service, via }) =>
    packetsBetween(from, end, service).map((packet) => ({ packet, ...(via !== undefined && { via }) })),
  );
}

/** One for each family that both ends have: the two may be decided differently, by rules that name networks. */
export function packetsBetween(from: End, to: End, service: Service): Packet[] {
  const packets = familiesOf(service).flatMap((family) => {
    const source = from.addresses.find((address) => address.family === family);
    const destination = to.addresses.find((address) => address.family === family);
    return source && destination ? [{ source, destination, ...headerOf(service, family) }] : [];
  });
  if (packets.length > 0) return packets;
  const asks = service.icmp ? ` with a type` : "";
  const only = familiesOf(service).length === 1 ? `, as ${protocolName(service.protocol)}${asks} asks for` : "";
  throw failed(`${from.name} and ${to.name} have no addresses of one family${only}`);
}

/** A type means something in one of the two alone; ICMP without one is that of either. */
function familiesOf({ protocol, icmp }: Service): readonly Family[] {
  if (protocol === protocolNumber("icmpv6")) return [6];
  return icmp ? [4] : [4, 6];
}

/** Of ICMP the echo request unless told, in the form of the family. */
function headerOf({ protocol, port, icmp }: Service, family: Family): Omit<Packet, "source" | "destination"> {
  if (icmp) return { protocol, icmp };
  if (!isIcmp(protocol)) return { protocol, ...(port !== undefined && { destinationPort: port }) };
  return family === 4 ? { protocol: 1, icmp: { type: 8, code: 0 } } : { protocol: 58, icmp: { type: 128, code: 0 } };
}
