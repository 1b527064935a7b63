/**
 * JSON as Go's encoder writes it, so that a value which we did not change is stored as it was, to the byte; and
 * without loss, since Calico keeps 64-bit sequence numbers, which `JSON.parse` would round.
 *
 * Integers beyond 2^53 become `bigint`; a caller that always wants one (IPAM sequence numbers) converts the small ones.
 */

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Throws a `SyntaxError` for what is no JSON, and for a number that no double and no integer holds. */
export function parseJson(text: string): JsonValue {
  // Only a number of 16 digits or more, or of a large exponent, can need care, and a reviver makes parsing several times
  // slower. Numbers follow a bracket, a colon or a comma; hashes and UIDs, which have as many digits, a quote.
  return needsCare.test(text) ? JSON.parse(text, reviveNumber as Reviver) : JSON.parse(text);
}

/** One line, in the order of the members, with the escapes of Go's `encoding/json`. */
export function formatJson(value: unknown): string {
  return (write(value, "") ?? "null").replace(/[<>&\u2028\u2029]/g, escapeForHtml);
}

/** Go reads null as absent and writes it for what was never filled; so does YAML for a field that is left empty. */
export function withoutNullMembers(value: unknown): unknown {
  // Most values have none: to look is much cheaper than to copy.
  return hasNullMember(value) ? copyWithoutNullMembers(value) : value;
}

function hasNullMember(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasNullMember);
  for (const name in value) {
    const member: unknown = value[name as keyof typeof value];
    if (member === null || hasNullMember(member)) return true;
  }
  return false;
}

function copyWithoutNullMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyWithoutNullMembers);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, copyWithoutNullMembers(member)]));
}

/** A value with members, of which nothing more is known. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const needsCare = /(?:^|[[:,])\s*-?(?:\d{16}|[\d.]+[eE][+-]?\d{3})/;

/** The compiler's library does not know of the third argument, the text of a literal. */
type Reviver = (name: string, value: unknown) => unknown;

function reviveNumber(_name: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== "number" || context.source === undefined) return value;
  if (!Number.isFinite(value)) throw new SyntaxError(`number ${context.source} is out of range`);
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(context.source) ? value : BigInt(context.source);
}

/** `undefined` for what JSON has no word for; such members are left out, as `JSON.stringify` does. */
function write(value: unknown, path: string): string | undefined {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${path} is ${value}`);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item, i) => write(item, `${path}[${i}]`) ?? "null").join(",")}]`;
  const members: string[] = [];
  for (const [name, member] of inGoOrder(Object.entries(value))) {
    const text = write(member, `${path}.${name}`);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(",")}}`;
}

/**
 * JavaScript puts members named by integers first and in numeric order; Go writes a map in the order of its text.
 * The only such object that is stored is `sequenceNumberForAllocation`, all of whose members are ordinals.
 */
function inGoOrder(entries: [string, unknown][]): [string, unknown][] {
  const ordinals = entries.length > 1 && entries.every(([name]) => /^\d+$/.test(name));
  return ordinals ? entries.sort(([a], [b]) => (a < b ? -1 : 1)) : entries;
}

/** Go escapes these so that JSON may stand inside HTML. They occur only inside strings. */
function escapeForHtml(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
