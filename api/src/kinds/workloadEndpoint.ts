import type { Resource } from "./resource.ts";

export interface WorkloadEndpointSpec {
  readonly orchestrator: string;
  readonly workload?: string;
  readonly node: string;
  readonly containerID?: string;
  readonly pod?: string;
  readonly endpoint: string;
  readonly serviceAccountName?: string;
  /** `/32` and `/128` prefixes. */
  readonly ipNetworks?: readonly string[];
  readonly profiles?: readonly string[];
  readonly interfaceName?: string;
  readonly mac?: string;
  readonly ports?: readonly WorkloadPort[];
}

export interface WorkloadPort {
  readonly name: string;
  readonly protocol: string | number;
  readonly port: number;
  readonly hostPort?: number;
  readonly hostIP?: string;
}

export type WorkloadEndpoint = Resource<"WorkloadEndpoint", WorkloadEndpointSpec>;
