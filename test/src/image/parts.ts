/** Gathers the image's parts from this machine: a layer each, what changes seldom first. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { exec } from "../fixtures/command.ts";
import { fileEntry, textEntry } from "../oci/entries.ts";
import type { TarEntry } from "../oci/tar.ts";
import { type Bundle, bundle, licenseEntries, npmPackage } from "./bundle.ts";
import { type DebianFiles, debianFiles, installedFiles, librariesOf } from "./debian.ts";
import * as recipe from "./recipe.ts";
import { sbom } from "./sbom.ts";

export interface Part {
  readonly name: string;
  readonly entries: readonly TarEntry[];
}

export interface Parts {
  readonly version: string;
  readonly parts: readonly Part[];
  readonly sbom: string;
}

/** `scratch` is a folder for what is made on the way; the parts point into it. */
export async function gatherParts(root: string, scratch: string): Promise<Parts> {
  const { version, devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const node = await stripped(join(root, "node_modules/node/bin/node"), join(scratch, "node"));
  const files = recipe.packageFiles(process.arch);
  const native = await packageEntries(
    files.filter((file) => file.native),
    root,
  );
  const code = await bundle(root);
  const { base, tools, authorities } = await systemParts([node, ...native.map(({ source }) => source)]);
  const packages = await withNatives(code, root);
  const text = sbom({
    version,
    node: { version: devDependencies.node, sha256: await sha256Of(node) },
    npm: packages,
    debian: distinct([base, tools, authorities]),
  });
  const own = [
    ...code.entries,
    ...(
      await packageEntries(
        files.filter((file) => !file.native),
        root,
      )
    ).map(({ entry }) => entry),
    ...(await licenseEntries(packages, root)),
    ...recipe.launchers,
    await plain(join(root, "cni/shim/build/brindle"), recipe.cniExecutablePath, 0o755),
    await plain(join(root, "manifests/10-brindle.conflist"), recipe.networkListPath),
    textEntry(recipe.sbomPath, text),
  ];
  const parts = [
    { name: "libc and libstdc++", entries: [...recipe.skeleton, ...base.entries] },
    { name: "iptables, ipset, conntrack, iproute2", entries: [...recipe.iptablesNames, ...tools.entries] },
    { name: "certificates of authorities", entries: authorities.entries },
    { name: `Node ${devDependencies.node}`, entries: [await plain(node, recipe.nodePath, 0o755)] },
    { name: "native files of koffi and netlink", entries: native.map(({ entry }) => entry) },
    { name: "agent, brindlectl, CNI executable", entries: own },
  ];
  return { version, parts, sbom: text };
}

interface SystemParts {
  readonly base: DebianFiles;
  readonly tools: DebianFiles;
  readonly authorities: DebianFiles;
}

/** What is of Debian: each library once, with Node where Node needs it. */
async function systemParts(nodePrograms: readonly string[]): Promise<SystemParts> {
  const extensions = await installedFiles(recipe.toolExtensions);
  const base = await librariesOf(nodePrograms);
  const further = await librariesOf([...recipe.tools, ...extensions].map((path) => join("/", path)));
  const tools = [...recipe.tools, ...extensions, ...further.filter((path) => !base.includes(path))];
  return { base: await debianFiles(base), tools: await debianFiles(tools), authorities: await authoritiesPart() };
}

/** One file of all authorities, as programs look for it. */
async function authoritiesPart(): Promise<DebianFiles> {
  const paths = await installedFiles(recipe.authorities);
  const { entries, packages } = await debianFiles(paths);
  const texts = await Promise.all(paths.map((path) => readFile(join("/", path), "utf8")));
  const copyrights = entries.filter(({ path }) => !paths.includes(path));
  return { entries: [textEntry(recipe.authoritiesBundle, texts.join("")), ...copyrights], packages };
}

/** Symbols of the executable are for a debugger: a quarter of its size. What it exports to native files stays. */
async function stripped(source: string, target: string): Promise<string> {
  await exec("strip", ["-o", target, source]);
  return target;
}

async function packageEntries(
  files: ReturnType<typeof recipe.packageFiles>,
  root: string,
): Promise<{ source: string; entry: TarEntry }[]> {
  return Promise.all(
    files.map(async (file) => {
      const source = join(root, "node_modules", file.package, file.file);
      return { source, entry: await plain(source, file.path) };
    }),
  );
}

/** The package of a native file has no line in the bundle. */
async function withNatives({ packages }: Bundle, root: string): Promise<Bundle["packages"]> {
  const folders = recipe.packageFiles(process.arch).map((file) => join("node_modules", file.package));
  const missing = [...new Set(folders)].filter((folder) => !packages.some((known) => known.folder === folder));
  return [...packages, ...(await Promise.all(missing.map((folder) => npmPackage(folder, root))))];
}

/** A file of the tree with a mode of ours: that of a checkout depends on whose umask it was. */
async function plain(source: string, path: string, mode = 0o644): Promise<TarEntry> {
  return { ...(await fileEntry(source, path)), mode };
}

function distinct(files: readonly DebianFiles[]): DebianFiles["packages"] {
  const all = files.flatMap(({ packages }) => packages);
  return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
