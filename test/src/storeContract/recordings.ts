/** What a real Calico stored, where the recordings are at hand: beside the repository, in `shared/data`. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Recorded {
  readonly key: string;
  readonly text: string;
}

/** `null` where there are none. */
export function recordedKeys(): readonly Recorded[] | null {
  const path = findUpwards(join("shared", "data", "calico", "etcd", "keys.txt"), import.meta.dirname);
  if (path === null) return null;
  const lines = readFileSync(path, "utf8").split("\n");
  const recorded: Recorded[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) recorded.push({ key: lines[i] ?? "", text: lines[i + 1] ?? "" });
  return recorded;
}

function findUpwards(path: string, from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, path))) return join(folder, path);
    if (folder === dirname(folder)) return null;
  }
}
