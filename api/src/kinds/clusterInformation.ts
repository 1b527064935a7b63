import type { Resource } from "./resource.ts";

export interface ClusterInformationSpec {
  readonly clusterGUID?: string;
  readonly clusterType?: string;
  readonly calicoVersion?: string;
  /** The CNI plugin refuses ADD while this is false. */
  readonly datastoreReady?: boolean;
}

export type ClusterInformation = Resource<"ClusterInformation", ClusterInformationSpec>;
