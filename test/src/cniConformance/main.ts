/**
 * `npm run cni-conformance`: every rule of the CNI specification, tried on our plugin in every version, and beside it on
 * Debian's bridge and ptp. `-- --plugin PATH --conf FILE` tries somebody else's executable. Exit code 1 where the plugin
 * that is meant (ours, or the named one) breaks a rule.
 */
import { parseArgs } from "node:util";
import { openInstance } from "../fixtures/instance.ts";
import { rules } from "./rules.ts";
import type { Subject } from "./subject.ts";
import { debianSubject, namedSubject, ourSubject } from "./subjects.ts";
import { countOf, findingsTable } from "./table.ts";
import { type Findings, tryRules } from "./trials.ts";

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { plugin: { type: "string" }, conf: { type: "string" } } });
  const { plugin, conf } = values;
  if ((plugin === undefined) !== (conf === undefined))
    throw new RangeError("usage: npm run cni-conformance [-- --plugin PATH --conf FILE]");
  const all = plugin !== undefined && conf !== undefined ? await tryNamed(plugin, conf) : await tryOurs();
  console.log(findingsTable(rules, all));
  for (const findings of all) tell(findings);
  const [meant] = all;
  return meant && countOf(rules, meant).broken.length === 0 ? 0 : 1;
}

async function tryNamed(plugin: string, conf: string): Promise<Findings[]> {
  await using instance = await openInstance();
  return [await tryTold(await namedSubject(plugin, conf, instance), instance)];
}

async function tryOurs(): Promise<Findings[]> {
  const all: Findings[] = [];
  {
    const { subject, instance } = await ourSubject();
    await using _instance = instance;
    all.push(await tryTold(subject, instance));
  }
  await using instance = await openInstance();
  for (const type of ["bridge", "ptp"] as const) all.push(await tryTold(await debianSubject(type, instance), instance));
  return all;
}

async function tryTold(subject: Subject, instance: Parameters<typeof tryRules>[1]["instance"]): Promise<Findings> {
  console.log(`trying ${subject.plugin} ...`);
  return tryRules(subject, { instance });
}

function tell(findings: Findings): void {
  const { subject, kept, of, broken } = countOf(rules, findings);
  console.log(`${subject}: ${kept} of ${of} kept`);
  for (const { rule, version, how } of broken) console.log(`  ${version} ${rule}: ${how}`);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof RangeError || error instanceof TypeError ? error.message : error);
  return 2;
});
process.exit();
