/**
 * `ipam release --from-report`: what all reports say that nobody has, and what is so still, is free again. Calico's own wants the
 * datastore locked meanwhile; here each address is judged anew, and freed by the number under which it was given.
 */
import type { Store } from "@brindle/api";
import { Allocator, Collector, type Finding, type IpamFacts, readClusterView } from "@brindle/ipam";
import { formatAddress, parseAddress } from "@brindle/net";
import type { ExitCode } from "../command.ts";
import { failed } from "../error.ts";
import type { Ports } from "../ports.ts";
import { endpointsInDoubt, endpointsWith, readableEndpoints } from "./endpoints.ts";
import { type Cluster, commonTo, leakId, type ReadReport, type ReportedLeak, readReport } from "./report.ts";

export async function releaseReported(
  paths: readonly string[],
  { force = false }: { readonly force?: boolean },
  ports: Ports,
): Promise<ExitCode> {
  const files = await ports.readManifests(paths, { recursive: false });
  const reports = files.map(readReport);
  const store = await ports.store();
  await requireSameCluster(store, { reports, names: files.map(({ name }) => name) });
  const { leaks, handles } = commonTo(reports);
  const { repaired, facts } = await collect({ leaks, handles }, store, ports);
  const freed = new Set(repaired.flatMap(idsIn));
  const left = leaks.filter((leak) => !freed.has(leakId(leak)));
  const forced = force ? await releaseAll(left, { store, facts, ports }) : 0;
  const orphans = repaired.filter(({ kind }) => kind === "orphanHandle").length;
  ports.print(`Released ${freed.size + forced} IPs successfully`);
  if (left.length > forced) ports.print(`${left.length - forced} of the reported may be in use, or are free already`);
  ports.print(`Released ${orphans} handles; ${handles.length - orphans} skipped`);
  return 0;
}

/** By the collector's own judgement and repairs, of what was reported and is the same still; and what it read first. */
async function collect(
  { leaks, handles }: Pick<ReadReport, "leaks" | "handles">,
  store: Store,
  ports: Ports,
): Promise<{ readonly repaired: readonly Finding[]; readonly facts: IpamFacts }> {
  const kubernetes = () => ports.kubernetes();
  const collector = new Collector({ store, kubernetes, nowMs: () => ports.nowMs(), now: () => nowNs(ports) });
  const reported = new Set(leaks.map(leakId));
  const isMeant = (finding: Finding): boolean =>
    finding.kind === "leak" ? idsIn(finding).every((id) => reported.has(id)) : finding.kind === "orphanHandle";
  const { facts } = await collector.pass({ isMeant, graceMs: () => 0, dryRun: true });
  const same = handles.filter(({ handleId, revision }) => facts.handles.get(handleId)?.revision === revision);
  const ids = new Set(same.map(({ handleId }) => handleId));
  const isSame = (finding: Finding): boolean =>
    isMeant(finding) && (finding.kind !== "orphanHandle" || ids.has(finding.handleId));
  const { repaired } = await collector.pass({ isMeant: isSame, graceMs: () => 0 });
  return { repaired, facts };
}

function idsIn(finding: Finding): string[] {
  if (finding.kind !== "leak") return [];
  const { handleId } = finding;
  return finding.addresses.map(({ address, sequenceNumber }) =>
    leakId({ address: formatAddress(address), handleId, sequenceNumber }),
  );
}

/** Whatever they may be for, but for those that endpoints have, or may have. */
async function releaseAll(
  leaks: readonly ReportedLeak[],
  { store, facts, ports }: { readonly store: Store; readonly facts: IpamFacts; readonly ports: Ports },
): Promise<number> {
  const view = () => readClusterView(store, "");
  const allocator = new Allocator({ node: "" }, { store, now: () => nowNs(ports), view });
  const unread = endpointsInDoubt(endpointsOf(facts));
  if (unread.length > 0) {
    ports.warn(`the addresses of ${unread.join(", ")} cannot be read: what is left of the report may be among them`);
    return 0;
  }
  let freed = 0;
  const endpoints = readableEndpoints(endpointsOf(facts));
  for (const { handleId, address, sequenceNumber } of leaks) {
    const parsed = parseAddress(address);
    if (!parsed || endpointsWith(parsed, endpoints).length > 0) continue;
    const result = await allocator.release(handleId, { sequenceNumbers: new Map([[address, sequenceNumber]]) });
    if (result.kind !== "released") throw failed(`${address} could not be released: ${result.kind}`);
    freed += result.addresses.length;
  }
  return freed;
}

export function nowNs(ports: Ports): bigint {
  return BigInt(ports.nowMs()) * 1_000_000n;
}

export async function readCluster(store: Pick<Store, "get">): Promise<Cluster> {
  const item = await store.get({ kind: "ClusterInformation", name: "default" });
  if (!item) throw failed("there is no ClusterInformation default: of which cluster a report is cannot be told");
  const { clusterGUID = "", clusterType = "", datastoreReady } = item.value.spec;
  return { guid: clusterGUID, type: clusterType, revision: item.revision, isLocked: datastoreReady === false };
}

async function requireSameCluster(
  store: Pick<Store, "get">,
  { reports, names }: { readonly reports: readonly ReadReport[]; readonly names: readonly string[] },
): Promise<void> {
  const { guid } = await readCluster(store);
  const other = reports.findIndex((report) => report.guid !== guid);
  if (other >= 0) throw failed(`${names[other]} is the report of another cluster: its clusterGUID is not ${guid}`);
}

function endpointsOf({ endpoints, undecodable }: IpamFacts): Parameters<typeof readableEndpoints>[0] {
  return {
    items: [...endpoints.values()],
    undecodable: undecodable.filter(({ key }) => key.kind === "WorkloadEndpoint"),
  };
}
