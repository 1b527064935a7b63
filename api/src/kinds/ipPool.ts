import { overlaps, type Prefix, parsePrefix } from "@brindle/net";
import { flag, integer, oneOf, prefix, selectorNotGlobal } from "./fields.ts";
import { ipPoolRules } from "./ipPoolRules.ts";
import { type Draft, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, object, optional, set } from "./schema.ts";

export type EncapsulationMode = "Never" | "Always" | "CrossSubnet";
export type AllowedUse = "Workload" | "Tunnel" | "LoadBalancer";

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
  readonly allowedUses?: readonly AllowedUse[];
  readonly assignmentMode?: "Automatic" | "Manual";
}

export type IPPool = Resource<"IPPool", IPPoolSpec>;

/** A node never forwards them. */
const linkLocal = ["169.254.0.0/16", "fe80::/10"].map(parsePrefix);

const mode = oneOf("Never", "Always", "CrossSubnet");
const poolPrefix = checked(prefix, (cidr) => {
  const parsed = parsePrefix(cidr);
  return linkLocal.some((range) => parsed && range && overlaps(parsed, range))
    ? "overlaps with link-local addresses"
    : null;
});

export const ipPoolKind: KindDefinition<IPPool> = {
  apiVersion,
  kind: "IPPool",
  plural: "ippools",
  description:
    "A range of addresses for pods, the size of the blocks in which nodes take it, and how packets from it leave the cluster.",
  aliases: ["ipp", "ipps", "pool", "pools"],
  namespaced: false,
  spec: object<IPPoolSpec>({
    cidr: field(poolPrefix, "The range, as 10.244.0.0/16. It cannot change, nor overlap with another pool."),
    vxlanMode: optional(field(mode, "When packets between nodes are carried in VXLAN.", { default: "Never" })),
    ipipMode: optional(
      field(mode, "When packets between nodes are carried in IP-in-IP; IPv4 alone.", { default: "Never" }),
    ),
    natOutgoing: optional(field(flag, "Packets to addresses outside all pools leave with the address of the node.")),
    disabled: optional(field(flag, "No new address is taken from the pool; those in use stay.")),
    disableBGPExport: optional(field(flag, "Blocks of the pool are announced to no BGP peer.")),
    blockSize: optional(
      field(
        integer(0, 128),
        "Prefix length of a block: 20 to 32 (26) for IPv4, 116 to 128 (122) for IPv6. It cannot change.",
      ),
    ),
    nodeSelector: optional(field(selectorNotGlobal, "Which nodes take blocks from the pool.", { default: "all()" })),
    namespaceSelector: optional(
      field(selectorNotGlobal, "Pods of which namespaces get addresses of the pool; all, if left out."),
    ),
    allowedUses: optional(
      field(
        set(oneOf("Workload", "Tunnel", "LoadBalancer"), { max: 10 }),
        "What the addresses are for: pods, tunnel devices of nodes, or Services. Workload and Tunnel unless told.",
      ),
    ),
    assignmentMode: optional(
      field(oneOf("Automatic", "Manual"), "Manual: only for pods that name the pool.", { default: "Automatic" }),
    ),
  }),
  unsupported: [
    { effect: "withheld", path: "spec.vxlanMode", accepted: ["Never"] },
    { effect: "withheld", path: "spec.ipipMode", accepted: ["Never"] },
  ],
  whileWithheld: "the pool gives no addresses",
  rules: ipPoolRules,
  check: ({ spec }) => [...checkBlocks(spec), ...checkModes(spec), ...checkUses(spec)],
  checkUpdate: (before, after) =>
    (["cidr", "blockSize"] as const)
      .filter((field) => before.spec[field] !== after.spec[field])
      .map((field) => ({
        path: `spec.${field}`,
        value: after.spec[field],
        reason: `cannot change from ${before.spec[field]}: make a new pool, disable this one, and move the pods`,
      })),
  withDefaults: (pool) => ({ ...pool, spec: poolWithDefaults(pool.spec) }),
  columns: [
    nameColumn,
    { header: "CIDR", jsonPath: ".spec.cidr", cell: (pool) => pool.spec.cidr },
    { header: "SELECTOR", jsonPath: ".spec.nodeSelector", cell: (pool) => pool.spec.nodeSelector ?? "" },
  ],
  wideColumns: [
    nameColumn,
    { header: "CIDR", jsonPath: ".spec.cidr", cell: (pool) => pool.spec.cidr },
    {
      header: "NAT",
      jsonPath: ".spec.natOutgoing",
      type: "boolean",
      cell: (pool) => String(pool.spec.natOutgoing ?? false),
    },
    { header: "IPIPMODE", jsonPath: ".spec.ipipMode", cell: (pool) => pool.spec.ipipMode ?? "Never" },
    { header: "VXLANMODE", jsonPath: ".spec.vxlanMode", cell: (pool) => pool.spec.vxlanMode ?? "Never" },
    {
      header: "DISABLED",
      jsonPath: ".spec.disabled",
      type: "boolean",
      cell: (pool) => String(pool.spec.disabled ?? false),
    },
    {
      header: "DISABLEBGPEXPORT",
      jsonPath: ".spec.disableBGPExport",
      type: "boolean",
      cell: (pool) => String(pool.spec.disableBGPExport ?? false),
    },
    { header: "SELECTOR", jsonPath: ".spec.nodeSelector", cell: (pool) => pool.spec.nodeSelector ?? "" },
    {
      header: "ASSIGNMENTMODE",
      jsonPath: ".spec.assignmentMode",
      cell: (pool) => pool.spec.assignmentMode ?? "Automatic",
    },
  ],
};

