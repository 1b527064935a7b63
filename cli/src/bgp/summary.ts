/** `bgp summary`: the speaker at a glance. */
import type { PeerSummary, SpeakerSummary } from "@brindle/bgp";
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

function formatSummary({ asn, bgpId, peers, rib }: SpeakerSummary, nowMs: number): string {
  const up = peers.filter(({ state }) => state === "established").length;
  const head = [
    `AS ${asn}, BGP identifier ${bgpId}, ${up} of ${peers.length} peers Established`,
    `${rib.prefixes} prefixes, ${rib.routes} routes, ${rib.attributeSets} attribute sets`,
  ];
  return peers.length === 0 ? head.join("\n") : [...head, "", formatTable(columnsOf(nowMs), peers)].join("\n");
}

function columnsOf(nowMs: number): TableColumn<PeerSummary>[] {
  return [
    { header: "NAME", cell: ({ name }) => name },
    { header: "ADDRESS", cell: ({ address }) => address },
    { header: "AS", cell: ({ asn }) => String(asn) },
    { header: "STATE", cell: ({ state }) => state.charAt(0).toUpperCase() + state.slice(1) },
    { header: "SINCE", cell: ({ sinceMs }) => formatAge(nowMs - sinceMs) },
    { header: "RECEIVED", cell: ({ received }) => String(received ?? "-") },
    { header: "ACCEPTED", cell: ({ accepted }) => String(accepted ?? "-") },
    { header: "FILTERED", cell: ({ filtered }) => String(filtered ?? "-") },
    { header: "ADVERTISED", cell: ({ advertised }) => String(advertised ?? "-") },
  ];
}
