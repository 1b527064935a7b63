import { bgpConfigurationRules, unsupportedInBgpConfiguration } from "./bgpConfigurationRules.ts";
import { community } from "./community.ts";
import { address, asNumber, duration, flag, integer, oneOf, prefix, text, textUpTo } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, list, object, optional, set, withOpenApi } from "./schema.ts";
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

const advertisedRanges = list(object<AdvertisedRange>({ cidr: field(prefix, "The range, as 10.96.0.0/12.") }));
const severities = /^(trace|debug|info|warning|error|fatal)$/i;
const logSeverity = withOpenApi(
  checked(text, (value) => (severities.test(value) ? null : "is none of Trace, Debug, Info, Warning, Error, Fatal")),
  { pattern: `(?i)${severities.source}` },
);
const routePriority = integer(1, 2147483646);

const shown = (value: unknown): string => (value === undefined ? "-" : String(value));

const columns: readonly Column<BGPConfiguration>[] = [
  nameColumn,
  { header: "LOGSEVERITY", jsonPath: ".spec.logSeverityScreen", cell: ({ spec }) => shown(spec.logSeverityScreen) },
  {
    header: "MESHENABLED",
    jsonPath: ".spec.nodeToNodeMeshEnabled",
    type: "boolean",
    cell: ({ spec }) => shown(spec.nodeToNodeMeshEnabled),
  },
  { header: "ASNUMBER", jsonPath: ".spec.asNumber", cell: ({ spec }) => shown(spec.asNumber) },
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
      field(logSeverity, "How much is logged: Trace, Debug, Info, Warning, Error or Fatal, in any case of letters.", {
        default: "Info",
      }),
    ),
    nodeToNodeMeshEnabled: optional(field(flag, "Each node peers with every other; true unless told.")),
    asNumber: optional(
      field(asNumber, "The AS of every node whose Node resource names none; 64512 unless told. A number, or 1.10."),
    ),
    serviceLoadBalancerIPs: optional(
      field(advertisedRanges, "Ranges in which addresses of Services of type LoadBalancer are announced."),
    ),
    serviceExternalIPs: optional(
      field(advertisedRanges, "Ranges in which external addresses of Services are announced."),
    ),
    serviceClusterIPs: optional(
      field(advertisedRanges, "Ranges in which cluster addresses of Services are announced."),
    ),
    serviceLoadBalancerAggregation: optional(
      field(oneOf("Enabled", "Disabled"), "Whether a range of LoadBalancer addresses is announced as a whole.", {
        default: "Enabled",
      }),
    ),
    communities: optional(
      field(
        list(
          object<Community>({
            name: field(textUpTo(253), "What prefixAdvertisements calls it."),
            value: field(community, "aa:nn, or aa:nn:mm."),
          }),
          { max: 500 },
        ),
        "Names for communities.",
      ),
    ),
    prefixAdvertisements: optional(
      field(
        list(
          object<PrefixAdvertisement>({
            cidr: field(prefix, "The routes within this network."),
            communities: field(list(text, { max: 50 }), "Communities by name, or as aa:nn or aa:nn:mm."),
          }),
          { max: 500 },
        ),
        "Which communities the routes of the cluster carry.",
      ),
    ),
    listenPort: optional(field(integer(1, 65535), "The port on which BGP listens; 179 unless told.")),
    nodeMeshPassword: optional(field(secretReference, "The password of all sessions of the mesh.")),
    nodeMeshMaxRestartTime: optional(
      field(duration, "How long nodes of the mesh keep the routes of one that restarts: 120s."),
    ),
    bindMode: optional(
      field(
        oneOf("None", "NodeIP"),
        "Whether BGP listens on all addresses of a node, or only on those of its Node resource.",
      ),
    ),
    ignoredInterfaces: optional(
      field(set(text), "Interfaces whose networks are not looked at; * stands for any letters."),
    ),
    localWorkloadPeeringIPV4: optional(field(address, "The IPv4 address under which pods of a node peer with it.")),
    localWorkloadPeeringIPV6: optional(field(address, "The IPv6 address under which pods of a node peer with it.")),
    programClusterRoutes: optional(
      field(
        oneOf("Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"),
        "Which routes between nodes BGP writes to the kernel; EnabledNoEncapOnly unless told.",
      ),
    ),
    ipv4NormalRoutePriority: optional(
      field(routePriority, "The metric of IPv4 routes in the kernel; 1024 unless told."),
    ),
    ipv6NormalRoutePriority: optional(
      field(routePriority, "The metric of IPv6 routes in the kernel; 1024 unless told."),
    ),
  }),
  unsupported: unsupportedInBgpConfiguration,
  whileWithheld: "BGP sessions stay as they are, and a node that starts has none",
  rules: bgpConfigurationRules,
  check: ({ metadata, spec, wrong }) => [
    ...checkName(metadata.name),
    ...checkMesh(spec),
    ...(wrong.has("communities") ? [] : checkCommunities(spec)),
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

/** A misspelt name would leave the routes without the community. */
function checkCommunities({ communities = [], prefixAdvertisements = [] }: BGPConfigurationSpec): Problem[] {
  const names = new Set(communities.map(({ name }) => name));
  return prefixAdvertisements.flatMap((advertisement, i) =>
    advertisement.communities.flatMap((value, j) => {
      if (names.has(value) || community.safeParse(value).success) return [];
      const path = `spec.prefixAdvertisements[${i}].communities[${j}]`;
      return [{ path, value, reason: "is no name in communities, and no community like 64512:100" }];
    }),
  );
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
