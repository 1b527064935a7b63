/** `policy test`: whether policy says what an operator wrote down that it should. */
import { explain } from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import { CliError } from "../error.ts";
import { printable } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { type PolicyCase, readCases } from "./caseFile.ts";
import { type ClusterOptions, type ReadCluster, readClusterAloud } from "./cluster.ts";
import { askedNamed, endNamed, packetsToAll, parseService } from "./ends.ts";
import { withHostPods } from "./hostPods.ts";

export interface PolicyTestOptions {
  readonly filename: readonly string[];
  readonly cluster?: readonly string[];
  readonly recursive?: boolean;
  readonly namespace: string;
}

/** 1 where a case fails, or where the cluster could not be read whole. */
export async function testPolicy(options: PolicyTestOptions, ports: Ports): Promise<ExitCode> {
  const { filename, cluster: manifests = [], recursive = false, namespace } = options;
  const cases = readCases(await ports.readManifests(filename, { recursive }), filename);
  const where: ClusterOptions = { namespace, filename: manifests, recursive };
  const names = cases.flatMap(({ from, to }) => [from, to]);
  const read = await withHostPods(await readClusterAloud(where, ports), { names, namespace }, ports);
  const failures = cases.map((one) => failureOf(one, read, namespace));
  for (const [index, { name }] of cases.entries()) {
    const failure = failures[index] ?? [];
    ports.print([`${failure.length === 0 ? "ok  " : "FAIL"}  ${name}`, ...failure].map(printable).join("\n"));
  }
  const failedCount = failures.filter((lines) => lines.length > 0).length;
  ports.print(`${cases.length - failedCount} passed, ${failedCount} failed`);
  return failedCount > 0 || read.problems.length > 0 ? 1 : 0;
}

/** Why a case fails, indented; nothing where it holds. Every family that both ends have must hold, and each endpoint of a Service. */
function failureOf(one: PolicyCase, read: ReadCluster, namespace: string): string[] {
  const { cluster } = read;
  try {
    const from = endNamed(one.from, read, { namespace });
    const to = askedNamed(one.to, parseService(one.port), read, { namespace });
    const explained = packetsToAll(from, to).map(({ packet }) => explain(cluster, packet));
    return explained
      .filter(({ evaluation }) => evaluation.verdict !== one.expect)
      .flatMap(({ lines }) => lines.map((line) => `      ${line}`));
  } catch (error) {
    if (error instanceof CliError) return [`      ${error.message}`];
    throw error;
  }
}
