/**
 * What Calico's address management reads in etcd, beside the resource IPAMConfiguration. A flag that is missing is
 * false, since Go leaves false ones out; only where all of it is missing do the defaults hold.
 */
import * as z from "zod";
import type { IPAMConfigurationSpec } from "./ipamConfiguration.ts";
import { count } from "./ipamFields.ts";
import { object, optional } from "./schema.ts";

export interface IPAMConfig {
  readonly strict_affinity?: boolean;
  readonly auto_allocate_blocks?: boolean;
  readonly maxBlocksPerHost?: number;
  readonly kubeVirtVMAddressPersistence?: "Enabled" | "Disabled";
  readonly ipCooldownSeconds?: number;
}

/** There is one. */
export const ipamConfigName = "default";

export const ipamConfigSchema: z.ZodType<IPAMConfig> = object<IPAMConfig>({
  strict_affinity: optional(z.boolean()),
  auto_allocate_blocks: optional(z.boolean()),
  maxBlocksPerHost: optional(count),
  kubeVirtVMAddressPersistence: optional(z.enum(["Enabled", "Disabled"])),
  ipCooldownSeconds: optional(count),
});

export function ipamConfigOf(spec: IPAMConfigurationSpec): IPAMConfig {
  const { strictAffinity = false, autoAllocateBlocks = true, maxBlocksPerHost, ipCooldownSeconds } = spec;
  return {
    ...(strictAffinity && { strict_affinity: true }),
    ...(autoAllocateBlocks && { auto_allocate_blocks: true }),
    ...(maxBlocksPerHost && { maxBlocksPerHost }),
    ...(spec.kubeVirtVMAddressPersistence && { kubeVirtVMAddressPersistence: spec.kubeVirtVMAddressPersistence }),
    ...(ipCooldownSeconds !== undefined && { ipCooldownSeconds }),
  };
}

/** The way back, for a datastore that has only the resource. */
export function ipamConfigurationOf(config: IPAMConfig): IPAMConfigurationSpec {
  const { strict_affinity = false, auto_allocate_blocks = false, ...rest } = config;
  return { strictAffinity: strict_affinity, autoAllocateBlocks: auto_allocate_blocks, ...rest };
}
