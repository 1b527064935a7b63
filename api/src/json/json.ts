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
  try {
    return (write(value) ?? "null").replace(/[<>&\u2028\u2029]/g, escapeForHtml);
  } catch (error) {
    if (!(error instanceof NotFinite)) throw error;
    throw new RangeError(placeOfNotFinite(value, "") ?? "a number is not finite");
  }
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
function write(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw new NotFinite();
      return `${value}`;
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? "null" : Array.isArray(value) ? writeList(value) : writeMembers(value);
    default:
      return JSON.stringify(value);
  }
}

function writeList(items: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ",";
    const item = items[i];
    text += item === null ? "null" : (write(item) ?? "null");
  }
  return `${text}]`;
}

function writeMembers(value: object): string {
  let text = "";
  for (const name of namesOf(value)) {
    const member = write((value as Readonly<Record<string, unknown>>)[name]);
    if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${member}`;
  }
  return `{${text}}`;
}

/**
 * JavaScript puts members named by integers first and in numeric order; Go writes a map in the order of its text.
 * The only such object that is stored is `sequenceNumberForAllocation`, all of whose members are ordinals.
 */
function namesOf(value: object): string[] {
  const names = Object.keys(value);
  const [first = ""] = names;
  if (names.length < 2 || !isOrdinal(first) || !names.every(isOrdinal)) return names;
  return names.sort((a, b) => (a < b ? -1 : 1));
}

function isOrdinal(name: string): boolean {
  return /^\d+$/.test(name);
}

class NotFinite extends RangeError {}

/** Where the number stands that JSON has no word for, and what it is: looked for only when there is one. */
function placeOfNotFinite(value: unknown, path: string): string | null {
  if (typeof value === "number") return Number.isFinite(value) ? null : `${path} is ${value}`;
  if (typeof value !== "object" || value === null) return null;
  for (const [name, member] of Object.entries(value)) {
    const place = placeOfNotFinite(member, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`);
    if (place !== null) return place;
  }
  return null;
}

/** Go escapes these so that JSON may stand inside HTML. They occur only inside strings. */
function escapeForHtml(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
