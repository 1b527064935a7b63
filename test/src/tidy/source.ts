import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vitest/node";

/** A file of the tree, or a sample that pretends to be one. */
export interface Source {
  /** From the root: `net/src/address.ts`. */
  readonly path: string;
  readonly workspace: string;
  readonly text: string;
  readonly tree: SyntaxNode;
}

/** A node of the ESTree that the parser gives, read without trusting its shape. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export const root: string = fileURLToPath(new URL("../../..", import.meta.url));
export const workspaces = ["net", "api", "bgp", "ipam", "policy", "cni", "agent", "cli", "test"] as const;

export function parseSource(path: string, text: string): Source {
  const tree: unknown = parseAst(text, { lang: "ts" });
  if (!isNode(tree)) throw new TypeError(`${path} does not parse`);
  return { path, workspace: path.split("/")[0] ?? "", text, tree };
}

export function sourcesOf(workspace: string): Source[] {
  return readdirSync(join(root, workspace, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(workspace, "src", name))
    .map((path) => parseSource(path, readFileSync(join(root, path), "utf8")));
}

/** May have effects: `shell/` and the entry point of a process. */
export function mayHaveEffects({ path }: Source): boolean {
  return path.includes("/src/shell/") || path.endsWith("/src/main.ts");
}

/** Tests, and files that only tests are made of. */
export function isTest({ path, tree }: Source): boolean {
  return path.endsWith(".test.ts") || importsOf(tree).some(({ specifier }) => specifier === "vitest");
}

export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly names: readonly string[];
}

/** Static ones, re-exports and `import()` alike. */
export function importsOf(tree: SyntaxNode): Import[] {
  const imports: Import[] = [];
  walk(tree, (node) => {
    const source = node.source;
    if (!isNode(source) || typeof source.value !== "string") return;
    const specifiers = nodesIn(node.specifiers);
    const typeOnly =
      node.importKind === "type" ||
      node.exportKind === "type" ||
      (specifiers.length > 0 && specifiers.every((one) => one.importKind === "type"));
    const names = specifiers.map(({ imported }) => (isNode(imported) ? String(imported.name) : "*"));
    imports.push({ specifier: source.value, typeOnly, names });
  });
  return imports;
}

/** Where a relative import leads, from the root. */
export function resolveImport(source: Source, specifier: string): string {
  return relative(root, join(root, dirname(source.path), specifier));
}

export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node);
  for (const value of Object.values(node)) for (const child of nodesIn(value)) walk(child, visit);
}

export function nodesIn(value: unknown): SyntaxNode[] {
  if (Array.isArray(value)) return value.filter(isNode);
  return isNode(value) ? [value] : [];
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

export function lineAt({ text }: Source, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
