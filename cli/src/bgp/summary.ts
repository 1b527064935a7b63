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

function formatSummary({ asn, bgpId, peers, rib, bmp = [] }: SpeakerSummary, nowMs: number): string {
  const up = peers.filter(({ state }) => state === "established").length;
  const head = [
    `AS ${asn}, BGP identifier ${bgpId}, ${up} of ${peers.length} peers Established`,
    `${rib.prefixes} prefixes, ${rib.routes} routes, ${rib.attributeSets} attribute sets`,
  ];
  const sessions = peers.length === 0 ? [] : ["", formatTable(columnsOf(nowMs), peers)];
  const stations = bmp.length === 0 ? [] : ["", formatTable(stationColumns(nowMs), bmp)];
  return [...head, ...sessions, ...stations].join("\n");
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
    { header: "AS", cell: ({ asn }) => String(asn) },
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
