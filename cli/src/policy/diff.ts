/** `policy diff`: between which pods, and nodes with host endpoints, the verdict would be another, were manifests applied or deleted. */
import type { AnyKindOfResource } from "@brindle/api";
import { type Cluster, protocolName, type VerdictChange, verdictChanges } from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import { formatResourceKey } from "../manifest/prepare.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { closedInPlaceOf, clusterOf, judged, readClusterAloud, resourcesOf, withoutNodes } from "./cluster.ts";
import { withHostPlaces } from "./hosts.ts";
import { readPolicyManifests } from "./manifests.ts";

export interface PolicyDiffOptions {
  readonly filename: readonly string[];
  readonly cluster?: readonly string[];
  readonly delete?: boolean;
  readonly limit: number;
  readonly recursive?: boolean;
  readonly namespace: string;
  readonly output: OutputForm;
}

/** Traffic between two ends that is decided anew, of both families where they agree. */
interface Row {
  readonly from: string;
  readonly to: string;
  readonly traffic: string;
  readonly families: readonly (4 | 6)[];
  readonly after: "allow" | "deny";
}

export async function diffPolicy(options: PolicyDiffOptions, ports: Ports): Promise<ExitCode> {
  const { filename, cluster: manifests = [], recursive = false, namespace } = options;
  const { resources, undecodable } = await readPolicyManifests({ filename, recursive, namespace }, ports);
  const unread = undecodable.flatMap(closedInPlaceOf);
  for (const { problem } of unread) ports.warn(problem);
  const changed = [...resources, ...unread.flatMap(({ policy }) => policy ?? [])];
  const before = await readClusterAloud({ namespace, filename: manifests, recursive }, ports);
  const then = changedResources(before.cluster, changed, { isDeleted: options.delete ?? false });
  const after = judged(withRestOf(before.cluster, clusterOf(then, before.nodeFacts)));
  if (changed.some(({ kind }) => kind === "FelixConfiguration")) {
    ports.warn("FelixConfigurations are left out: what is set now counts before and afterwards");
  }
  if (before.nodeFacts.length === 0) for (const problem of withoutNodes(changed)) ports.warn(problem);
  for (const problem of after.closed) if (!before.closed.includes(problem)) ports.warn(`afterwards: ${problem}`);
  // A node that only a host endpoint tells of has its addresses before that, too.
  const now = withHostPlaces({ ...before.cluster, ...(after.cluster.nodes && { nodes: after.cluster.nodes }) });
  show(rowsOf(verdictChanges(now, after.cluster)), options, ports);
  return before.problems.length > 0 ? 1 : 0;
}

/** What is not a matter of policy resources stays as it is. */
function withRestOf(before: Cluster, after: Cluster): Cluster {
  const { endpoints, policies, staged, tiers, profiles, networkSets, hostEndpoints } = after;
  const changed = { endpoints, policies, profiles, ...(staged && { staged }), ...(tiers && { tiers }) };
  const others = { ...(networkSets && { networkSets }), ...(hostEndpoints && { hostEndpoints }) };
  return withHostPlaces({ ...before, ...changed, ...others });
}

function changedResources(
  cluster: Cluster,
  changed: readonly AnyKindOfResource[],
  { isDeleted }: { readonly isDeleted: boolean },
): AnyKindOfResource[] {
  const names = new Set(changed.map(nameOf));
  const rest = resourcesOf(cluster).filter((resource) => !names.has(nameOf(resource)));
  return isDeleted ? rest : [...rest, ...changed];
}

function nameOf({ kind, metadata: { name, namespace } }: AnyKindOfResource): string {
  return formatResourceKey({ kind, name, ...(namespace !== undefined && { namespace }) });
}

function rowsOf(changes: Iterable<VerdictChange>): Row[] {
  const rows = new Map<string, Row>();
  for (const { from, to, family, after, ...rest } of changes) {
    const traffic = describeTraffic(rest);
    const key = JSON.stringify([from, to, traffic, after]);
    const known = rows.get(key);
    rows.set(key, { from, to, traffic, after, families: [...(known?.families ?? []), family] });
  }
  return [...rows.values()];
}

type Traffic = Pick<VerdictChange, "protocol" | "firstPort" | "lastPort">;

function describeTraffic({ protocol, firstPort, lastPort }: Traffic): string {
  if (protocol === 1 || protocol === 58) return "icmp";
  const name = protocolName(protocol);
  if (firstPort === 0 || (firstPort === 1 && lastPort === 65_535)) return name;
  return `${name} ${firstPort === lastPort ? firstPort : `${firstPort}-${lastPort}`}`;
}

function show(rows: readonly Row[], { output, limit }: PolicyDiffOptions, ports: Ports): void {
  if (output === "json" || output === "yaml") {
    ports.print(formatStructure(rows, output));
    return;
  }
  if (rows.length > 0) ports.print(formatTable(columns, rows.slice(0, limit)));
  if (rows.length > limit) ports.print(`... and ${rows.length - limit} more rows: --limit, or -o json for all`);
  const pairs = (after: Row["after"]): number =>
    new Set(rows.filter((row) => row.after === after).map(({ from, to }) => `${from} ${to}`)).size;
  ports.print(
    `pairs of ${rows.some(isOfNode) ? "pods and nodes" : "pods"} with traffic that is allowed then: ${pairs("allow")}, that is denied then: ${pairs("deny")}`,
  );
}

function isOfNode({ from, to }: Row): boolean {
  return from.startsWith("Node ") || to.startsWith("Node ");
}

const columns = [
  { header: "FROM", cell: ({ from }: Row) => from },
  { header: "TO", cell: ({ to }: Row) => to },
  { header: "TRAFFIC", cell: ({ traffic }: Row) => traffic },
  { header: "FAMILY", cell: ({ families }: Row) => families.map((family) => `IPv${family}`).join(", ") },
  { header: "NOW", cell: ({ after }: Row) => (after === "allow" ? "denied" : "allowed") },
  { header: "THEN", cell: ({ after }: Row) => (after === "allow" ? "allowed" : "denied") },
];
