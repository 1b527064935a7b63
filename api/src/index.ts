export type { Outcome } from "./client/outcome.ts";
export { keyOf, ResourceClient, type ResourceClientPorts } from "./client/resourceClient.ts";
export type { ResourceList } from "./client/resourceList.ts";
export * from "./control.ts";
export * from "./json/json.ts";
export * from "./kinds/bgpConfiguration.ts";
export * from "./kinds/bgpFilter.ts";
export * from "./kinds/bgpPeer.ts";
export * from "./kinds/blockAffinity.ts";
export * from "./kinds/calicoNodeStatus.ts";
export * from "./kinds/clusterInformation.ts";
export * from "./kinds/felixConfiguration.ts";
export * from "./kinds/globalNetworkPolicy.ts";
export * from "./kinds/globalNetworkSet.ts";
export * from "./kinds/hostEndpoint.ts";
export * from "./kinds/ipam.ts";
export * from "./kinds/ipamBlock.ts";
export * from "./kinds/ipamConfig.ts";
export * from "./kinds/ipamConfiguration.ts";
export type { IpamKindDefinition } from "./kinds/ipamFields.ts";
export * from "./kinds/ipamHandle.ts";
export * from "./kinds/ipPool.ts";
export * from "./kinds/ipReservation.ts";
export * from "./kinds/kind.ts";
export * from "./kinds/kinds.ts";
export * from "./kinds/kubeControllersConfiguration.ts";
export * from "./kinds/networkPolicy.ts";
export * from "./kinds/networkSet.ts";
export * from "./kinds/node.ts";
export {
  defaultTier,
  type PolicyDirection,
  type PolicySpec,
} from "./kinds/policy.ts";
export * from "./kinds/problem.ts";
export * from "./kinds/profile.ts";
export * from "./kinds/resource.ts";
export type {
  EntityRule,
  HttpMatch,
  IcmpMatch,
  PortSpec,
  Rule,
  RuleAction,
  ServiceAccountMatch,
  ServiceMatch,
} from "./kinds/rule.ts";
export type { SecretReference } from "./kinds/secret.ts";
export * from "./kinds/stagedGlobalNetworkPolicy.ts";
export * from "./kinds/stagedKubernetesNetworkPolicy.ts";
export * from "./kinds/stagedNetworkPolicy.ts";
export * from "./kinds/stagedPolicy.ts";
export * from "./kinds/tier.ts";
export * from "./kinds/validate.ts";
export * from "./kinds/workloadEndpoint.ts";
export * from "./kinds/workloadEndpointName.ts";
export type { ManifestFault } from "./kubernetes/manifestReader.ts";
export * from "./kubernetes/networkPolicyConversion.ts";
export type { KubernetesNetworkPolicy } from "./kubernetes/networkPolicyV1.ts";
export * from "./selector/selector.ts";
export { decodeValue, encodeValue } from "./store/codec.ts";
export * from "./store/error.ts";
export * from "./store/etcdKeys.ts";
export { isItemOf } from "./store/item.ts";
export { MemoryData, type MemorySnapshot } from "./store/memoryData.ts";
export type { MemoryFaultRates } from "./store/memoryFaults.ts";
export { MemoryStore, type MemoryStoreOptions } from "./store/memoryStore.ts";
export { formatKey, operationsMax } from "./store/request.ts";
export * from "./store/store.ts";
