/**
 * What looked wrong in one reading is repaired only when it looks the very same after some time, in a later one: an ADD
 * that is under way, a list that is older than another, an agent that is about to clean up after itself look wrong, too.
 */
import type { IpamFacts } from "./facts.ts";
import { type Finding, identityOf } from "./finding.ts";

export interface Quarantine {
  /** Since when each finding has been seen in every reading, in ms of a clock that only goes forward. */
  readonly sinceMs: ReadonlyMap<string, number>;
}

export const emptyQuarantine: Quarantine = { sinceMs: new Map() };

export interface Judged {
  readonly quarantine: Quarantine;
  /** Seen for long enough. */
  readonly ripe: readonly Finding[];
  /** Seen, and not for long enough yet. */
  readonly waiting: readonly Finding[];
}

/** `facts`: those in which the findings were found. What is not among them any more is forgotten. */
export function quarantined(
  before: Quarantine,
  { findings, facts }: { readonly findings: readonly Finding[]; readonly facts: IpamFacts },
  { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: (finding: Finding) => number },
): Judged {
  const sinceMs = new Map<string, number>();
  const ripe: Finding[] = [];
  const waiting: Finding[] = [];
  for (const finding of findings) {
    const identity = identityIn(finding, facts);
    const known = before.sinceMs.get(identity);
    sinceMs.set(identity, known ?? nowMs);
    const isRipe = known !== undefined && nowMs - known >= graceMs(finding);
    (isRipe ? ripe : waiting).push(finding);
  }
  return { quarantine: { sinceMs }, ripe, waiting };
}

function identityIn(finding: Finding, { handles, affinities }: IpamFacts): string {
  const items = { handle: handles, affinity: affinities };
  return identityOf(finding, (kind, name) => items[kind].get(name)?.revision ?? "none");
}
