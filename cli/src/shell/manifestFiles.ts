/** Reads manifests from files, folders and standard input. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { failed } from "../error.ts";
import type { ManifestFile } from "../ports.ts";

export interface ReadOptions {
  readonly recursive: boolean;
}

/** In the order of the paths; within a folder in that of the names. */
export async function readManifestFiles(
  paths: readonly string[],
  options: ReadOptions,
): Promise<readonly ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const path of paths) {
    if (path === "-") files.push(fileOf("standard input", await textOf(process.stdin)));
    else files.push(...(await readPath(path, options)));
  }
  return files;
}

function fileOf(name: string, text: string): ManifestFile {
  return { name, text, path: resolve(name) };
}

async function readPath(path: string, options: ReadOptions): Promise<ManifestFile[]> {
  try {
    const names = (await stat(path)).isDirectory() ? await namesIn(path, options) : [path];
    return await Promise.all(names.map(async (name) => fileOf(name, await readFile(name, "utf8"))));
  } catch (error) {
    const { code, path: culprit = path } = error as NodeJS.ErrnoException;
    throw failed(`cannot read ${culprit}: ${reasons[code ?? ""] ?? code}`, { cause: error });
  }
}

async function namesIn(folder: string, { recursive }: ReadOptions): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive });
  return entries
    .filter((entry) => !entry.isDirectory() && /\.(ya?ml|json)$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "you may not read it",
};
