/** `bgp peer` and `bgp journal`: all that is known of one session. */
import type { BfdStatus, CapabilityStatus, JournalEntry, PeerDetail } from "@brindle/bgp";
import { expectNode } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import { formatAge } from "../output/age.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatCells, formatTable, printable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { agreedFacts } from "./agreed.ts";
import { expectPeers } from "./expectPeers.ts";

export interface PeerOptions {
  readonly output: OutputForm;
  readonly node?: string;
}

export async function showPeer(name: string, options: PeerOptions, ports: Ports): Promise<ExitCode> {
  const peer = await peerNamed(name, options, ports);
  const { output } = options;
  if (output === "yaml" || output === "json") ports.print(formatStructure(peer, output));
  else ports.print(formatPeer(peer, ports.nowMs()));
  return 0;
}

export async function showJournal(name: string, options: PeerOptions, ports: Ports): Promise<ExitCode> {
  const { journal } = await peerNamed(name, options, ports);
  const { output } = options;
  if (output === "yaml" || output === "json") ports.print(formatStructure(journal, output));
  else ports.print(formatJournal(journal, ports.nowMs()));
  return 0;
}

async function peerNamed(name: string, { node }: PeerOptions, ports: Ports): Promise<PeerDetail> {
  await expectNode(node, ports);
  await expectPeers([name], ports);
  return (await ports.callAgent("bgp.peer", { name })) as PeerDetail; // What is promised to answer.
}

function formatPeer(peer: PeerDetail, nowMs: number): string {
  const { session, lastFailure } = peer;
  const facts: [string, string][] = [
    ["peer", peer.name],
    ["address", peer.address],
    ["AS", `${peer.asn || "any other"}, ours ${peer.localAsn}`],
    ["state", `${peer.phase}, since ${formatAge(nowMs - peer.sinceMs)}`],
    ["lost", `${peer.flaps} times`],
    ["last failure", lastFailure ? `${printable(lastFailure.text)} (${formatAge(nowMs - lastFailure.atMs)} ago)` : "-"],
  ];
  if (peer.bfd) facts.push(["BFD", bfdText(peer.bfd, nowMs)]);
  if (session) {
    facts.push(["BGP identifier", session.remoteBgpId], ["hold time", `${session.holdSeconds}s`]);
    for (const { family, received, accepted, filtered, advertised } of session.families) {
      const counts = `${received} received, ${accepted} accepted, ${filtered} filtered, ${advertised} advertised`;
      facts.push([`IPv${family}`, counts]);
    }
  }
  facts.push(...agreedFacts(peer.negotiated));
  const parts = [formatCells(facts), formatMessages(peer)];
  if (peer.capabilities.length > 0) parts.push(formatTable(capabilityColumns, peer.capabilities));
  return [...parts, formatJournal(peer.journal.slice(-10), nowMs)].join("\n\n");
}

/** `up, since 3m; a packet each 50 ms, gone after 150 ms`. */
function bfdText({ sinceMs, ...bfd }: BfdStatus, nowMs: number): string {
  const { state, remoteState, diagnostic, remoteDiagnostic, transmitMs, detectionMs, fault } = bfd;
  const reasons = [diagnostic, ...(remoteDiagnostic === null ? [] : [`the peer: ${remoteDiagnostic}`])];
  const isSaid = diagnostic !== "none" || (remoteDiagnostic ?? "none") !== "none";
  return [
    `${state}, since ${formatAge(nowMs - sinceMs)}`,
    ...(remoteState === null
      ? ["nothing heard of the peer"]
      : remoteState === state
        ? []
        : [`the peer ${remoteState}`]),
    ...(transmitMs === null ? [] : [`a packet each ${transmitMs} ms`]),
    ...(detectionMs === null ? [] : [`gone after ${detectionMs} ms`]),
    ...(isSaid ? [`last diagnostic ${reasons.join(", ")}`] : []),
    ...(fault === undefined ? [] : [printable(fault)]),
  ].join("; ");
}

function formatMessages({ messages: { sent, received } }: PeerDetail): string {
  const kinds = Object.keys(sent) as (keyof typeof sent)[];
  const columns: TableColumn<keyof typeof sent>[] = [
    { header: "MESSAGE", cell: (kind) => kind },
    { header: "SENT", cell: (kind) => String(sent[kind]) },
    { header: "RECEIVED", cell: (kind) => String(received[kind]) },
  ];
  return formatTable(columns, kinds);
}

const capabilityColumns: readonly TableColumn<CapabilityStatus>[] = [
  { header: "CAPABILITY", cell: ({ name, code }) => (name === "unknown" ? `code ${code}` : name) },
  { header: "WE", cell: ({ us }) => us ?? "-" },
  { header: "PEER", cell: ({ peer }) => peer ?? "-" },
];

function formatJournal(journal: readonly JournalEntry[], nowMs: number): string {
  if (journal.length === 0) return "nothing has happened yet";
  return formatTable(
    [
      { header: "AGO", cell: ({ atMs }) => formatAge(nowMs - atMs) },
      { header: "AT", cell: ({ atMs }) => new Date(atMs).toISOString() },
      { header: "FROM", cell: ({ from }) => from },
      { header: "TO", cell: ({ to }) => to },
      { header: "WHY", cell: ({ reason }) => reason ?? "-" },
      { header: "AGAIN", cell: ({ again }) => againText(again, nowMs) },
    ],
    journal,
  );
}

function againText(again: JournalEntry["again"], nowMs: number): string {
  return again ? `${again.count} more, last ${formatAge(nowMs - again.lastMs)} ago` : "-";
}
