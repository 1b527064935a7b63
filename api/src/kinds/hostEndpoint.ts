import { address, integer, protocol, subdomain, text } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, list, object, optional, set, withOpenApi } from "./schema.ts";

export interface HostEndpointSpec {
  readonly node: string;
  readonly interfaceName?: string;
  readonly expectedIPs?: readonly string[];
  readonly profiles?: readonly string[];
  readonly ports?: readonly EndpointPort[];
}

export interface EndpointPort {
  readonly name: string;
  readonly protocol: string | number;
  readonly port: number;
}

export type HostEndpoint = Resource<"HostEndpoint", HostEndpointSpec>;

const interfaceName = withOpenApi(
  checked(text, (value) =>
    value === "*" || /^[a-zA-Z0-9_.-]{1,15}$/.test(value)
      ? null
      : 'is no interface: * for all, or at most 15 letters, digits, "_", "." and "-"',
  ),
  { pattern: "^([*]|[a-zA-Z0-9_.-]{1,15})$" },
);

/** As the names of services at IANA (RFC 6335 §5.1), in lower case. */
const portName = withOpenApi(
  checked(text, (value) =>
    /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/.test(value)
      ? null
      : 'is no name of a port: at most 15 lower case letters, digits and single "-" between them, a letter among them',
  ),
  { pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 15 },
);

const protocolsWithPorts: readonly unknown[] = ["TCP", "UDP", "SCTP", 6, 17, 132];

const portProtocol = checked(protocol, (value) =>
  protocolsWithPorts.includes(value) ? null : "has no ports: TCP, UDP or SCTP",
);

export const hostEndpointKind: KindDefinition<HostEndpoint> = {
  apiVersion,
  kind: "HostEndpoint",
  plural: "hostendpoints",
  description: "Interfaces of a node itself, which policies select like pods.",
  aliases: ["hep", "heps"],
  namespaced: false,
  spec: object<HostEndpointSpec>({
    node: field(subdomain, "The name of the node."),
    interfaceName: optional(
      field(interfaceName, "The interface, or * for all. If left out, the one that has an address of expectedIPs."),
    ),
    expectedIPs: optional(
      field(set(address), "Addresses of the interface: they find it, and stand for it where selectors match."),
    ),
    profiles: optional(field(set(subdomain), "Profiles whose rules hold where no policy does.")),
    ports: optional(
      field(
        list(
          object<EndpointPort>({
            name: field(portName, "The name that rules may use for the port."),
            protocol: field(portProtocol, "TCP, UDP or SCTP."),
            port: field(integer(1, 65535), "The number of the port."),
          }),
        ),
        "Names for ports of the host.",
      ),
    ),
  }),
  unsupported: [],
  rules: [
    {
      rule: "size(self.spec.?interfaceName.orValue('')) > 0 || size(self.spec.?expectedIPs.orValue([])) > 0",
      message: "needs interfaceName or expectedIPs",
      fieldPath: ".spec",
    },
  ],
  check: ({ spec }) =>
    spec.interfaceName || spec.expectedIPs?.length
      ? []
      : [{ path: "spec.interfaceName", value: undefined, reason: "is missing, and so is expectedIPs: one is needed" }],
  withDefaults: (endpoint) => endpoint,
  columns: [nameColumn, { header: "NODE", jsonPath: ".spec.node", cell: ({ spec }) => spec.node }],
  wideColumns: [
    nameColumn,
    { header: "NODE", jsonPath: ".spec.node", cell: ({ spec }) => spec.node },
    { header: "INTERFACE", jsonPath: ".spec.interfaceName", cell: ({ spec }) => spec.interfaceName ?? "" },
    { header: "IPS", jsonPath: ".spec.expectedIPs", cell: ({ spec }) => (spec.expectedIPs ?? []).join(",") },
    { header: "PROFILES", jsonPath: ".spec.profiles", cell: ({ spec }) => (spec.profiles ?? []).join(",") },
  ],
};
