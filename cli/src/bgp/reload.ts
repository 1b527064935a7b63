/** `bgp reload`: a daemon reads its file anew, or tells what another file would cost. */
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { printable } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export interface ReloadOptions {
  readonly output: OutputForm;
  readonly dryRun?: boolean;
  readonly filename?: string;
}

interface Answer {
  readonly lines: readonly string[];
}

export async function reload({ output, dryRun, filename }: ReloadOptions, ports: Ports): Promise<ExitCode> {
  if ((dryRun === true) !== (filename !== undefined)) throw usage("--dry-run and -f go together");
  const { lines, ...plan } = (await ask(filename, ports)) as Answer;
  if (output === "yaml" || output === "json") ports.print(formatStructure(plan, output));
  else ports.print(lines.map(printable).join("\n"));
  return 0;
}

async function ask(filename: string | undefined, ports: Ports): Promise<unknown> {
  if (filename === undefined) return ports.callAgent("bgp.reload", {});
  const [file] = await ports.readManifests([filename], { recursive: false });
  return ports.callAgent("bgp.plan", { text: file?.text ?? "", file: file?.path ?? file?.name ?? filename });
}
