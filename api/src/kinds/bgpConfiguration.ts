import { address, asNumber, duration, flag, integer, oneOf, prefix, text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, list, object, optional, set } from "./schema.ts";
import { type SecretReference, secretReference } from "./secret.ts";

export interface BGPConfigurationSpec {
  readonly logSeverityScreen?: string;
  readonly nodeToNodeMeshEnabled?: boolean;
  /** The AS of every node whose Node resource names none; 64512 unless told. */
  readonly asNumber?: number;
  readonly serviceLoadBalancerIPs?: readonly AdvertisedRange[];
  readonly serviceExternalIPs?: readonly AdvertisedRange[];
  readonly serviceClusterIPs?: readonly AdvertisedRange[];
  readonly serviceLoadBalancerAggregation?: "Enabled" | "Disabled";
  readonly communities?: readonly Community[];
  readonly prefixAdvertisements?: readonly PrefixAdvertisement[];
  readonly listenPort?: number;
  readonly nodeMeshPassword?: SecretReference;
  readonly nodeMeshMaxRestartTime?: string;
  readonly bindMode?: "None" | "NodeIP";
  readonly ignoredInterfaces?: readonly string[];
  readonly localWorkloadPeeringIPV4?: string;
  readonly localWorkloadPeeringIPV6?: string;
  readonly programClusterRoutes?: "Enabled" | "Disabled" | "EnabledIPIPOnly" | "EnabledNoEncapOnly";
  readonly ipv4NormalRoutePriority?: number;
  readonly ipv6NormalRoutePriority?: number;
}

export interface AdvertisedRange {
  readonly cidr: string;
}

/** A name for a community `aa:nn` (RFC 1997) or `aa:nn:mm` (RFC 8092). */
export interface Community {
  readonly name: string;
  readonly value: string;
}

export interface PrefixAdvertisement {
  readonly cidr: string;
  /** Names of communities, or their values. */
  readonly communities: readonly string[];
}

export type BGPConfiguration = Resource<"BGPConfiguration", BGPConfigurationSpec>;

/** RFC 6996 private use, and what Calico takes where nothing is configured. */
export const defaultAsNumber = 64512;

const advertisedRanges = list(object<AdvertisedRange>({ cidr: prefix }));
const routePriority = integer(1, 2147483646);

const servicesUnannounced = "no address of a Service is announced";
const noWorkloadPeering = "no node peers with its pods";
const ownPriority = "routes have the priority 1024";

const shown = (value: unknown): string => (value === undefined ? "-" : String(value));

const columns: readonly Column<BGPConfiguration>[] = [
  nameColumn,
  { header: "LOGSEVERITY", cell: ({ spec }) => shown(spec.logSeverityScreen) },
  { header: "MESHENABLED", cell: ({ spec }) => shown(spec.nodeToNodeMeshEnabled) },
  { header: "ASNUMBER", cell: ({ spec }) => shown(spec.asNumber) },
];

