import type { Resource } from "./resource.ts";

export type EncapsulationMode = "Never" | "Always" | "CrossSubnet";

export interface IPPoolSpec {
  readonly cidr: string;
  readonly vxlanMode?: EncapsulationMode;
  readonly ipipMode?: EncapsulationMode;
  readonly natOutgoing?: boolean;
  readonly disabled?: boolean;
  readonly disableBGPExport?: boolean;
  /** Prefix length of the blocks; 26 and 122 unless told. */
  readonly blockSize?: number;
  readonly nodeSelector?: string;
  readonly namespaceSelector?: string;
  readonly allowedUses?: readonly ("Workload" | "Tunnel" | "LoadBalancer")[];
  readonly assignmentMode?: "Automatic" | "Manual";
}

export type IPPool = Resource<"IPPool", IPPoolSpec>;
