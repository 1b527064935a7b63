/** `bgp peers`: the sessions of this node. */
import type { FamilyStatus, PeerStatus, SessionFailure } from "@brindle/bgp";
import { expectNode } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import { formatAge } from "../output/age.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable, printable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export interface PeersOptions {
  readonly output: OutputForm;
  readonly node?: string;
}

export async function showPeers({ output, node }: PeersOptions, ports: Ports): Promise<ExitCode> {
  await expectNode(node, ports);
  const answer = await ports.callAgent("bgp.peers", {});
  const peers = answer as readonly PeerStatus[]; // What the agent promises to answer.
  if (output === "yaml" || output === "json") ports.print(formatStructure(peers, output));
  else ports.print(formatPeers(peers, { nowMs: ports.nowMs(), isWide: output === "wide" }));
  return 0;
}

interface PeersView {
  readonly nowMs: number;
  readonly isWide: boolean;
}

export function formatPeers(peers: readonly PeerStatus[], view: PeersView): string {
  if (peers.length === 0) return "this node has no BGP peers";
  const rows = peers.flatMap(rowsOf);
  const columns = view.isWide ? [...columnsOf(view), ...wideColumns] : columnsOf(view);
  return [formatTable([...columns, lastFailureColumn(view)], rows), ...peers.flatMap(noteOf)].join("\n");
}

/** A peer has a row for each family; what concerns the whole session stands in the first. */
interface Row {
  readonly peer: PeerStatus;
  readonly isFirst: boolean;
  readonly family: FamilyStatus | null;
}

function rowsOf(peer: PeerStatus): Row[] {
  const families = peer.session?.families ?? [];
  if (families.length === 0) return [{ peer, isFirst: true, family: null }];
  return families.map((family, index) => ({ peer, isFirst: index === 0, family }));
}

function columnsOf({ nowMs }: PeersView): TableColumn<Row>[] {
  return [
    ofPeer("NAME", ({ name }) => name),
    ofPeer("ADDRESS", ({ address }) => address),
    ofPeer("AS", ({ asn }) => String(asn || "any")),
    ofPeer("STATE", ({ phase }) => phase.charAt(0).toUpperCase() + phase.slice(1)),
    ofPeer("SINCE", ({ sinceMs }) => formatAge(nowMs - sinceMs)),
    ofFamily("FAMILY", ({ family }) => `IPv${family}`),
    ofFamily("RECEIVED", ({ received }) => String(received)),
    ofFamily("ACCEPTED", ({ accepted }) => String(accepted)),
    ofFamily("FILTERED", ({ filtered }) => String(filtered)),
    ofFamily("ADVERTISED", ({ advertised }) => String(advertised)),
  ];
}

const wideColumns: readonly TableColumn<Row>[] = [
  ofPeer("KIND", ({ role }) => role),
  ofPeer("LOCAL AS", ({ localAsn }) => String(localAsn)),
  ofPeer("ROUTER ID", ({ session }) => session?.remoteBgpId ?? "-"),
  ofPeer("HOLD TIME", ({ session }) => (session ? `${session.holdSeconds}s` : "-")),
  ofPeer("LOST", ({ flaps }) => String(flaps)),
];

function lastFailureColumn({ nowMs }: PeersView): TableColumn<Row> {
  return ofPeer("LAST FAILURE", ({ lastFailure }) => (lastFailure ? formatFailure(lastFailure, nowMs) : "-"));
}

function formatFailure({ atMs, text }: SessionFailure, nowMs: number): string {
  return `${text} (${formatAge(nowMs - atMs)} ago)`;
}

/** What an operator did, and wrong attributes (RFC 7606), which a session survives: only these lines tell of them. */
function noteOf({ name, session, maintenance }: PeerStatus): string[] {
  const faults = session?.attributeFaults;
  return [
    ...(maintenance ? [`${name} is in maintenance: ${maintenanceText(maintenance)}`] : []),
    ...(faults ? [`${name} sent wrong attributes ${faults.count} times, the last: ${printable(faults.lastText)}`] : []),
  ];
}

function maintenanceText({ phase, text }: NonNullable<PeerStatus["maintenance"]>): string {
  const what = phase === "draining" ? "its routes are the last resort, and the session ends soon" : "it is down";
  return text === null ? what : `${what} (${printable(text)})`;
}

function ofPeer(header: string, text: (peer: PeerStatus) => string): TableColumn<Row> {
  return { header, cell: ({ peer, isFirst }) => (isFirst ? text(peer) : "") };
}

function ofFamily(header: string, text: (family: FamilyStatus) => string): TableColumn<Row> {
  return { header, cell: ({ family }) => (family ? text(family) : "-") };
}
