/** The page that tells an operator of every kind and field: made of the declarations, so that it cannot be behind them. */
import { structuralSchema } from "../crd/openApiSchema.ts";
import type { KindDefinition, UnsupportedEffect } from "../kinds/kind.ts";
import { readableKinds, unsupportedFields } from "../kinds/kinds.ts";
import { fieldRows, type ToldGroups } from "./fieldRows.ts";

type AnyKind = Pick<
  KindDefinition,
  "apiVersion" | "kind" | "plural" | "description" | "aliases" | "namespaced" | "spec" | "status" | "rules"
>;

export function resourceReference(): string {
  const told: ToldGroups = new Map();
  const definitions: readonly AnyKind[] = Object.values<AnyKind>(readableKinds);
  const sections = definitions.map((definition) => kindSection(definition, told));
  return `${[head, kindList(definitions), ...sections, unsupportedSection()].join("\n\n")}\n`;
}

const head = `# Resources

Every kind that Brindle reads and writes, field by field. \`npm run generate\` makes this page of the declarations in
\`api/src/kinds\`. A field that is not needed and has no default may be left out. What this version stores and does not act on
is in [one table](#fields-that-are-not-acted-on).`;

function kindList(definitions: readonly AnyKind[]): string {
  const rows = definitions.map(({ kind, description }) => [`[${kind}](#${kind.toLowerCase()})`, description]);
  return table(["kind", "what it is for"], rows);
}

function kindSection({ kind, description, aliases, ...rest }: AnyKind, told: ToldGroups): string {
  const names = [rest.plural, ...aliases].map((name) => `\`${name}\``).join(", ");
  const scope = rest.namespaced ? "in a namespace" : "of the whole cluster";
  const spec = fieldRows(structuralSchema(rest.spec), { path: "spec", kind }, told);
  const status = rest.status ? fieldRows(structuralSchema(rest.status), { path: "status", kind }, told) : [];
  const rows = [...spec, ...status].map((row) => [`\`${row.path}\``, row.type, row.default, row.description]);
  const rules = (rest.rules ?? []).map(
    ({ fieldPath, message }) => `- \`${(fieldPath ?? ".spec").slice(1)}\` ${message}`,
  );
  return [
    `## ${kind}`,
    description,
    `\`${rest.apiVersion}\`, ${scope}; also called ${names}.`,
    ...(rows.length > 0 ? [table(["field", "type", "default", "what it does"], rows)] : []),
    ...(rules.length > 0 ? [`Rules across fields:\n\n${[...new Set(rules)].join("\n")}`] : []),
  ].join("\n\n");
}

const effects: Readonly<Record<UnsupportedEffect, string>> = {
  ignored: "is stored, with a warning; all else of the resource is acted on",
  withheld:
    "is stored, with a warning; the resource is not acted on, since without the field that would be wrong or open",
  refused: "is an error, and nothing is stored",
};

function unsupportedSection(): string {
  const rows = unsupportedFields().map(({ kind, path, only, accepted, effect, meanwhile }) => [
    kind,
    `\`${path}\``,
    valuesOf(only, accepted),
    effect,
    meanwhile ?? "",
  ]);
  return [
    "## Fields that are not acted on",
    "Calico's fields on which this version of Brindle does not act. Whoever applies a resource is told of each.",
    Object.entries(effects)
      .map(([effect, meaning]) => `- **${effect}**: the field ${meaning}.`)
      .join("\n"),
    table(["kind", "field", "values", "effect", "meanwhile"], rows),
  ].join("\n\n");
}

function valuesOf(only: readonly unknown[] | undefined, accepted: readonly unknown[] | undefined): string {
  if (only) return only.map((value) => `\`${value}\``).join(", ");
  return accepted?.length ? `all but ${accepted.map((value) => `\`${value}\``).join(", ")}` : "all";
}

function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(headers), line(headers.map(() => "---")), ...rows.map(line)].join("\n");
}
