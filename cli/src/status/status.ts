/** `status`: what the agent of this node says of itself. */
import { type AgentStatus, type BlockStatus, isReady, type MistakeStatus, type PartHealth } from "@brindle/api";
import { agentStatus } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import { formatAge } from "../output/age.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatCells, formatTable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export async function showStatus({ output }: { readonly output: OutputForm }, ports: Ports): Promise<ExitCode> {
  const status = await agentStatus(ports);
  if (output === "yaml" || output === "json") ports.print(formatStructure(status, output));
  else ports.print(formatStatus(status, ports.nowMs()));
  return isReady(status) ? 0 : 1;
}

export function formatStatus(status: AgentStatus, nowMs: number): string {
  const { nodeName, version, sinceMs, store, pods, health, blocks, sessions, networkList, mistakes } = status;
  const datastore =
    store.state === "connected"
      ? `connected for ${formatAge(nowMs - store.sinceMs)}`
      : `away for ${formatAge(nowMs - store.sinceMs)}: ${store.reason}`;
  const facts = formatCells([
    ["Node:", nodeName],
    [
      "Agent:",
      `version ${version}, running for ${formatAge(nowMs - sinceMs)}, ${isReady(status) ? "ready" : "not ready"}`,
    ],
    ["Datastore:", datastore],
    ["BGP:", `${sessions.established} of ${sessions.configured} sessions are Established`],
    ...(networkList ? [["CNI:", `${networkList.path} is ${networkList.isInPlace ? "" : "not "}in its place`]] : []),
    ["Pods:", String(pods)],
    ...(blocks.length > 0 ? [["Addresses:", addressesIn(blocks)]] : []),
  ]);
  const problems = status.problems.map((problem) => `  ${problem}`);
  return [
    facts,
    formatTable(healthColumns(nowMs), health),
    ...(blocks.length > 0 ? [formatTable(blockColumns, blocks)] : []),
    ...(mistakes.length > 0 ? [formatMistakes(mistakes)] : []),
    ...(problems.length > 0 ? [["Not acted on:", ...problems].join("\n")] : []),
  ].join("\n\n");
}

/** Of each family, since one may be full alone. */
function addressesIn(blocks: readonly BlockStatus[]): string {
  const families = Map.groupBy(blocks, ({ cidr }) => (cidr.includes(":") ? "IPv6" : "IPv4"));
  return [...families]
    .map(([family, own]) => {
      const sum = (of: "inUse" | "size") => own.reduce((total, block) => total + block[of], 0);
      return `${family}: ${sum("inUse")} of ${sum("size")} in use, in ${own.length} ${own.length === 1 ? "block" : "blocks"}`;
    })
    .join("; ");
}

/** Each as in docs/troubleshooting.md, where its code is a heading. */
function formatMistakes(mistakes: readonly MistakeStatus[]): string {
  const lines = mistakes.flatMap(({ code, text, remedy }) => [`  ${code}: ${text}`, `    ${remedy}`]);
  return ["What is wrong, and what to do:", ...lines].join("\n");
}

function healthColumns(nowMs: number): TableColumn<PartHealth>[] {
  return [
    { header: "PART", cell: ({ part }) => part },
    { header: "STATE", cell: ({ state }) => state },
    { header: "SINCE", cell: ({ sinceMs }) => formatAge(nowMs - sinceMs) },
    { header: "REASON", cell: ({ reason }) => reason ?? "-" },
  ];
}

const blockColumns: readonly TableColumn<BlockStatus>[] = [
  { header: "BLOCK", cell: ({ cidr }) => cidr },
  { header: "POOL", cell: ({ pool }) => pool ?? "(none)" },
  { header: "ADDRESSES", cell: ({ size }) => String(size) },
  { header: "IN USE", cell: ({ inUse }) => String(inUse) },
];