/** Two pools that share an address would give it twice. Pools are compared with all others but the one they replace. */
export function checkPoolOverlap(pool: IPPool, others: readonly IPPool[]): Problem[] {
  const own = parsePrefix(pool.spec.cidr);
  return others.flatMap((other) => {
    const theirs = parsePrefix(other.spec.cidr);
    if (!own || !theirs || other.metadata.name === pool.metadata.name || !overlaps(own, theirs)) return [];
    const reason = `overlaps with ${other.spec.cidr} of IPPool ${other.metadata.name}`;
    return [{ path: "spec.cidr", value: pool.spec.cidr, reason }];
  });
}

/** Blocks of two sizes in one range would overlap: those that an earlier pool left behind must go first. */
export function checkPoolBlocks(pool: IPPool, blockCidrs: readonly string[]): Problem[] {
  const own = parsePrefix(pool.spec.cidr);
  const stranger = blockCidrs.find((cidr) => {
    const block = parsePrefix(cidr);
    return own && block && overlaps(own, block) && block.length !== blockSizeOf(own, pool.spec.blockSize);
  });
  if (stranger === undefined) return [];
  const reason = `differs from that of block ${stranger}, which an earlier pool has left in this range`;
  return [{ path: "spec.blockSize", value: pool.spec.blockSize, reason }];
}

const defaultBlockSize = { 4: 26, 6: 122 } as const;
const blockSizeRange = { 4: { min: 20, max: 32 }, 6: { min: 116, max: 128 } } as const;

/** Zero means unset, as in Calico's schema. */
function blockSizeOf(cidr: Prefix, blockSize: number | undefined): number {
  return blockSize || defaultBlockSize[cidr.address.family];
}

function checkBlocks(spec: Draft<IPPool>["spec"]): Problem[] {
  const cidr = parsePrefix(spec.cidr ?? "");
  if (!cidr) return [];
  const { min, max } = blockSizeRange[cidr.address.family];
  const blockSize = blockSizeOf(cidr, spec.blockSize);
  if (blockSize < min || blockSize > max) {
    const reason = `is no block size from ${min} to ${max}, which IPv${cidr.address.family} allows`;
    return [{ path: "spec.blockSize", value: spec.blockSize, reason }];
  }
  if (cidr.length <= blockSize || spec.disabled) return [];
  return [
    {
      path: "spec.cidr",
      value: spec.cidr,
      reason: `is smaller than one block of length ${blockSize}`,
    },
  ];
}

function checkModes(spec: Draft<IPPool>["spec"]): Problem[] {
  const problems: Problem[] = [];
  const isOn = (encapsulation: EncapsulationMode | undefined) => (encapsulation ?? "Never") !== "Never";
  if (isOn(spec.ipipMode) && isOn(spec.vxlanMode)) {
    problems.push({
      path: "spec.vxlanMode",
      value: spec.vxlanMode,
      reason: "cannot be on together with ipipMode",
    });
  }
  if (isOn(spec.ipipMode) && spec.cidr?.includes(":")) {
    problems.push({ path: "spec.ipipMode", value: spec.ipipMode, reason: "carries no IPv6" });
  }
  return problems;
}

function checkUses(spec: Draft<IPPool>["spec"]): Problem[] {
  const uses = spec.allowedUses ?? [];
  const problems: Problem[] = [];
  const refuse = (field: keyof IPPoolSpec, reason: string) =>
    problems.push({ path: `spec.${field}`, value: spec[field], reason });
  if (uses.includes("LoadBalancer")) {
    if (uses.length > 1) refuse("allowedUses", "LoadBalancer cannot be combined with another use");
    if (spec.disableBGPExport) refuse("disableBGPExport", "a LoadBalancer pool must be announced");
    for (const field of ["vxlanMode", "ipipMode"] as const) {
      if ((spec[field] ?? "Never") !== "Never") refuse(field, "a LoadBalancer pool has no encapsulation");
    }
    if ((spec.nodeSelector ?? "all()") !== "all()") refuse("nodeSelector", "a LoadBalancer pool is for all() nodes");
  }
  if (uses.includes("Tunnel") && spec.namespaceSelector) {
    refuse("namespaceSelector", "a pool for Tunnel has no namespaces; set allowedUses to [Workload]");
  }
  return problems;
}

function poolWithDefaults(spec: IPPoolSpec): IPPoolSpec {
  const cidr = parsePrefix(spec.cidr);
  return {
    cidr: spec.cidr,
    vxlanMode: spec.vxlanMode ?? "Never",
    ipipMode: spec.ipipMode ?? "Never",
    // Calico leaves out flags that are false.
    ...(spec.natOutgoing && { natOutgoing: true }),
    ...(spec.disabled && { disabled: true }),
    ...(spec.disableBGPExport && { disableBGPExport: true }),
    ...(cidr && { blockSize: blockSizeOf(cidr, spec.blockSize) }),
    nodeSelector: spec.nodeSelector || "all()",
    ...(spec.namespaceSelector && { namespaceSelector: spec.namespaceSelector }),
    allowedUses: spec.allowedUses?.length ? spec.allowedUses : usesUnlessTold(spec),
    assignmentMode: spec.assignmentMode ?? "Automatic",
  };
}

/** A pool for some namespaces cannot hold tunnel addresses, which belong to none. */
function usesUnlessTold(spec: IPPoolSpec): readonly AllowedUse[] {
  return spec.namespaceSelector ? ["Workload"] : ["Workload", "Tunnel"];
}
