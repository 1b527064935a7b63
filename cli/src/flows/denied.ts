/** `flows --denied`: what policy denies on this node, as it happens. */
import type { DeniedFlow, DeniedFlowLine, FlowEnd } from "@brindle/api";
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
    else ports.print(printable("missed" in line ? `... and ${line.missed} more` : formatFlow(line.flow)));
    if ("flow" in line) left -= 1;
    if (left <= 0) return 0;
  }
  return 0;
}

export function formatFlow(flow: DeniedFlow): string {
  const { atMs, source, destination, protocol, icmp, direction, deniedBy } = flow;
  const type = icmp ? ` type ${icmp.type} code ${icmp.code}` : "";
  const time = new Date(atMs).toISOString().slice(11, 23);
  const whose = direction === null ? "" : `${direction} of the ${direction === "ingress" ? "destination" : "source"}, `;
  return `${time} ${protocol}${type} from ${formatEnd(source)} to ${formatEnd(destination)}: denied, ${whose}${deniedBy}`;
}

function formatEnd({ address, port, pod }: FlowEnd): string {
  const at = port === undefined ? address : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return pod === undefined ? at : `${pod} (${at})`;
}
