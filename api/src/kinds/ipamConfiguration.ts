/**
 * How blocks are given to nodes. On etcd Calico keeps this twice: as this resource, and under a key of its own which
 * its address management reads (`ipamConfig.ts`); on Kubernetes the resource is all there is.
 */
import { flag, integer, oneOf } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { type CelRule, field, object, optional } from "./schema.ts";

export interface IPAMConfigurationSpec {
  readonly strictAffinity?: boolean;
  readonly autoAllocateBlocks?: boolean;
  /** 0 is unset: then 20. */
  readonly maxBlocksPerHost?: number;
  readonly kubeVirtVMAddressPersistence?: "Enabled" | "Disabled";
  readonly ipCooldownSeconds?: number;
}

export type IPAMConfiguration = Resource<"IPAMConfiguration", IPAMConfigurationSpec>;

const limitColumn: Column<IPAMConfiguration> = {
  header: "MAXBLOCKSPERHOST",
  jsonPath: ".spec.maxBlocksPerHost",
  type: "integer",
  cell: ({ spec }) => String(spec.maxBlocksPerHost ?? 0),
};

/** The only one that means anything. */
export const ipamConfigurationName = "default";

const rules: readonly CelRule[] = [
  {
    rule: `self.metadata.name == '${ipamConfigurationName}'`,
    message: `must be ${ipamConfigurationName}: there is one configuration`,
    fieldPath: ".metadata.name",
  },
  {
    rule: "self.spec.?strictAffinity.orValue(false) || self.spec.?autoAllocateBlocks.orValue(true)",
    message: "needs strictAffinity: without blocks of its own a node would have nothing but those of others",
    fieldPath: ".spec.autoAllocateBlocks",
  },
  {
    rule: "self.spec.?strictAffinity.orValue(false) || self.spec.?maxBlocksPerHost.orValue(0) == 0",
    message: "needs strictAffinity: a node with enough blocks would take addresses of others' blocks",
    fieldPath: ".spec.maxBlocksPerHost",
  },
];

export const ipamConfigurationKind: KindDefinition<IPAMConfiguration> = {
  apiVersion,
  kind: "IPAMConfiguration",
  plural: "ipamconfigurations",
  description: "How nodes get blocks of addresses. There is one, named default.",
  aliases: ["ipamconfig", "ipamconfigs"],
  namespaced: false,
  spec: object<IPAMConfigurationSpec>({
    strictAffinity: optional(
      field(flag, "A node gives its pods addresses of its own blocks alone.", { default: false }),
    ),
    autoAllocateBlocks: optional(
      field(flag, "Nodes take blocks by themselves when they need them.", { default: true }),
    ),
    maxBlocksPerHost: optional(
      field(integer(0, 1_000_000), "How many blocks of a family a node may have; 0 stands for 20."),
    ),
    kubeVirtVMAddressPersistence: optional(
      field(oneOf("Enabled", "Disabled"), "Virtual machines of KubeVirt keep their addresses when they move."),
    ),
    ipCooldownSeconds: optional(
      field(integer(0, 1200), "How long an address that was given back is left alone, in seconds."),
    ),
  }),
  unsupported: [{ effect: "ignored", path: "spec.kubeVirtVMAddressPersistence", accepted: ["Disabled"] }],
  rules,
  check: ({ metadata, spec }) => [...checkName(metadata.name), ...checkIpamSettings(spec)],
  withDefaults: ({ spec, ...configuration }) => {
    const { maxBlocksPerHost, ipCooldownSeconds, ...rest } = spec;
    return {
      ...configuration,
      spec: {
        ...rest,
        strictAffinity: spec.strictAffinity ?? false,
        autoAllocateBlocks: spec.autoAllocateBlocks ?? true,
        // Go leaves out a number that is zero.
        ...(maxBlocksPerHost && { maxBlocksPerHost }),
        ...(ipCooldownSeconds !== undefined && { ipCooldownSeconds }),
      },
    };
  },
  columns: [
    nameColumn,
    {
      header: "STRICTAFFINITY",
      jsonPath: ".spec.strictAffinity",
      type: "boolean",
      cell: ({ spec }) => String(spec.strictAffinity ?? false),
    },
    {
      header: "AUTOALLOCATEBLOCKS",
      jsonPath: ".spec.autoAllocateBlocks",
      type: "boolean",
      cell: ({ spec }) => String(spec.autoAllocateBlocks ?? true),
    },
  ],
  get wideColumns() {
    return [...this.columns, limitColumn];
  },
};

function checkName(name: string): Problem[] {
  if (name === ipamConfigurationName) return [];
  const reason = `must be ${ipamConfigurationName}: there is one configuration`;
  return [{ path: "metadata.name", value: name, reason }];
}

function checkIpamSettings(spec: IPAMConfigurationSpec): Problem[] {
  if (spec.strictAffinity) return [];
  const problems: Problem[] = [];
  const refuse = (field: keyof IPAMConfigurationSpec, reason: string) =>
    problems.push({ path: `spec.${field}`, value: spec[field], reason });
  if (spec.autoAllocateBlocks === false) {
    refuse("autoAllocateBlocks", "needs strictAffinity: a node without blocks would take all addresses of others'");
  }
  if (spec.maxBlocksPerHost) {
    refuse("maxBlocksPerHost", "needs strictAffinity: a node with enough blocks would go on with others'");
  }
  return problems;
}
