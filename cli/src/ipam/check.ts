/** `ipam check`: what of the addresses does not fit together, and the repair of it. Judged by `ipam`, as by the controllers. */
import {
  Collector,
  describeFinding,
  type Finding,
  type IpamFacts,
  isForPeople,
  type Pass,
  type PassOptions,
} from "@brindle/ipam";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { addressRows } from "./addresses.ts";
import { nowNs, readCluster } from "./releaseReported.ts";
import { reportOf } from "./report.ts";

export interface CheckOptions {
  readonly showAllIps?: boolean;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
  /** Of what was found first, in Calico's form; the path of a new file. */
  readonly report?: string;
  /** In milliseconds. */
  readonly grace: number;
  readonly output: OutputForm;
}

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly ReportedFinding[];
  readonly addresses?: ReturnType<typeof addressRows>;
  /** With `--fix`: what was done, or would be. */
  readonly repaired?: readonly ReportedFinding[];
}

interface ReportedFinding {
  readonly kind: Finding["kind"];
  readonly what: string;
  readonly repair: "by a person" | "by --fix";
}

export async function checkIpam(options: CheckOptions, ports: Ports): Promise<ExitCode> {
  const { fix = false, dryRun = false, output } = options;
  if (dryRun && !fix) throw usage("--dry-run says what --fix would do: give both");
  const { before, repaired, left } = await look(options, ports);
  if (options.report !== undefined) await writeReport(options.report, before, ports);
  const report: Report = {
    counts: countsOf(before.facts),
    problems: (fix && !dryRun ? left : before.findings).map(reported),
    ...(options.showAllIps && { addresses: addressRows(before.facts) }),
    ...(fix && { repaired: repaired.map(reported) }),
  };
  ports.print(output === "yaml" || output === "json" ? formatStructure(report, output) : formatReport(report, options));
  return report.problems.length > 0 ? 1 : 0;
}

async function writeReport(path: string, { facts, findings }: Pass, ports: Ports): Promise<void> {
  const cluster = await readCluster(await ports.store());
  const report = formatStructure(reportOf(facts, { findings, cluster, version: ports.version }), "json");
  await ports.writeNewFile(path, inOnePart(`${report}\n`));
}

async function* inOnePart(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text);
}

interface Looked {
  readonly before: Pass;
  readonly repaired: readonly Finding[];
  /** What is wrong after it. */
  readonly left: readonly Finding[];
}

async function look({ fix, dryRun = false, grace }: CheckOptions, ports: Ports): Promise<Looked> {
  const kubernetes = () => ports.kubernetes();
  const nowMs = () => ports.nowMs();
  const collector = new Collector({ store: await ports.store(), kubernetes, nowMs, now: () => nowNs(ports) });
  const options: PassOptions = { isMeant: () => true, graceMs: () => grace, dryRun };
  const before = await collector.pass({ ...options, dryRun: true });
  if (!fix || before.waiting.length === 0) return { before, repaired: [], left: before.findings };
  if (grace > 0) ports.warn(`looking again in ${grace / 1_000} s: what is wrong only for a moment is left alone`);
  await ports.sleep(grace);
  const repaired: Finding[] = [];
  // What one repair makes possible is done in the same pass, and what others overtook is tried again. What shows only
  // after a repair, such as the block that it emptied, gets a look and a grace of its own.
  let after: Pass | null = null;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const pass = await collector.pass(options);
    repaired.push(...pass.repaired);
    after = null;
    if (!dryRun && pass.overtaken.length > 0) continue;
    after = await collector.pass({ ...options, dryRun: true });
    if (dryRun || pass.repaired.length === 0 || after.waiting.length === 0) break;
    await ports.sleep(grace);
  }
  after ??= await collector.pass({ ...options, dryRun: true });
  return { before, repaired, left: after.findings };
}

const attemptsMax = 5;

function countsOf({ blocks, handles, affinities, endpoints, nodes, pools }: IpamFacts): Report["counts"] {
  const inUse = [...blocks.values()].flatMap(({ value }) => value.allocations.filter((index) => index !== null));
  return {
    pools: pools.length,
    blocks: blocks.size,
    addressesInUse: inUse.length,
    handles: handles.size,
    affinities: affinities.size,
    endpoints: endpoints.size,
    nodes: nodes.size,
  };
}

function reported(finding: Finding): ReportedFinding {
  const repair = isForPeople(finding) ? "by a person" : "by --fix";
  return { kind: finding.kind, what: describeFinding(finding), repair };
}

function formatReport({ counts, problems, addresses, repaired }: Report, { dryRun }: CheckOptions): string {
  const seen = `${counts.addressesInUse} addresses in use in ${counts.blocks} blocks of ${counts.pools} pools; ${counts.handles} handles, ${counts.affinities} claims, ${counts.endpoints} endpoints, ${counts.nodes} nodes`;
  return [
    seen,
    ...(addresses && addresses.length > 0 ? [formatTable(addressColumns, addresses)] : []),
    ...(repaired ?? []).map(({ what }) => `${dryRun ? "would repair" : "repaired"}: ${what}`),
    ...(problems.length > 0 ? [formatTable(problemColumns, problems)] : []),
    `${problems.length} ${problems.length === 1 ? "problem" : "problems"} ${repaired && !dryRun ? "left" : "found"}`,
  ].join("\n");
}

const problemColumns = [
  { header: "PROBLEM", cell: ({ kind }: ReportedFinding) => kind },
  { header: "REPAIR", cell: ({ repair }: ReportedFinding) => repair },
  { header: "WHAT", cell: ({ what }: ReportedFinding) => what },
];

type AddressRow = ReturnType<typeof addressRows>[number];
const addressColumns = [
  { header: "IP", cell: ({ address }: AddressRow) => address },
  { header: "BLOCK", cell: ({ block }: AddressRow) => block },
  { header: "NODE", cell: ({ node }: AddressRow) => node },
  { header: "OWNER", cell: ({ owner }: AddressRow) => owner },
  { header: "HANDLE", cell: ({ handle }: AddressRow) => handle },
];
