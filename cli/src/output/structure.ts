/**
 * Values as YAML and JSON. Integers past 2^53 are `bigint` in Brindle and keep every digit. kubectl and calicoctl read
 * YAML 1.1, in which a bare `on` is true: what either version would not take for text is quoted.
 */
import { stringify } from "yaml";

export function formatStructure(value: unknown, form: "yaml" | "json"): string {
  if (form === "json") return JSON.stringify(value, withAllDigits, 2);
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, compat: "yaml-1.1" }).trimEnd();
}

function withAllDigits(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJson(value.toString()) : value;
}

/** In Node since 21; the compiler's library does not know of it. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };
