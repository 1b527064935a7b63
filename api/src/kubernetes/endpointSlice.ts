/**
 * What stands behind a Service, by the EndpointSlices that Kubernetes keeps of it: as much of one as rules of policies ask
 * for. Endpoints that are not ready are in it as well, as in Calico: a pod that starts may be spoken with already.
 */
import { entriesOf, isMembers, members, textOf, textsOf } from "./apiObject.ts";
import type { ApiObject, ApiResource } from "./source.ts";

export interface EndpointSlice {
  readonly namespace: string;
  readonly name: string;
  /** The name of its Service. */
  readonly service: string;
  /** As texts; names of DNS may be among them, which no packet bears. */
  readonly addresses: readonly string[];
  /** Each of all the addresses. One without a number (any port) is left out: Calico, too, takes it for none. */
  readonly ports: readonly SlicePort[];
}

export interface SlicePort {
  /** That of the Service's port; none where the Service has one port without a name. */
  readonly name?: string;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
}

export const endpointSliceResource: ApiResource = {
  group: "discovery.k8s.io",
  version: "v1",
  plural: "endpointslices",
  kind: "EndpointSlice",
  namespaced: true,
};

const serviceLabel = "kubernetes.io/service-name";

/** `null` for one of no Service. */
export function readEndpointSlice({ metadata, endpoints, ports }: ApiObject): EndpointSlice | null {
  const { namespace = "default", name } = metadata;
  const service = textsOf(metadata.labels)[serviceLabel];
  if (!service) return null;
  const addresses = entriesOf(endpoints).flatMap((endpoint) =>
    entriesOf(members(endpoint).addresses).filter((address): address is string => typeof address === "string"),
  );
  return { namespace, name, service, addresses, ports: entriesOf(ports).flatMap(portOf) };
}

/** Without a protocol it is of TCP. */
function portOf(value: unknown): SlicePort[] {
  if (!isMembers(value)) return [];
  const { port } = value;
  const protocol = textOf(value.protocol) ?? "TCP";
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return [];
  const name = textOf(value.name);
  const isKnown = protocol === "TCP" || protocol === "UDP" || protocol === "SCTP";
  return isKnown ? [{ ...(name !== undefined && { name }), protocol, port }] : [];
}
