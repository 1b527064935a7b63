/** Which pools may serve a pod, in the order in which they are tried, and why not the others. */
import { type AllowedUse, type IPPool, parseSelector } from "@brindle/api";
import { addressBits, type Family, formatPrefix, overlaps, type Prefix, parsePrefix } from "@brindle/net";
import { blockBitsMax } from "./block.ts";

/** A pool with what address management needs to know of it, parsed. */
export interface UsablePool {
  readonly name: string;
  /** Its range, or the part of it that a request is confined to. */
  readonly prefix: Prefix;
  /** The prefix length of its blocks. */
  readonly blockLength: number;
  readonly isPart?: boolean;
}

export interface PoolQuery {
  readonly family: Family;
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Unknown when absent: a pool that selects namespaces then is not used. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** What the address is for; a pod unless told. */
  readonly use?: AllowedUse;
  /** Names or CIDRs, first choice first: these and no others, whatever their selectors say (as Calico). */
  readonly asked?: readonly string[];
  /** The parts of pools that may be used, where not all of them: a node's own ranges, of any family. */
  readonly within?: readonly Prefix[];
}

export interface RefusedPool {
  /** Its name, or what the request called it. */
  readonly pool: string;
  readonly reason: string;
}

export interface PoolChoice {
  readonly usable: readonly UsablePool[];
  readonly refused: readonly RefusedPool[];
}

const defaultBlockLength: Readonly<Record<Family, number>> = { 4: 26, 6: 122 };

export function choosePools(pools: readonly IPPool[], query: PoolQuery): PoolChoice {
  const usable: UsablePool[] = [];
  const refused: RefusedPool[] = [];
  for (const candidate of candidates(pools, query)) {
    if ("reason" in candidate) {
      refused.push(candidate);
      continue;
    }
    const parsed = parsePool(candidate);
    const pool = candidate.metadata.name;
    if ("reason" in parsed) refused.push({ pool, reason: parsed.reason });
    else if (parsed.prefix.address.family === query.family) {
      const reason = refusal(candidate, query);
      const parts = partsOf(parsed, query);
      if (reason !== null) refused.push({ pool, reason });
      else if ("reason" in parts) refused.push({ pool, reason: parts.reason });
      else usable.push(...parts);
    } else if (query.asked) refused.push({ pool, reason: `its addresses are not IPv${query.family}` });
  }
  return { usable, refused };
}

/** Those that may serve some pod of a node: of which namespace it is, and whether it asks for one by name, is not known. */
export function choosePoolsOfNode(pools: readonly IPPool[], query: PoolQuery): PoolChoice {
  const open = pools.map(({ spec: { namespaceSelector: _n, assignmentMode: _m, ...spec }, ...pool }) => ({
    ...pool,
    spec,
  }));
  return choosePools(open, query);
}

/** A pool's prefix and block length, or why it can hold no blocks. */
export function parsePool(pool: IPPool): UsablePool | { readonly reason: string } {
  const { name } = pool.metadata;
  const prefix = parsePrefix(pool.spec.cidr);
  if (!prefix) return { reason: `its CIDR ${JSON.stringify(pool.spec.cidr)} is no prefix` };
  const { family } = prefix.address;
  const blockLength = pool.spec.blockSize ?? defaultBlockLength[family];
  if (blockLength > addressBits[family] || blockLength < addressBits[family] - blockBitsMax) {
    return { reason: `blocks of /${blockLength} are not possible` };
  }
  if (blockLength < prefix.length) return { reason: `it is smaller than a block of /${blockLength}` };
  return { name, prefix, blockLength };
}

/** What of a pool the request is confined to, if it is, or why that holds no block. */
function partsOf(pool: UsablePool, { family, within }: PoolQuery): UsablePool[] | { readonly reason: string } {
  if (!within) return [pool];
  const ranges = within.filter(({ address }) => address.family === family);
  if (ranges.length === 0) return { reason: `this node has no IPv${family} range of its own (podCIDR)` };
  const common = ranges.filter((range) => overlaps(range, pool.prefix));
  if (common.length === 0) return { reason: `it has nothing of ${listed(ranges)}, which is this node's` };
  const parts = common.map((range) => (range.length > pool.prefix.length ? range : pool.prefix));
  const wide = parts.filter(({ length }) => length <= pool.blockLength);
  if (wide.length === 0) return { reason: `${listed(parts)} is smaller than a block of /${pool.blockLength}` };
  return wide.map((prefix) => ({ ...pool, prefix, isPart: true }));
}

function listed(ranges: readonly Prefix[]): string {
  return ranges.map(formatPrefix).join(" and ");
}

/** By name where none is asked for: the order in which etcd lists them, hence Calico's. */
function candidates(pools: readonly IPPool[], { asked }: PoolQuery): (IPPool | RefusedPool)[] {
  if (!asked) return pools.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return asked.map(
    (wanted) =>
      pools.find(({ metadata, spec }) => metadata.name === wanted || spec.cidr === wanted) ?? {
        pool: wanted,
        reason: "there is no such pool",
      },
  );
}

/** Why a pool may not serve, or `null`. The first reason that an operator would want to hear. */
function refusal({ spec }: IPPool, query: PoolQuery): string | null {
  const unusable = useRefusal(spec, query.use);
  if (unusable !== null) return unusable;
  if (query.asked) return null;
  if (spec.assignmentMode === "Manual") return "its assignmentMode is Manual, and it was not asked for";
  return (
    selectorRefusal("nodeSelector", spec.nodeSelector, query.nodeLabels) ??
    selectorRefusal("namespaceSelector", spec.namespaceSelector, query.namespaceLabels)
  );
}

/** Why no address of the pool is given for this use, whoever asks for it by name. */
export function useRefusal(
  { disabled, allowedUses = usesDefault }: IPPool["spec"],
  use: AllowedUse = "Workload",
): string | null {
  if (disabled) return "it is disabled";
  return allowedUses.includes(use) ? null : `its allowedUses are ${allowedUses.join(", ")}, not ${use}`;
}

/** What a pool is for that does not say: not for Services, which then had addresses that pods have elsewhere. */
const usesDefault: readonly AllowedUse[] = ["Workload", "Tunnel"];

function selectorRefusal(
  field: string,
  selector: string | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): string | null {
  if (!selector) return null;
  const parsed = parseSelector(selector);
  if (parsed.kind === "malformed") return `its ${field} is malformed: ${parsed.reason}`;
  if (parsed.selector.canonical === "all()") return null;
  if (!labels) return `it has a ${field}, and the labels are not known`;
  return parsed.selector.matches(labels) ? null : `its ${field} (${selector}) does not match`;
}