export const bgpConfigurationKind: KindDefinition<BGPConfiguration> = {
  apiVersion,
  kind: "BGPConfiguration",
  plural: "bgpconfigurations",
  description: "How BGP works in the cluster: `default` for all nodes, `node.<name>` for one of them.",
  aliases: ["bgpconfig", "bgpconfigs"],
  namespaced: false,
  spec: object<BGPConfigurationSpec>({
    logSeverityScreen: optional(
      checked(text, (value) =>
        /^(trace|debug|info|warning|error|fatal)$/i.test(value)
          ? null
          : "is none of Trace, Debug, Info, Warning, Error, Fatal",
      ),
    ),
    nodeToNodeMeshEnabled: optional(flag),
    asNumber: optional(asNumber),
    serviceLoadBalancerIPs: optional(advertisedRanges),
    serviceExternalIPs: optional(advertisedRanges),
    serviceClusterIPs: optional(advertisedRanges),
    serviceLoadBalancerAggregation: optional(oneOf("Enabled", "Disabled")),
    communities: optional(list(object<Community>({ name: text, value: text }), { max: 500 })),
    prefixAdvertisements: optional(
      list(object<PrefixAdvertisement>({ cidr: prefix, communities: list(text, { max: 50 }) }), { max: 500 }),
    ),
    listenPort: optional(integer(1, 65535)),
    nodeMeshPassword: optional(secretReference),
    nodeMeshMaxRestartTime: optional(duration),
    bindMode: optional(oneOf("None", "NodeIP")),
    ignoredInterfaces: optional(set(text)),
    localWorkloadPeeringIPV4: optional(address),
    localWorkloadPeeringIPV6: optional(address),
    programClusterRoutes: optional(oneOf("Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly")),
    ipv4NormalRoutePriority: optional(routePriority),
    ipv6NormalRoutePriority: optional(routePriority),
  }),
  unsupported: [
    { effect: "ignored", path: "spec.serviceLoadBalancerIPs", meanwhile: servicesUnannounced },
    { effect: "ignored", path: "spec.serviceExternalIPs", meanwhile: servicesUnannounced },
    { effect: "ignored", path: "spec.serviceClusterIPs", meanwhile: servicesUnannounced },
    {
      effect: "ignored",
      path: "spec.serviceLoadBalancerAggregation",
      accepted: ["Enabled"],
      meanwhile: servicesUnannounced,
    },
    { effect: "ignored", path: "spec.communities", meanwhile: "a name for a community does nothing by itself" },
    // A router may hold back by its community what it would else pass on.
    { effect: "withheld", path: "spec.prefixAdvertisements" },
    { effect: "withheld", path: "spec.nodeMeshPassword" },
    {
      effect: "ignored",
      path: "spec.nodeMeshMaxRestartTime",
      meanwhile: "peers hold the routes of a restarting node for as long as it asks of itself",
    },
    {
      effect: "ignored",
      path: "spec.bindMode",
      accepted: ["None", "NodeIP"],
      meanwhile: "BGP listens on the addresses of the node alone",
    },
    {
      effect: "ignored",
      path: "spec.ignoredInterfaces",
      meanwhile: "networks of interfaces are announced by no node anyway",
    },
    { effect: "ignored", path: "spec.localWorkloadPeeringIPV4", meanwhile: noWorkloadPeering },
    { effect: "ignored", path: "spec.localWorkloadPeeringIPV6", meanwhile: noWorkloadPeering },
    {
      effect: "ignored",
      path: "spec.programClusterRoutes",
      accepted: ["Enabled", "EnabledNoEncapOnly"],
      meanwhile: "routes that BGP learns are written to the kernel",
    },
    { effect: "ignored", path: "spec.ipv4NormalRoutePriority", accepted: [1024], meanwhile: ownPriority },
    { effect: "ignored", path: "spec.ipv6NormalRoutePriority", accepted: [1024], meanwhile: ownPriority },
  ],
  whileWithheld: "BGP sessions stay as they are, and a node that starts has none",
  check: ({ metadata, spec }) => [
    ...checkName(metadata.name),
    ...checkMesh(spec),
    ...(spec.communities?.length && !spec.prefixAdvertisements?.length
      ? [
          {
            path: "spec.communities",
            value: undefined,
            reason: "are used by no entry of prefixAdvertisements",
          },
        ]
      : []),
  ],
  withDefaults: (resource) => ({
    ...resource,
    spec: { logSeverityScreen: "Info", serviceLoadBalancerAggregation: "Enabled", ...resource.spec },
  }),
  columns,
  wideColumns: columns,
};

/** The AS of a node: its own, or the cluster's. */
export function nodeAsNumber(own: number | undefined, cluster: BGPConfiguration | null): number {
  return own ?? cluster?.spec.asNumber ?? defaultAsNumber;
}

function checkName(name: string): Problem[] {
  if (name === "default" || /^node\../.test(name)) return [];
  return [{ path: "metadata.name", value: name, reason: "must be default, or node.<name> for one node" }];
}

function checkMesh(spec: BGPConfigurationSpec): Problem[] {
  if (spec.nodeToNodeMeshEnabled !== false) return [];
  return (["nodeMeshPassword", "nodeMeshMaxRestartTime"] as const)
    .filter((field) => spec[field] !== undefined)
    .map((field) => ({
      path: `spec.${field}`,
      value: spec[field],
      reason: "has no use while the mesh is off",
    }));
}
