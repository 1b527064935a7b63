/** What is wrong with a resource, for a person: where, what stands there, and why it may not. */

export interface Problem {
  /** `spec.ingress[0].source.nets[1]` */
  readonly path: string;
  /** As it was given; `undefined` where something is missing. */
  readonly value: unknown;
  readonly reason: string;
}

/** What does not keep a resource from being stored, and what whoever applies it should hear. */
export interface Warning extends Problem {
  /** The first two as in `UnsupportedField`; `advice` is about fields that this version acts on. */
  readonly effect: "ignored" | "withheld" | "advice";
}

export type PathStep = string | number | symbol;

/** A step that is no plain word is quoted: `metadata.labels["example.org/rack"]`. */
export function formatPath(steps: readonly PathStep[]): string {
  let path = "";
  for (const step of steps) {
    if (typeof step === "number") path += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(String(step))) path += path === "" ? String(step) : `.${String(step)}`;
    else path += `[${JSON.stringify(String(step))}]`;
  }
  return path;
}

/** One line: `spec.cidr: 10.0.0.1/8 has host bits set`. */
export function formatProblem({ path, value, reason }: Problem): string {
  if (path === "") return `the document ${reason}`;
  const shown = value === undefined || typeof value === "object" ? "" : `${JSON.stringify(String(value))} `;
  return `${path}: ${shown}${reason}`;
}

/** The word of `known` that a person most likely meant, or `null` when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const best = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= Math.ceil(word.length / 3) ? best.candidate : null;
}

/** Levenshtein: how many letters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
