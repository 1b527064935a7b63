/** `apply`, `create` and `replace`: all documents or none, as far as can be known before the first is written. */
import { formatKey, formatProblem, type Outcome, type Store } from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { failed } from "../error.ts";
import { formatPlace } from "../manifest/documents.ts";
import { formatAtPlace, formatResourceKey, type PreparedResource } from "../manifest/prepare.ts";
import type { Ports } from "../ports.ts";
import { clientOn } from "./client.ts";
import { type ManifestOptions, readResources } from "./manifests.ts";
import { Rehearsal } from "./rehearsal.ts";

export type WriteVerb = "apply" | "create" | "replace";

export interface WriteOptions extends ManifestOptions {
  /** For `create`: what exists already stays as it is. */
  readonly skipExists?: boolean;
}

export async function writeManifests(verb: WriteVerb, options: WriteOptions, ports: Ports): Promise<ExitCode> {
  const resources = await readResources(options, ports);
  const store = await ports.store();
  await rehearse(verb, resources, { store, ports, options });

  const client = clientOn(store, ports);
  for (const prepared of resources) {
    const outcome = await client[verb](prepared.resource);
    if (isSkipped(outcome, options)) {
      ports.print(`${nameOf(prepared)} exists already`);
      continue;
    }
    const problems = problemsOf(prepared, outcome);
    // Possible only where somebody else writes at the same time: what was done until now is printed already.
    if (problems.length > 0) throw failed(problems.join("\n"));
    for (const warning of warningsOf(outcome)) ports.warn(warning);
    ports.print(`${nameOf(prepared)} ${outcome.kind}${originOf(prepared)}`);
  }
  return 0;
}

/** Whether a resource may be stored depends on others, also of the same manifests: pools must not overlap. */
async function rehearse(
  verb: WriteVerb,
  resources: readonly PreparedResource[],
  { store, ports, options }: { readonly store: Store; readonly ports: Ports; readonly options: WriteOptions },
): Promise<void> {
  const client = clientOn(new Rehearsal(store), ports);
  const problems: string[] = [];
  for (const prepared of resources) {
    const outcome = await client[verb](prepared.resource);
    if (!isSkipped(outcome, options)) problems.push(...problemsOf(prepared, outcome));
  }
  if (problems.length > 0) throw failed([...problems, "nothing was changed"].join("\n"));
}

function isSkipped({ kind }: Outcome, { skipExists = false }: WriteOptions): boolean {
  return skipExists && kind === "alreadyExists";
}

function problemsOf({ place }: PreparedResource, outcome: Outcome): string[] {
  if (outcome.kind === "refused") return outcome.problems.map((problem) => formatAtPlace(place, problem));
  return "text" in outcome ? [`${formatPlace(place)}: ${outcome.text}`] : [];
}

/** What is stored and not acted on keeps no script from going on: the exit code stays. */
function warningsOf(outcome: Outcome): string[] {
  if (!("warnings" in outcome)) return [];
  return outcome.warnings.map((warning) => `warning: ${formatKey(outcome.key)} ${formatProblem(warning)}`);
}

function nameOf({ resource: { kind, metadata } }: PreparedResource): string {
  return formatResourceKey({ kind, ...metadata });
}

function originOf({ convertedFrom }: PreparedResource): string {
  return convertedFrom === undefined ? "" : ` (from ${convertedFrom})`;
}
