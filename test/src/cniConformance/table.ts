/** What was found, as people read it: a row a rule, a column a plugin and version. Pure. */
import Table from "cli-table3";
import { type Rule, type SpecVersion, specVersions } from "./rule.ts";
import type { Finding, Findings } from "./trials.ts";

const marks: Readonly<Record<Finding["kind"], string>> = {
  kept: "ok",
  broken: "BROKEN",
  doesNotApply: "",
  notSpoken: "-",
};

export function findingsTable(
  rules: readonly Rule[],
  all: readonly Findings[],
  versions: readonly SpecVersion[] = specVersions,
): string {
  const table = new Table({
    head: ["rule", ...all.flatMap(({ subject }) => versions.map((version) => `${subject}\n${version}`))],
    style: { head: [], border: [], compact: true },
  });
  for (const rule of rules)
    table.push([
      rule.name,
      ...all.flatMap((findings) => versions.map((version) => marks[findings.of(rule, version).kind])),
    ]);
  return table.toString();
}

export interface Count {
  readonly subject: string;
  readonly kept: number;
  /** Of the rules that apply, in the versions that there are. */
  readonly of: number;
  readonly broken: readonly { readonly rule: string; readonly version: SpecVersion; readonly how: string }[];
}

/** A version that is not spoken keeps none of its rules. */
export function countOf(
  rules: readonly Rule[],
  findings: Findings,
  versions: readonly SpecVersion[] = specVersions,
): Count {
  const each = rules.flatMap((rule) =>
    versions.map((version) => ({ rule, version, finding: findings.of(rule, version) })),
  );
  const applying = each.filter(({ finding }) => finding.kind !== "doesNotApply");
  return {
    subject: findings.subject,
    kept: applying.filter(({ finding }) => finding.kind === "kept").length,
    of: applying.length,
    broken: applying.flatMap(({ rule, version, finding }) =>
      finding.kind === "broken" ? [{ rule: rule.name, version, how: finding.how }] : [],
    ),
  };
}
