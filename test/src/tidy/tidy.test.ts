import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { importFaults } from "./imports.ts";
import { dependencyFaults, type Manifest, packageOf, undeclaredFaults } from "./packages.ts";
import { purityFaults } from "./purity.ts";
import { shapeFaults } from "./shape.ts";
import { importsOf, parseSource, root, type Source, sourcesOf, workspaces } from "./source.ts";

/** Files that are one table and may be long. Each needs a word on why it is not cut. */
const tables = new Set<string>();

const rules: { name: string; faults: (source: Source) => string[] }[] = [
  { name: "imports by the table of its architecture", faults: importFaults },
  { name: "has effects in shell/ and main.ts alone", faults: purityFaults },
  { name: "keeps to the sizes and leaves no notes", faults: (source) => shapeFaults(source, tables.has(source.path)) },
];

describe.each(workspaces)("%s", (workspace) => {
  const sources = sourcesOf(workspace);
  it.each(rules)("$name", ({ faults }) => {
    assert.deepEqual(sources.flatMap(faults), []);
  });

  it("gives a reason for each dependency, and declares what it imports", () => {
    const manifest: Manifest = JSON.parse(readFileSync(join(root, workspace, "package.json"), "utf8"));
    const designFile = join(root, workspace, "DESIGN.md");
    const design = existsSync(designFile) ? readFileSync(designFile, "utf8") : undefined;
    const imported = new Set(
      sources.flatMap(({ tree }) => importsOf(tree).flatMap(({ specifier }) => packageOf(specifier) ?? [])),
    );
    assert.deepEqual(
      [...dependencyFaults(workspace, manifest, design), ...undeclaredFaults(workspace, manifest, imported)],
      [],
    );
  });
});

const long = (lines: number): string => "\n".repeat(lines);

const bad: { name: string; path?: string; text: string; fault: RegExp }[] = [
  { name: "an import against the table", text: 'import { a } from "@brindle/api";', fault: /net may not import api/ },
  { name: "a re-export against the table", text: 'export * from "@brindle/api";', fault: /net may not import api/ },
  {
    name: "a dynamic import against the table",
    text: 'await import("@brindle/api");',
    fault: /net may not import api/,
  },
  { name: "a deep import", path: "api/src/a.ts", text: 'import "@brindle/net/src/address.ts";', fault: /deep import/ },
  { name: "a path into another workspace", text: 'import "../../api/src/a.ts";', fault: /leaves the workspace/ },
  { name: "its own shell in pure code", text: 'import "./shell/a.ts";', fault: /reaches into shell/ },
  {
    name: "another's shell in pure code",
    path: "api/src/a.ts",
    text: 'import "@brindle/net/shell";',
    fault: /for shell/,
  },
  {
    name: "values of bgp in cli",
    path: "cli/src/a.ts",
    text: 'import { a } from "@brindle/bgp";',
    fault: /types alone/,
  },
  { name: "node:fs", text: 'import { readFile } from "node:fs/promises";', fault: /node:fs\/promises has effects/ },
  { name: "random bytes", text: 'import { randomUUID } from "node:crypto";', fault: /randomUUID/ },
  { name: "an effectful package", text: 'import koffi from "koffi";', fault: /koffi has effects/ },
  { name: "a part of one", text: 'import { a } from "netlink/dist/raw.js";', fault: /netlink.* has effects/ },
  { name: "the clock", text: "export const a = Date.now();", fault: /Date\.now/ },
  { name: "the clock by new Date()", text: "export const a = new Date();", fault: /Date is an effect/ },
  { name: "chance", text: "export const a = Math.random();", fault: /Math\.random/ },
  { name: "a timer", text: "setTimeout(() => {}, 1);", fault: /setTimeout/ },
  { name: "a timer handed on", text: "export const later = setTimeout;", fault: /setTimeout/ },
  { name: "a timer in an object", text: "export const a = { later: setTimeout };", fault: /setTimeout/ },
  { name: "a timer in a list", text: "export const a = [setTimeout];", fault: /setTimeout/ },
  { name: "a timer returned", text: "export const a = () => setTimeout;", fault: /setTimeout/ },
  { name: "a timer in a field", text: "export class A { later = setTimeout; }", fault: /setTimeout/ },
  { name: "the clock under another name", text: "const { now } = Date; export const a = now();", fault: /Date/ },
  { name: "the clock by a computed name", text: 'export const a = Date["now"]();', fault: /Date\.now/ },
  { name: "chance under another name", text: "export const { random } = Math;", fault: /Math/ },
  { name: "the process by way of global", text: "export const a = global.process;", fault: /global/ },
  { name: "the environment", text: "export const a = process.env;", fault: /process\.env/ },
  { name: "the high resolution clock", text: "export const a = performance.now();", fault: /performance\.now/ },
  { name: "a random UUID of the global", text: "export const a = crypto.randomUUID();", fault: /crypto\.randomUUID/ },
  { name: "a forgotten note", text: "// FIXME later", fault: /FIXME/ },
  { name: "a note without an issue", text: "// TODO later", fault: /TODO needs its issue/ },
  { name: "a default export", text: "export default 1;", fault: /default export/ },
  { name: "a default export by name", text: "const a = 1; export { a as default };", fault: /default export/ },
  { name: "a long file", text: `${long(400)}export {};`, fault: /401 lines/ },
  { name: "a long function", text: `export function a() {${long(70)}}`, fault: /a function of 71 lines/ },
];

