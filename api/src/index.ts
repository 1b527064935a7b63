export type { Outcome } from "./client/outcome.ts";
export { keyOf, ResourceClient, type ResourceClientPorts } from "./client/resourceClient.ts";
export type { ResourceList } from "./client/resourceList.ts";
export * from "./control.ts";
export { type CrdDefinition, crdKinds, customResourceDefinition } from "./crd/customResourceDefinition.ts";
export * from "./json/json.ts";
export * from "./kinds/agentConfiguration.ts";
export * from "./kinds/bgpConfiguration.ts";
export * from "./kinds/bgpFilter.ts";
export * from "./kinds/bgpPeer.ts";
export * from "./kinds/blockAffinity.ts";
export * from "./kinds/calicoNodeStatus.ts";
export * from "./kinds/clusterInformation.ts";
export * from "./kinds/condition.ts";
export type { EntityRule, PortSpec, ServiceAccountMatch, ServiceMatch } from "./kinds/entityRule.ts";
export * from "./kinds/fabricPeer.ts";
export * from "./kinds/felixConfiguration/felixSettings.ts";
export * from "./kinds/felixConfiguration.ts";
export * from "./kinds/globalNetworkPolicy.ts";
export * from "./kinds/globalNetworkSet.ts";
export { durationMs } from "./kinds/goDuration.ts";
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
export { codepointOf, type QosControls } from "./kinds/qosControls.ts";
export * from "./kinds/resource.ts";
export type { HttpMatch, IcmpMatch, Rule, RuleAction } from "./kinds/rule.ts";
export type { SecretReference } from "./kinds/secret.ts";
export * from "./kinds/stagedGlobalNetworkPolicy.ts";
export * from "./kinds/stagedKubernetesNetworkPolicy.ts";
export * from "./kinds/stagedNetworkPolicy.ts";
export * from "./kinds/stagedPolicy.ts";
export * from "./kinds/tier.ts";
export { EndpointTrimmer } from "./kinds/trimmedEndpoint.ts";
export * from "./kinds/validate.ts";
export * from "./kinds/workloadEndpoint.ts";
export * from "./kinds/workloadEndpointName.ts";
export { acceptedConditionRequest, conditionedResources } from "./kubernetes/acceptedCondition.ts";
export { type ClusterAccess, inClusterAccess } from "./kubernetes/clusterAccess.ts";
export { nodesActionAnnotation, nodesAnnotation, nowhere } from "./kubernetes/clusterPolicyNodes.ts";
export { clusterPolicySource, convertClusterPolicy, unreadRulesAnnotation } from "./kubernetes/clusterPolicySource.ts";
export { type CrdFault, crdFault, customResourceDefinitions, writtenCrds } from "./kubernetes/crdState.ts";
export {
  type EndpointSlice,
  endpointSliceResource,
  readEndpointSlice,
  type SlicePort,
} from "./kubernetes/endpointSlice.ts";
export { type HostPod, type HostPodPort, readHostPod } from "./kubernetes/hostPod.ts";
export type { ManifestFault } from "./kubernetes/manifestReader.ts";
export * from "./kubernetes/networkPolicyConversion.ts";
export { networkPolicySource } from "./kubernetes/networkPolicySource.ts";
export type { KubernetesNetworkPolicy } from "./kubernetes/networkPolicyV1.ts";
export { kubernetesLabelsAnnotation, nodeSource } from "./kubernetes/nodeSource.ts";
export { podUidAnnotation, readAddedPod } from "./kubernetes/podEndpoint.ts";
export { dscpAnnotation, type PodQos, readPodQos } from "./kubernetes/podQos.ts";
export { podSource } from "./kubernetes/podSource.ts";
export { isPodOfUid, kubeletUidOf } from "./kubernetes/podUid.ts";
export { namespaceOfProfile } from "./kubernetes/profileNames.ts";
export { namespaceSource, serviceAccountSource } from "./kubernetes/profileSources.ts";
export { creation, replacement } from "./kubernetes/requests.ts";
export { readServiceObject, type Service, type ServicePort, serviceResource } from "./kubernetes/service.ts";
export type { ApiName, ApiObject, ApiRequest, ApiResource, Flavour, Source } from "./kubernetes/source.ts";
export { sourcesOf } from "./kubernetes/sources.ts";
export { storeErrorOf } from "./kubernetes/storeFailure.ts";
export { isUnmanaged, unmanagedAnnotation } from "./kubernetes/unmanagedAddresses.ts";
export { resourceReference } from "./reference/reference.ts";
export { prefixLabels } from "./selector/expression.ts";
export * from "./selector/selector.ts";
export * from "./selector/selectorIndex.ts";
export { decodeValue, encodeValue } from "./store/codec.ts";
export * from "./store/error.ts";
export * from "./store/etcdKeys.ts";
export { isItemOf } from "./store/item.ts";
export { MemoryData, type MemorySnapshot } from "./store/memoryData.ts";
export type { MemoryFaultRates } from "./store/memoryFaults.ts";
export { MemoryStore, type MemoryStoreOptions } from "./store/memoryStore.ts";
export { formatKey, operationsMax } from "./store/request.ts";
export * from "./store/store.ts";
