/** `validate`: what can be told of documents without a datastore. */
import { formatProblem, validate } from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { formatResourceKey } from "../manifest/prepare.ts";
import type { Ports } from "../ports.ts";
import { type ManifestOptions, readResources } from "./manifests.ts";

export async function validateManifests(options: ManifestOptions, ports: Ports): Promise<ExitCode> {
  for (const { resource } of await readResources(options, ports)) {
    const name = formatResourceKey({ kind: resource.kind, ...resource.metadata });
    const validation = validate(resource);
    const warnings = validation.kind === "valid" ? validation.warnings : [];
    for (const warning of warnings) ports.warn(`warning: ${name} ${formatProblem(warning)}`);
    ports.print(`${name} is valid`);
  }
  return 0;
}
