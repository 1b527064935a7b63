/** A Service of Kubernetes: by which addresses and ports clients ask for what stands behind it. */
import { entriesOf, isMembers, members, textOf, textsOf } from "./apiObject.ts";
import type { SlicePort } from "./endpointSlice.ts";
import type { ApiObject, ApiResource } from "./source.ts";

export interface Service {
  readonly namespace: string;
  readonly name: string;
  /** None of a headless one. */
  readonly clusterIPs: readonly string[];
  /** `null` for one whose endpoints somebody else tells. */
  readonly selector: Readonly<Record<string, string>> | null;
  readonly ports: readonly ServicePort[];
}

export interface ServicePort extends SlicePort {
  /** A number, or the name of a port of each pod. */
  readonly targetPort: number | string;
}

export const serviceResource: ApiResource = {
  group: "",
  version: "v1",
  plural: "services",
  kind: "Service",
  namespaced: true,
};

export function readServiceObject({ metadata, spec }: ApiObject): Service {
  const { namespace = "default", name } = metadata;
  const { clusterIP, clusterIPs, selector, ports } = members(spec);
  const listed = entriesOf(clusterIPs).length > 0 ? entriesOf(clusterIPs) : [clusterIP];
  return {
    namespace,
    name,
    clusterIPs: listed.flatMap((address) => (textOf(address) && address !== "None" ? [String(address)] : [])),
    selector: isMembers(selector) ? textsOf(selector) : null,
    ports: entriesOf(ports).flatMap(portOf),
  };
}

function portOf(value: unknown): ServicePort[] {
  const { name, protocol = "TCP", port, targetPort = port } = members(value);
  if (typeof port !== "number" || (typeof targetPort !== "number" && typeof targetPort !== "string")) return [];
  if (protocol !== "TCP" && protocol !== "UDP" && protocol !== "SCTP") return [];
  return [{ ...(textOf(name) !== undefined && { name: String(name) }), protocol, port, targetPort }];
}
