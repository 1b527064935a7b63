/** `flows --denied`: what policy denies on this node, and what staged policies would deny, as it happens. */
import type { DeniedFlow, DeniedFlowLine, FirstPacket, FlowEnd, FlowToDeny, StagedEffect } from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import { printable } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export interface FlowsOptions {
  readonly denied?: boolean;
  readonly follow?: boolean;
  readonly count?: number;
  readonly output: "text" | "json";
}

export async function showFlows({ denied, follow, count, output }: FlowsOptions, ports: Ports): Promise<ExitCode> {
  if (!denied) throw usage("only denied flows are told: write --denied");
  if (!follow && count === undefined) {
    throw usage("flows are told as they happen: write -f to follow them, or --count for so many of them");
  }
  let left = count ?? Number.POSITIVE_INFINITY;
  for await (const line of ports.streamAgent("flows.denied", {}) as AsyncIterable<DeniedFlowLine>) {
    if (output === "json") ports.print(JSON.stringify(line));
    else ports.print(printable(formatLine(line)));
    if (!("missed" in line)) left -= 1;
    if (left <= 0) return 0;
  }
  return 0;
}

function formatLine(line: DeniedFlowLine): string {
  if ("missed" in line) return `... and ${line.missed} more`;
  return "flow" in line ? formatDenied(line.flow) : formatToDeny(line.wouldDeny);
}

function formatDenied(flow: DeniedFlow): string {
  const { direction, hostEndpoint, deniedBy, staged } = flow;
  const whose = direction === null ? "" : `${endOf({ direction, hostEndpoint })}, `;
  const then = staged ? `; ${formatStaged(staged)}` : "";
  return `${formatPacket(flow)}: denied, ${whose}${deniedBy}${then}`;
}

function formatToDeny(flow: FlowToDeny): string {
  return `${formatPacket(flow)}: allowed; ${formatStaged(flow.staged)}`;
}

function formatStaged({ verdict, by, ...at }: StagedEffect): string {
  return `would ${verdict}, ${endOf(at)}, ${by}`;
}

function endOf({
  direction,
  hostEndpoint,
}: {
  direction: "ingress" | "egress";
  hostEndpoint?: string | undefined;
}): string {
  if (hostEndpoint !== undefined) return `${direction} of HostEndpoint ${hostEndpoint}`;
  return `${direction} of the ${direction === "ingress" ? "destination" : "source"}`;
}

function formatPacket({ atMs, source, destination, protocol, icmp }: FirstPacket): string {
  const type = icmp ? ` type ${icmp.type} code ${icmp.code}` : "";
  const time = new Date(atMs).toISOString().slice(11, 23);
  return `${time} ${protocol}${type} from ${formatEnd(source)} to ${formatEnd(destination)}`;
}

function formatEnd({ address, port, pod }: FlowEnd): string {
  const at = port === undefined ? address : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return pod === undefined ? at : `${pod} (${at})`;
}
