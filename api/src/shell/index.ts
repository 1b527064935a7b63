export {
  configFileDefault,
  type DatastoreSettings,
  type DatastoreSources,
  type Environment,
  etcdSettingsFromEnvironment,
  readDatastoreSettings,
} from "./datastoreSettings.ts";
export { type AccessOptions, findClusterAccess } from "./kubernetes/access.ts";
export { type KubeadmRanges, readKubeadmRanges } from "./kubernetes/kubeadmRanges.ts";
export {
  type Following,
  type KubernetesApi,
  kubernetesApiOf,
  openKubernetesApi,
} from "./kubernetes/kubernetesApi.ts";
export { type KubernetesStoreOptions, openKubernetesStore } from "./kubernetes/kubernetesStore.ts";
export { followNodeRemovals, type NodesAndPods, readNodesAndPods } from "./kubernetes/nodesAndPods.ts";
export type { News } from "./kubernetes/reflectorLoop.ts";
export { readServicesAndSlices } from "./kubernetes/servicesAndSlices.ts";
export { openDatastore } from "./openDatastore.ts";
