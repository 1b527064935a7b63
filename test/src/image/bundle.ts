/** Our code as the image has it: JavaScript without a `node_modules`, and what it was made of. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { fileEntry, textEntry } from "../oci/entries.ts";
import type { TarEntry } from "../oci/tar.ts";
import { bundleEntries, bundlePath, licensesPath } from "./recipe.ts";

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** As its package.json says it, an SPDX expression. */
  readonly license: string;
  /** From the root of the tree. */
  readonly folder: string;
}

export interface Bundle {
  readonly entries: readonly TarEntry[];
  readonly packages: readonly NpmPackage[];
}

/** Modules of CommonJS that went into a module of ECMAScript still ask for these. */
const commonJs = [
  'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);',
  "const { filename: __filename, dirname: __dirname } = import.meta;",
].join("\n");

/**
 * Importing `node:http` reads all of its exports, and one of them loads a client of WebSockets: 45 ms of every start.
 * Asked for as a module of CommonJS it reads none.
 */
const lazyHttp: Plugin = {
  name: "lazy-http",
  setup(building) {
    const namespace = "builtin";
    building.onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({ path, namespace }));
    building.onLoad({ filter: /./, namespace }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/** Not minified: a stack trace in a log names functions. */
export async function bundle(root: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { ...bundleEntries },
    outdir: bundlePath,
    bundle: true,
    // A command loads what it imports when it runs, and no more.
    splitting: true,
    chunkNames: "[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node26",
    conditions: ["brindle-source"],
    plugins: [lazyHttp],
    banner: { js: commonJs },
    metafile: true,
    write: false,
  });
  const files = outputFiles.map(({ path, contents }): TarEntry => {
    const place = join(bundlePath, basename(path));
    return { kind: "file", path: place, mode: 0o644, size: contents.length, content: contents };
  });
  const packages = await bundledPackages(metafile, root);
  return { entries: [textEntry(join(bundlePath, "package.json"), '{ "type": "module" }\n'), ...files], packages };
}

/** Packages of npm with at least a line in the bundle, in the order of their folders. */
async function bundledPackages({ outputs }: Metafile, root: string): Promise<NpmPackage[]> {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  const folders = used.flatMap(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return Promise.all([...new Set(folders)].sort().map((folder) => npmPackage(folder, root)));
}

export async function npmPackage(folder: string, root: string): Promise<NpmPackage> {
  const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
  return { name, version, license, folder };
}

/** The texts of the packages' licenses: most ask that they go where the code goes. */
export async function licenseEntries(packages: readonly NpmPackage[], root: string): Promise<TarEntry[]> {
  const entries = packages.map(async ({ name, version, folder }) => {
    const texts = (await readdir(join(root, folder))).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
    return Promise.all(
      texts.map(async (file): Promise<TarEntry> => {
        const path = join(licensesPath, `${name}@${version}`, file);
        return { ...(await fileEntry(join(root, folder, file), path)), mode: 0o644 };
      }),
    );
  });
  return (await Promise.all(entries)).flat();
}
