/** What files of this machine become in a layer. Owners, times and extended attributes are left out. */
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { File, TarEntry } from "./tar.ts";

/** All of a folder, at `at` of the image, names in the order of their bytes. Devices, sockets and pipes are left out. */
export async function entriesOf(folder: string, at = ""): Promise<TarEntry[]> {
  const names = (await readdir(folder)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const entries: TarEntry[] = [];
  for (const name of names) entries.push(...(await entriesAt(join(folder, name), join(at, name))));
  return entries;
}

async function entriesAt(source: string, path: string): Promise<TarEntry[]> {
  const found = await lstat(source);
  const mode = found.mode & 0o7777;
  if (found.isDirectory()) return [{ kind: "directory", path, mode }, ...(await entriesOf(source, path))];
  if (found.isSymbolicLink()) return [{ kind: "symlink", path, target: await readlink(source) }];
  return found.isFile() ? [{ kind: "file", path, mode, size: found.size, content: source }] : [];
}

/** One file at `path` of the image; a link is followed. */
export async function fileEntry(source: string, path: string): Promise<File> {
  const { mode, size } = await stat(source);
  return { kind: "file", path, mode: mode & 0o7777, size, content: source };
}

export function textEntry(path: string, text: string, mode = 0o644): File {
  const content = Buffer.from(text);
  return { kind: "file", path, mode, size: content.length, content };
}

/** The folders above the entries of a layer, before what is in them; each once, and none that is there already. */
export function withParents(entries: readonly TarEntry[]): TarEntry[] {
  const known = new Set(entries.filter((entry) => entry.kind === "directory").map((entry) => entry.path));
  return entries.flatMap((entry) => {
    const missing: TarEntry[] = [];
    for (let path = dirname(entry.path); path !== "." && !known.has(path); path = dirname(path)) {
      known.add(path);
      missing.unshift({ kind: "directory", path, mode: 0o755 });
    }
    return [...missing, entry];
  });
}
