/** Values as YAML and JSON. Integers past 2^53 are `bigint` in Brindle and keep every digit. */
import { stringify } from "yaml";

export function formatStructure(value: unknown, form: "yaml" | "json"): string {
  if (form === "json") return JSON.stringify(value, withAllDigits, 2);
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

function withAllDigits(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJson(value.toString()) : value;
}

/** In Node since 21; the compiler's library does not know of it. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };
