/** `bgp summary`: the speaker at a glance. */
import type { BmpStatus, PeerSummary, SpeakerSummary } from "@brindle/bgp";
import { expectNode } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import { formatAge } from "../output/age.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export interface SummaryOptions {
  readonly output: OutputForm;
  readonly node?: string;
}

export async function showSummary({ output, node }: SummaryOptions, ports: Ports): Promise<ExitCode> {
  await expectNode(node, ports);
  const summary = (await ports.callAgent("bgp.summary", {})) as SpeakerSummary; // What is promised to answer.
  if (output === "yaml" || output === "json") ports.print(formatStructure(summary, output));
  else ports.print(formatSummary(summary, ports.nowMs()));
  return 0;
}

function formatSummary(summary: SpeakerSummary, nowMs: number): string {
  const { asn, bgpId, peers, rib, bmp = [] } = summary;
  const up = peers.filter(({ state }) => state === "established").length;
  const head = [
    `AS ${asn}, BGP identifier ${bgpId}, ${up} of ${peers.length} peers Established`,
    `${rib.prefixes} prefixes, ${rib.routes} routes, ${rib.attributeSets} attribute sets`,
  ];
  const sessions = peers.length === 0 ? [] : ["", formatTable(columnsOf(nowMs), peers)];
  const stations = bmp.length === 0 ? [] : ["", formatTable(stationColumns(nowMs), bmp)];
  return [...head, ...restartLines(summary, nowMs), ...limitLines(summary), ...sessions, ...stations].join("\n");
}

function restartLines({ restart }: SpeakerSummary, nowMs: number): string[] {
  if (!restart) return [];
  const { peers, deadlineMs } = restart;
  const shown = peers.length > 5 ? [...peers.slice(0, 5), `${peers.length - 5} more`] : peers;
  const what = peers.length === 0 ? "its own prefixes" : `the tables of ${shown.join(", ")}`;
  const seconds = Math.max(0, Math.ceil((deadlineMs - nowMs) / 1000));
  return [
    `took over from an earlier process: nothing is decided or told before it has ${what}, at most ${seconds} s more`,
  ];
}

/** What was turned away or not kept, where anything was. */
function limitLines({ peers, refused, fellBehind }: SpeakerSummary): string[] {
  const connections = named({
    "of strangers": refused.unknown,
    "of peers not welcome": refused.known,
    "half-open": refused.halfOpen,
    "of full ranges": refused.rangeFull,
    "from too far away": refused.tooFar,
  });
  const ofPeers = peers.flatMap(({ name, limited }) => {
    if (!limited) return [];
    const { prefixes, paths, attributes, asPath } = limited;
    const counts = { prefixes, paths, "attribute sets too long": attributes, "AS paths too long": asPath };
    return [`${name}: beyond its limits ${named(counts)}`];
  });
  return [
    ...(connections ? [`connections turned away: ${connections}`] : []),
    ...(fellBehind > 0 ? [`peers fell behind ${fellBehind} times`] : []),
    ...ofPeers,
  ];
}

/** `3 prefixes, 1 paths`, of those that are not zero. */
function named(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}

function stationColumns(nowMs: number): TableColumn<BmpStatus>[] {
  return [
    { header: "STATION", cell: ({ name }) => name },
    { header: "STATE", cell: ({ state }) => state.charAt(0).toUpperCase() + state.slice(1) },
    { header: "SINCE", cell: ({ sinceMs }) => formatAge(nowMs - sinceMs) },
    { header: "MONITORS", cell: ({ monitor }) => monitor.join(",") },
    { header: "MESSAGES", cell: ({ messages }) => String(messages) },
    { header: "QUEUED", cell: ({ queuedBytes }) => `${queuedBytes} B` },
    { header: "OVERRUNS", cell: ({ overruns }) => String(overruns) },
    { header: "LAST FAILURE", cell: ({ lastFailure }) => lastFailure?.text ?? "-" },
  ];
}

function columnsOf(nowMs: number): TableColumn<PeerSummary>[] {
  return [
    { header: "NAME", cell: ({ name }) => name },
    { header: "ADDRESS", cell: ({ address }) => address },
    { header: "AS", cell: ({ asn }) => String(asn || "any") },
    {
      header: "STATE",
      cell: ({ state, maintenance }) => {
        const word = state.charAt(0).toUpperCase() + state.slice(1);
        return maintenance ? `${word} (maintenance: ${maintenance})` : word;
      },
    },
    { header: "SINCE", cell: ({ sinceMs }) => formatAge(nowMs - sinceMs) },
    { header: "RECEIVED", cell: ({ received }) => String(received ?? "-") },
    { header: "ACCEPTED", cell: ({ accepted }) => String(accepted ?? "-") },
    { header: "FILTERED", cell: ({ filtered }) => String(filtered ?? "-") },
    { header: "ADVERTISED", cell: ({ advertised }) => String(advertised ?? "-") },
  ];
}
