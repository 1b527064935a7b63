/** `policy hits`: how often each rule decided on this node, since it is there. */
import type { PolicyHit } from "@brindle/api";
import type { ExitCode } from "../command.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export interface HitsOptions {
  readonly output: OutputForm;
  readonly all?: boolean;
}

export async function showHits(
  name: string | undefined,
  { output, all = false }: HitsOptions,
  ports: Ports,
): Promise<ExitCode> {
  const answer = (await ports.callAgent("policy.hits", { all: all || name !== undefined })) as readonly PolicyHit[]; // What the agent promises.
  const hits = answer
    .filter((hit) => name === undefined || isOf(hit, name))
    .sort((a, b) => b.hits - a.hits || compare(titleOf(a), titleOf(b)) || (a.rule ?? 0) - (b.rule ?? 0));
  if (output === "json" || output === "yaml") ports.print(formatStructure(hits, output));
  else ports.print(hits.length > 0 ? formatTable(columns, hits) : nothing(name));
  return 0;
}

function nothing(name: string | undefined): string {
  if (name === undefined) return "no rule of a policy or profile has decided on a flow of this node's pods yet";
  return `no rule of a policy or profile "${name}" is counted on this node: none of its pods and host endpoints is selected by one`;
}

const columns: readonly TableColumn<PolicyHit>[] = [
  { header: "HITS", cell: ({ counts, hits }) => (counts === "packets" ? `${hits} packets` : String(hits)) },
  { header: "WHO", cell: titleOf },
  { header: "RULE", cell: ({ direction, rule }) => (rule === null ? direction : `${direction} ${rule}`) },
  { header: "ACTION", cell: ({ action }) => action },
  { header: "SAYS", cell: ({ text }) => text },
];

/** By its name, with its namespace or without. */
function isOf({ namespace, name, others = [] }: PolicyHit, wanted: string): boolean {
  const names = [namespace === undefined ? name : `${namespace}/${name}`, ...others];
  return names.some((each) => each === wanted || each.endsWith(`/${wanted}`));
}

function titleOf({ kind, namespace, name, others = [] }: PolicyHit): string {
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}${more}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
