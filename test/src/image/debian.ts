/**
 * Files of the Debian packages that this machine has, as their packages brought them: a file that differs from what
 * its package says is refused, so that the same versions give the same bytes on every machine.
 */
import { createHash } from "node:crypto";
import { glob, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { exec, run } from "../fixtures/command.ts";
import { FixtureError } from "../fixtures/error.ts";
import { fileEntry } from "../oci/entries.ts";
import type { TarEntry } from "../oci/tar.ts";

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

export interface DebianFiles {
  readonly entries: readonly TarEntry[];
  readonly packages: readonly DebianPackage[];
}

/** Paths are relative to the root, of the machine and of the image alike. A link is followed. */
export async function debianFiles(paths: readonly string[]): Promise<DebianFiles> {
  const real = await Promise.all(paths.map((path) => realpath(join("/", path))));
  const owners = await ownersOf([...new Set(real)]);
  const names = [...new Set(owners.values())].sort();
  for (const name of names)
    await verify(
      name,
      real.filter((path) => owners.get(path) === name),
    );
  const packages = await Promise.all(names.map(describePackage));
  return {
    entries: [
      ...(await Promise.all(paths.map((path) => fileEntry(join("/", path), path)))),
      ...(await Promise.all(packages.map(({ name }) => copyright(name)))),
    ],
    packages,
  };
}

/** Files below the root that match, in the order of their names. */
export async function installedFiles(pattern: string): Promise<string[]> {
  const found = (await Array.fromAsync(glob(pattern, { cwd: "/" }))).sort();
  if (found.length === 0) throw unexpected("an installed package", `/${pattern}`, "no such file");
  return found;
}

/** The libraries that programs are linked to, the loader among them, as paths of the image. */
export async function librariesOf(programs: readonly string[]): Promise<string[]> {
  // It fails for what is linked to nothing, and goes on with the others.
  const { stdout } = await run("ldd", programs);
  const missing = /^\t(\S+) => not found$/m.exec(stdout);
  if (missing) throw unexpected("an installed library", missing[1] ?? "", "not found");
  const found = [...stdout.matchAll(/^\t(?:\S+ => )?\/(?:usr\/)?(\S+) \(0x/gm)].map(([, path]) => `usr/${path}`);
  return [...new Set(found)].sort();
}

/** The package of each file. dpkg knows some by the path of before `/usr` was merged. */
async function ownersOf(paths: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await run("dpkg-query", ["-S", ...paths.flatMap((path) => [path, withoutUsr(path)])]);
  const owners = new Map<string, string>();
  for (const [, name = "", path = ""] of stdout.matchAll(/^([^\s,]+): (\/.*)$/gm)) owners.set(withoutUsr(path), name);
  return new Map(
    paths.map((path) => {
      const owner = owners.get(withoutUsr(path));
      if (owner === undefined) throw unexpected("the owner of a file", path, "of no Debian package");
      return [path, owner];
    }),
  );
}

async function verify(name: string, paths: readonly string[]): Promise<void> {
  const list = await exec("dpkg-query", ["--control-show", name, "md5sums"]);
  const expected = new Map(
    [...list.matchAll(/^([0-9a-f]{32}) {2}(.*)$/gm)].map(([, sum, path]) => [withoutUsr(`/${path}`), sum]),
  );
  for (const path of paths) {
    const sum = createHash("md5")
      .update(await readFile(path))
      .digest("hex");
    if (expected.get(withoutUsr(path)) !== sum) {
      throw unexpected("an unchanged file", path, `not as the package ${name} brought it: install that again`);
    }
  }
}

async function describePackage(name: string): Promise<DebianPackage> {
  const fields = ["Package", "Version", "Architecture"].map((field) => `\${${field}}`).join("\t");
  const text = await exec("dpkg-query", ["-W", "-f", fields, name]);
  const [plain = "", version = "", architecture = ""] = text.split("\t");
  return { name: plain, version, architecture };
}

/** The terms under which we may hand a package on ask that they go along. */
function copyright(name: string): Promise<TarEntry> {
  const path = `usr/share/doc/${name}/copyright`;
  return fileEntry(join("/", path), path);
}

function withoutUsr(path: string): string {
  return path.replace(/^\/usr\//, "/");
}

function unexpected(what: string, expected: string, seen: string): FixtureError {
  return new FixtureError({ code: "EXPECTED", what, expected, seen });
}
