import { importsOf, mayHaveEffects, resolveImport, type Source } from "./source.ts";

/** ARCHITECTURE.md, "Workspaces": what each may import. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  net: [],
  api: ["net"],
  bgp: ["net"],
  ipam: ["net", "api"],
  policy: ["net", "api"],
  cni: ["net", "api", "ipam"],
  agent: ["net", "api", "bgp", "ipam", "policy", "cni"],
  cli: ["net", "api", "ipam", "policy"],
  test: ["net", "api", "bgp", "ipam", "policy", "cni", "agent", "cli"],
};

/** Of these workspaces the types alone. */
const typesOnly: Readonly<Record<string, readonly string[]>> = { cli: ["bgp"] };

export function importFaults(source: Source): string[] {
  return importsOf(source.tree).flatMap(({ specifier, typeOnly }) => {
    const fault = specifier.startsWith(".")
      ? relativeFault(source, specifier)
      : workspaceFault(source, specifier, typeOnly);
    return fault === undefined ? [] : [`${source.path}: ${fault}`];
  });
}

function relativeFault(source: Source, specifier: string): string | undefined {
  const target = resolveImport(source, specifier);
  if (!target.startsWith(`${source.workspace}/`)) return `${specifier} leaves the workspace: import @brindle/…`;
  const intoShell = target.startsWith(`${source.workspace}/src/shell/`);
  if (intoShell && !reachesShell(source)) return `${specifier} reaches into shell/, which only shell/ and main.ts may`;
  return undefined;
}

function workspaceFault(source: Source, specifier: string, typeOnly: boolean): string | undefined {
  const [, workspace, rest = ""] = /^@brindle\/([^/]+)(.*)$/.exec(specifier) ?? [];
  if (workspace === undefined || workspace === source.workspace) return undefined;
  const isOfShell = rest === "/shell" || rest.startsWith("/shell/"); // Which there are, package.json says.
  if (rest !== "" && !isOfShell) return `${specifier} is a deep import: a workspace is its index and its ./shell`;
  if (isOfShell && !reachesShell(source)) return `${specifier} is for shell/ and main.ts alone`;
  if (mayImport[source.workspace]?.includes(workspace)) return undefined;
  if (typesOnly[source.workspace]?.includes(workspace)) {
    return typeOnly ? undefined : `${specifier} may be imported for its types alone`;
  }
  return `${source.workspace} may not import ${workspace}`;
}

/** The tests of `test` are all effect. A test beside a file of the shell is in shell/ itself. */
function reachesShell(source: Source): boolean {
  return mayHaveEffects(source) || source.workspace === "test";
}
