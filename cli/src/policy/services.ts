/** Services of the cluster that a policy decision is about: of manifests, or as Kubernetes tells them. */
import {
  type ApiObject,
  type EndpointSlice,
  type HostPod,
  isRecord,
  readEndpointSlice,
  readServiceObject,
  type Service,
  type SlicePort,
  type WorkloadEndpoint,
} from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { endpointAddresses, protocolName, protocolNumber } from "@brindle/policy";
import { readDocuments } from "../manifest/documents.ts";
import type { ManifestFile, ServicesAndSlices } from "../ports.ts";

/** Whether a document is of Kubernetes, and says what Services there are or what is behind them. */
export function isOfServices(value: unknown): value is ApiObject {
  if (!isRecord(value) || !isRecord(value.metadata) || typeof value.metadata.name !== "string") return false;
  const { apiVersion, kind } = value;
  return (
    (apiVersion === "v1" && kind === "Service") || (apiVersion === "discovery.k8s.io/v1" && kind === "EndpointSlice")
  );
}

interface PodsInFiles {
  readonly namespace: string;
  readonly endpoints: readonly WorkloadEndpoint[];
  readonly hostPods: readonly HostPod[];
}

/** Of a Service without EndpointSlices its selector says what is behind it. */
export function servicesIn(
  files: readonly ManifestFile[],
  { namespace, endpoints, hostPods }: PodsInFiles,
): ServicesAndSlices {
  const objects = readDocuments(files).documents.flatMap(({ value }) => (isOfServices(value) ? [value] : []));
  const placed = objects.map((object) => ({ ...object, metadata: { namespace, ...object.metadata } }));
  const services = placed.filter(({ kind }: ApiObject) => kind === "Service").map(readServiceObject);
  const told = placed
    .filter(({ kind }: ApiObject) => kind === "EndpointSlice")
    .flatMap((one) => readEndpointSlice(one) ?? []);
  const isTold = ({ namespace: of, name }: Service): boolean =>
    told.some((slice) => slice.namespace === of && slice.service === name);
  const pods = [...endpoints.map(podOfEndpoint), ...hostPods];
  const made = services.filter((service) => !isTold(service)).flatMap((service) => selectedBy(service, pods));
  return { services, endpointSlices: [...told, ...made] };
}

/** What a Service selects, whatever network it is in. */
interface ServingPod extends Pick<HostPod, "namespace" | "name" | "labels" | "addresses"> {
  readonly ports: readonly { readonly name: string; readonly protocol: string | number; readonly port: number }[];
}

function podOfEndpoint(endpoint: WorkloadEndpoint): ServingPod {
  const { namespace = "", name, labels = {} } = endpoint.metadata;
  const addresses = endpointAddresses(endpoint).map(formatAddress);
  return { namespace, name, labels, addresses, ports: endpoint.spec.ports ?? [] };
}

/** As Kubernetes would make them, one for each pod: each resolves the names of ports for itself. */
function selectedBy({ namespace, name, selector, ports }: Service, pods: readonly ServingPod[]): EndpointSlice[] {
  if (!selector) return [];
  const wanted = Object.entries(selector);
  const behind = pods.filter(
    ({ labels, namespace: of }) => of === namespace && wanted.every(([label, value]) => labels[label] === value),
  );
  return behind.map((pod) => ({
    ...{ namespace, name: `${name}-${pod.name}`, service: name },
    addresses: pod.addresses,
    ports: ports.flatMap((port): SlicePort[] => {
      const number = portOf(pod, port);
      return number === undefined
        ? []
        : [{ ...(port.name !== undefined && { name: port.name }), protocol: port.protocol, port: number }];
    }),
  }));
}

function portOf({ ports }: ServingPod, { targetPort, protocol }: Service["ports"][number]): number | undefined {
  if (typeof targetPort === "number") return targetPort;
  const of = protocolNumber(protocol);
  return ports.find((port) => port.name === targetPort && protocolNumber(port.protocol) === of)?.port;
}

/** What a client asks a Service for, as it is once the address is translated. */
export interface Backend {
  readonly address: string;
  readonly port: number;
}

/** The Service that a person names: `namespace/name`, or one of its own addresses. */
export function serviceNamed(
  text: string,
  { services }: ServicesAndSlices,
  { namespace }: { readonly namespace: string },
): Service | null {
  const wanted = text.includes("/") ? text : `${namespace}/${text}`;
  return (
    services.find(
      (service) => service.clusterIPs.includes(text) || `${service.namespace}/${service.name}` === wanted,
    ) ?? null
  );
}

/** Or in words why there is none. */
export function backendsBehind(
  service: Service,
  { endpointSlices }: ServicesAndSlices,
  asked: { readonly protocol: number; readonly port?: number },
): readonly Backend[] | string {
  const full = `${service.namespace}/${service.name}`;
  const port = service.ports.find((one) => one.port === asked.port && protocolNumber(one.protocol) === asked.protocol);
  if (!port) {
    const all = service.ports.map((one) => `${one.port}/${one.protocol.toLowerCase()}`).join(", ");
    return `Service ${full} has no port ${asked.port ?? protocolName(asked.protocol)}: ${all || "it has none"}`;
  }
  const found = endpointSlices
    .filter((slice) => slice.namespace === service.namespace && slice.service === service.name)
    .flatMap(({ addresses, ports }) =>
      ports
        .filter((one) => one.name === port.name && one.protocol === port.protocol)
        .flatMap((one) => addresses.map((address) => ({ address, port: one.port }))),
    );
  return found.length > 0 ? found : `nothing is behind Service ${full}`;
}
