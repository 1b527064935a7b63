/** Tries every rule on a plugin in every version. */
import type { Instance } from "../fixtures/instance.ts";
import { doesNotApply, type Rule, type SpecVersion, specVersions } from "./rule.ts";
import { rules } from "./rules.ts";
import { openTrial, type Subject } from "./subject.ts";

export type Finding =
  | { readonly kind: "kept" }
  | { readonly kind: "broken"; readonly how: string }
  /** The rule is of other versions, or of another kind of plugin. */
  | { readonly kind: "doesNotApply" }
  /** The plugin says that it does not speak the version. */
  | { readonly kind: "notSpoken" };

export interface Findings {
  readonly subject: string;
  /** By the rule's name and the version. */
  of(rule: Rule, version: SpecVersion): Finding;
}

export async function tryRules(
  subject: Subject,
  { instance, versions = specVersions }: { readonly instance: Instance; readonly versions?: readonly SpecVersion[] },
): Promise<Findings> {
  const spoken = await spokenVersions(subject, instance);
  const findings = new Map<string, Finding>();
  for (const version of versions) {
    for (const rule of rules) {
      const isSpoken = spoken.includes(version);
      findings.set(
        keyOf(rule, version),
        isSpoken ? await tryRule(rule, { subject, version, instance }) : notSpoken(rule, version),
      );
    }
  }
  return {
    subject: subject.name,
    of: (rule, version) => findings.get(keyOf(rule, version)) ?? { kind: "doesNotApply" },
  };
}

export interface TryOptions {
  readonly subject: Subject;
  readonly version: SpecVersion;
  readonly instance: Instance;
}

export async function tryRule(rule: Rule, { subject, version, instance }: TryOptions): Promise<Finding> {
  if (!isOf(rule, version)) return { kind: "doesNotApply" };
  await using trial = openTrial(subject, version, instance);
  try {
    return { kind: (await rule.run(trial)) === doesNotApply ? "doesNotApply" : "kept" };
  } catch (error) {
    return { kind: "broken", how: shortened(error instanceof Error ? error.message : String(error)) };
  }
}

/** One line, which tells what was seen too. */
function shortened(text: string): string {
  return text
    .split(/\s*\n\s*/)
    .join(" ")
    .slice(0, 200);
}

export function isOf({ since = "0.3.1", until = "1.1.0" }: Rule, version: SpecVersion): boolean {
  const at = (one: SpecVersion) => specVersions.indexOf(one);
  return at(version) >= at(since) && at(version) <= at(until);
}

function notSpoken(rule: Rule, version: SpecVersion): Finding {
  return { kind: isOf(rule, version) ? "notSpoken" : "doesNotApply" };
}

async function spokenVersions(subject: Subject, instance: Instance): Promise<readonly string[]> {
  await using trial = openTrial(subject, "1.0.0", instance);
  const outcome = await trial.call("VERSION");
  return JSON.parse(outcome.stdout).supportedVersions;
}

function keyOf(rule: Rule, version: SpecVersion): string {
  return `${version} ${rule.name}`;
}