const good: { name: string; path?: string; text: string }[] = [
  { name: "an import by the table", path: "api/src/a.ts", text: 'import { a } from "@brindle/net";' },
  { name: "types of bgp in cli", path: "cli/src/a.ts", text: 'import type { A } from "@brindle/bgp";' },
  {
    name: "the world in shell/",
    path: "net/src/shell/a.ts",
    text: 'import "node:fs"; setTimeout(() => {}, Date.now());',
  },
  { name: "the world in main.ts", path: "agent/src/main.ts", text: 'import "@brindle/net/shell"; process.exit();' },
  { name: "a date that is given", text: "export const at = (ms: number): Date => new Date(ms);" },
  { name: "a test for a date", text: "export const a = (b: object): boolean => b instanceof Date;" },
  { name: "arithmetic", text: "export const a = (b: number): number => Math.max(b, 0);" },
  { name: "a digest", text: 'import { createHash } from "node:crypto"; export const a = createHash("sha1");' },
  { name: "a parameter called process", text: "export const a = (process: { id: number }): number => process.id;" },
  { name: "a property called process", text: "export const a = (b: { process: number }): number => b.process;" },
  { name: "a note with its issue", text: "// TODO #12 later" },
];

describe("the rules", () => {
  const faultsOf = (path: string, text: string): string[] => {
    const source = parseSource(path, text);
    return rules.flatMap(({ faults }) => faults(source));
  };
  it.each(bad)("find $name", ({ path = "net/src/a.ts", text, fault }) => {
    assert.match(faultsOf(path, text).join("\n"), fault);
  });
  it.each(good)("allow $name", ({ path = "net/src/a.ts", text }) => {
    assert.deepEqual(faultsOf(path, text), []);
  });

  it("find a workspace without DESIGN.md, a dependency without a reason, and one where none may be", () => {
    const manifest = { dependencies: { zod: "4" } };
    assert.match(dependencyFaults("api", manifest, undefined).join(), /no DESIGN/);
    assert.match(dependencyFaults("api", manifest, "- `zod`").join(), /no reason for zod/);
    assert.deepEqual(dependencyFaults("api", manifest, "- `zod`: schemas with a path in each error"), []);
    assert.match(dependencyFaults("bgp", manifest, "- `zod`: schemas with a path in each error").join(), /no run-time/);
    assert.match(undeclaredFaults("net", {}, new Set(["koffi"])).join(), /does not declare/);
  });
});
