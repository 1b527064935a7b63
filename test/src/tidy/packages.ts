/** What a workspace's package.json says, as far as these rules read it. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const withoutDependencies = ["bgp", "policy"];

/** A dependency has a reason in DESIGN.md; `bgp` and `policy` have none to give. */
export function dependencyFaults(workspace: string, manifest: Manifest, design: string | undefined): string[] {
  const foreign = Object.keys(manifest.dependencies ?? {}).filter((name) => !name.startsWith("@brindle/"));
  if (design === undefined) return [`${workspace} has no DESIGN.md`];
  if (withoutDependencies.includes(workspace) && foreign.length > 0) {
    return [`${workspace} depends on ${foreign.join(", ")}; it has no run-time dependency but ours and Node's`];
  }
  return foreign
    .filter((name) => !hasReason(design, name))
    .map((name) => `${workspace}/DESIGN.md gives no reason for ${name}`);
}

/** A line that names it in backticks and goes on for some words. */
function hasReason(design: string, name: string): boolean {
  return design.split("\n").some(
    (line) =>
      line.includes(`\`${name}\``) &&
      line
        .replaceAll(/`[^`]*`/g, "")
        .trim()
        .split(/\s+/).length >= 4,
  );
}

/** What sources import must be declared where they are. `vitest` is the root's. */
export function undeclaredFaults(workspace: string, manifest: Manifest, imported: ReadonlySet<string>): string[] {
  const declared = { ...manifest.dependencies, ...manifest.devDependencies };
  return [...imported]
    .filter((name) => !(name in declared) && name !== "vitest" && name !== `@brindle/${workspace}`)
    .map((name) => `${workspace} imports ${name} and does not declare it`);
}

/** `@scope/name/part` and `name/part` are of the package before the part. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
