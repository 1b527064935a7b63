/** Looks into what the API server sent, which may be anything. What is not of the type asked for counts as missing. */

export type Members = Readonly<Record<string, unknown>>;

const none: Members = {};

export function members(value: unknown): Members {
  return isMembers(value) ? value : none;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The empty text is none: Go leaves it out, or not. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function entriesOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts = Object.entries(members(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(texts);
}

/** Only these members, and of them those that are there. */
export function pick(value: unknown, ...names: readonly string[]): Members {
  const from = members(value);
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));
}
