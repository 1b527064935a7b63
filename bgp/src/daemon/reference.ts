/** The table of all fields of the daemon's YAML, as the README has it. */
import * as z from "zod";
import { notesOf, type Value } from "./field.ts";
import { filterOperation, filterRule, filterSettings } from "./filterFields.ts";
import { daemonSettings, originateSettings, peerSettings, prefixMatch } from "./settings.ts";

/** Tables in Markdown, one for each thing that has fields. */
export function settingsReference(): string {
  const tables: [string, Value<unknown>][] = [
    ["The file", daemonSettings],
    ["A peer, and a template", peerSettings],
    ["A row of a policy, and a prefix by itself for exactly that one", prefixMatch],
    ["A prefix of our own, and a prefix by itself for one without attributes", originateSettings],
    ["A filter", filterSettings],
    ["A rule of a filter", filterRule],
    ["An operation of a rule: exactly one of these", filterOperation],
  ];
  return tables.map(([title, value]) => `### ${title}\n\n${tableOf(value)}`).join("\n\n");
}

const fieldsElsewhere: readonly string[] = [
  "list of peer",
  "map of peer",
  "map of filter",
  "list of rule",
  "list of operation",
];

function tableOf({ schema }: Value<unknown>): string {
  const rows = rowsOf(schema, "");
  return ["| field | what may stand there | what it does |", "| --- | --- | --- |", ...rows].join("\n");
}

function rowsOf(schema: unknown, path: string): string[] {
  return Object.entries(shapeOf(schema)).flatMap(([name, member]) => {
    const notes = notesOf(member);
    const at = path === "" ? name : `${path}.${name}`;
    const type = notes?.type ?? "";
    const row = `| \`${at}\` | ${type.startsWith("{") ? "map" : type.replaceAll("{", "map {").replace("list of prefix, or row", "list of prefixes or rows").replace("list of prefix, or own prefix", "list of prefixes or own prefixes")} | ${notes?.description ?? ""} |`;
    return [row, ...(fieldsElsewhere.includes(type) ? [] : rowsOf(memberOf(member), at))];
  });
}

/** What a list or an optional field has inside. */
function memberOf(schema: unknown): unknown {
  if (schema instanceof z.ZodExactOptional) return memberOf(schema.def.innerType);
  if (schema instanceof z.ZodArray) return memberOf(schema.element);
  return schema;
}

function shapeOf(schema: unknown): Readonly<Record<string, z.ZodType>> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}
