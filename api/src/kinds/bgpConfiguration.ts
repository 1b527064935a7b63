import type { Resource } from "./resource.ts";

export interface BGPConfigurationSpec {
  readonly logSeverityScreen?: string;
  readonly nodeToNodeMeshEnabled?: boolean;
  /** The AS of every node whose Node resource names none; 64512 unless told. */
  readonly asNumber?: number;
  readonly listenPort?: number;
}

export type BGPConfiguration = Resource<"BGPConfiguration", BGPConfigurationSpec>;
