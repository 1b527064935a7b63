/** Reports of addresses in the form that `calicoctl ipam check -o FILE` writes, and `ipam release --from-report` reads. */
import { isRecord, type JsonValue, parseJson } from "@brindle/api";
import { addressAt, type Finding, type IpamFacts } from "@brindle/ipam";
import { formatAddress, parseAddress } from "@brindle/net";
import { failed } from "../error.ts";
import type { ManifestFile } from "../ports.ts";

export interface Cluster {
  readonly guid: string;
  readonly type: string;
  /** Of its ClusterInformation. */
  readonly revision: string;
  readonly isLocked: boolean;
}

/** An address that nobody had, as it was given: by a later giving it is another. */
export interface ReportedLeak {
  readonly address: string;
  readonly handleId: string;
  readonly sequenceNumber: bigint;
}

/** A handle that held nothing. */
export interface ReportedHandle {
  readonly handleId: string;
  readonly revision: string;
}

export interface ReadReport {
  readonly guid: string;
  readonly leaks: readonly ReportedLeak[];
  readonly handles: readonly ReportedHandle[];
}

/** All addresses that blocks gave; in use is what is not known to be left behind. */
export function reportOf(
  facts: IpamFacts,
  { findings, cluster, version }: { findings: readonly Finding[]; cluster: Cluster; version: string },
): object {
  const leaked = new Set(findings.flatMap((each) => (each.kind === "leak" ? each.addresses.map(idOf) : [])));
  const allocations = [...facts.blocks.values()].flatMap(({ value: block }) =>
    block.allocations.flatMap((index, ordinal) => {
      const { handle_id: handle, secondary = {}, releasedAt } = block.attributes[index ?? -1] ?? {};
      if (index === null || releasedAt !== undefined) return [];
      const ip = formatAddress(addressAt(block, ordinal));
      const sequenceNumber = block.sequenceNumberForAllocation?.[ordinal] ?? 0n;
      const { pod, namespace, node, type, timestamp } = secondary;
      const inUse = !leaked.has(`${ip}@${sequenceNumber}`);
      const borrowed = node !== undefined && block.affinity !== `host:${node}`;
      const owners = inUse && pod !== undefined ? [`Workload(${namespace}/${pod})`] : null;
      const told = { pod, namespace, node, type, creationTimestamp: timestamp };
      return [{ ip, handle, sequenceNumber, ...told, inUse, ...(borrowed && { borrowed }), owners }];
    }),
  );
  const orphans = findings.flatMap((each) => (each.kind === "orphanHandle" ? [each.handleId] : []));
  return {
    version,
    clusterGUID: cluster.guid,
    datastoreLocked: cluster.isLocked,
    clusterInformationRevision: cluster.revision,
    clusterType: cluster.type,
    allocations: Object.fromEntries(allocations.map((allocation) => [allocation.ip, [allocation]])),
    leakedHandles: orphans.map((ID) => ({ ID, UID: null, Revision: facts.handles.get(ID)?.revision ?? "" })),
  };
}

/** Throws in words for what is no such report. */
export function readReport({ name, text }: ManifestFile): ReadReport {
  const report = parsed(text);
  const guid = isRecord(report) ? report.clusterGUID : undefined;
  if (!isRecord(report) || typeof guid !== "string" || !isRecord(report.allocations))
    throw failed(`${name} is no report of ipam check: clusterGUID or allocations are missing`);
  const allocations = Object.values(report.allocations).flatMap((list) => (Array.isArray(list) ? list : []));
  const handles = Array.isArray(report.leakedHandles) ? report.leakedHandles : [];
  return { guid, leaks: allocations.flatMap(leakOf), handles: handles.flatMap(handleOf) };
}

/** What all reports say. */
export function commonTo(reports: readonly ReadReport[]): Pick<ReadReport, "leaks" | "handles"> {
  const [first, ...others] = reports;
  const inAll = <T>(all: (report: ReadReport) => readonly T[], idOf: (one: T) => string): T[] => {
    const known = others.map((report) => new Set(all(report).map(idOf)));
    return first ? all(first).filter((one) => known.every((ids) => ids.has(idOf(one)))) : [];
  };
  return {
    leaks: inAll(({ leaks }) => leaks, leakId),
    handles: inAll(
      ({ handles }) => handles,
      ({ handleId, revision }) => `${handleId} ${revision}`,
    ),
  };
}

export function leakId({ address, handleId, sequenceNumber }: ReportedLeak): string {
  return `${address} ${handleId} ${sequenceNumber}`;
}

function leakOf(value: unknown): ReportedLeak[] {
  if (!isRecord(value) || value.inUse !== false) return [];
  const { ip, handle, sequenceNumber } = value;
  const address = typeof ip === "string" ? parseAddress(ip) : null;
  const isNumber = typeof sequenceNumber === "number" || typeof sequenceNumber === "bigint";
  if (!address || typeof handle !== "string" || !isNumber) return [];
  return [{ address: formatAddress(address), handleId: handle, sequenceNumber: BigInt(sequenceNumber) }];
}

function handleOf(value: unknown): ReportedHandle[] {
  if (!isRecord(value) || typeof value.ID !== "string" || typeof value.Revision !== "string") return [];
  return [{ handleId: value.ID, revision: value.Revision }];
}

function idOf({ address, sequenceNumber }: { address: Parameters<typeof formatAddress>[0]; sequenceNumber: bigint }) {
  return `${formatAddress(address)}@${sequenceNumber}`;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
