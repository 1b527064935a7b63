/** What of a BGPConfiguration is not acted on, and what the API server can say of one by itself. */
import type { UnsupportedField } from "./kind.ts";
import type { CelRule } from "./schema.ts";

const servicesUnannounced = "no address of a Service is announced";
const noWorkloadPeering = "no node peers with its pods";
const ownPriority = "routes have the priority 1024";

export const unsupportedInBgpConfiguration: readonly UnsupportedField[] = [
  { effect: "ignored", path: "spec.serviceLoadBalancerIPs", meanwhile: servicesUnannounced },
  { effect: "ignored", path: "spec.serviceExternalIPs", meanwhile: servicesUnannounced },
  { effect: "ignored", path: "spec.serviceClusterIPs", meanwhile: servicesUnannounced },
  {
    effect: "ignored",
    path: "spec.serviceLoadBalancerAggregation",
    accepted: ["Enabled"],
    meanwhile: servicesUnannounced,
  },
  {
    effect: "ignored",
    path: "spec.nodeMeshMaxRestartTime",
    meanwhile: "peers hold the routes of a restarting node for as long as it asks of itself",
  },
  {
    effect: "ignored",
    path: "spec.bindMode",
    accepted: ["NodeIP"],
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
];

export const bgpConfigurationRules: readonly CelRule[] = [
  {
    rule: "self.metadata.name == 'default' || self.metadata.name.matches('^node[.].')",
    message: "must be default, or node.<name> for one node",
    fieldPath: ".metadata.name",
  },
  ...(["nodeMeshPassword", "nodeMeshMaxRestartTime"] as const).map((name) => ({
    rule: `!has(self.spec.${name}) || !has(self.spec.nodeToNodeMeshEnabled) || self.spec.nodeToNodeMeshEnabled`,
    message: "has no use while the mesh is off",
    fieldPath: `.spec.${name}`,
  })),
  {
    rule: "!has(self.spec.communities) || size(self.spec.communities) == 0 || (has(self.spec.prefixAdvertisements) && size(self.spec.prefixAdvertisements) > 0)",
    message: "are used by no entry of prefixAdvertisements",
    fieldPath: ".spec.communities",
  },
];
