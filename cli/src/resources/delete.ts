/** `delete`: each resource by itself; one that cannot go does not keep the others. */
import { type Key, keyOf, type Outcome, type ResourceKind } from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import { formatResourceKey } from "../manifest/prepare.ts";
import type { Ports } from "../ports.ts";
import { clientOn } from "./client.ts";
import { keyNamed } from "./get.ts";
import { kindNamed } from "./kindNamed.ts";
import { type ManifestOptions, readResources } from "./manifests.ts";

export interface DeleteOptions extends Partial<ManifestOptions> {
  readonly namespace: string;
  readonly skipNotExists?: boolean;
}

export async function deleteResources(
  kindWord: string | undefined,
  names: readonly string[],
  options: DeleteOptions,
  ports: Ports,
): Promise<ExitCode> {
  const targets = await targetsOf(kindWord, names, options, ports);
  const client = clientOn(await ports.store(), ports);
  let exitCode: ExitCode = 0;
  for (const { key, origin } of targets) {
    const outcome = await client.delete(key);
    const name = formatResourceKey(key);
    if (outcome.kind === "deleted") ports.print(`${name} deleted${origin}`);
    else if (outcome.kind === "notFound" && options.skipNotExists) ports.print(`${name} does not exist`);
    else {
      ports.warn(problemOf(name, outcome));
      exitCode = 1;
    }
  }
  return exitCode;
}

interface Target {
  readonly key: Key<ResourceKind>;
  /** Printed behind it. */
  readonly origin: string;
}

async function targetsOf(
  kindWord: string | undefined,
  names: readonly string[],
  options: DeleteOptions,
  ports: Ports,
): Promise<readonly Target[]> {
  const { filename = [], ...rest } = options;
  if (filename.length > 0) {
    if (kindWord !== undefined) throw usage("give either a kind with names, or files with -f");
    const resources = await readResources({ ...rest, filename }, ports);
    return resources.map(({ resource, convertedFrom }) => ({
      key: keyOf(resource),
      origin: convertedFrom === undefined ? "" : ` (from ${convertedFrom})`,
    }));
  }
  if (kindWord === undefined) throw usage("say what to delete: a kind with names, or files with -f");
  const kind = kindNamed(kindWord);
  if (names.length === 0) throw usage(`say which ${kind} to delete, by name`);
  return names.map((name) => ({ key: keyNamed(kind, name, options), origin: "" }));
}

function problemOf(name: string, outcome: Outcome): string {
  if (outcome.kind === "refused") return `${name}: ${outcome.problems.map(({ reason }) => reason).join("; ")}`;
  return "text" in outcome ? outcome.text : `${name}: ${outcome.kind}`;
}
