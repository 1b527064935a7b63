/**
 * DELs still to be done, a file each, in the directory where the executable puts them while no agent answers. What has
 * been kept survives a power cut: written, flushed, renamed, and the directory flushed too.
 */
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CniError } from "../error.ts";
import type { PendingDels } from "../ports.ts";
import { decodeRequest, encodeRequest, frameBytesMax, type RelayedRequest } from "../relay.ts";

export const pendingDirectory = "/var/lib/brindle/cni-pending";

export async function openPendingDels(directory: string = pendingDirectory): Promise<PendingDels> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o755 });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    keep: (key, request) => keep(directory, key, request),
    keys: async () => (await readdir(directory)).filter((name) => !name.startsWith(".")),
    // Asked at each ADD and DEL, and there is none most often: a question on this thread costs a tenth of one on another.
    read: async (key) => (existsSync(join(directory, key)) ? read(join(directory, key)) : null),
    remove: async (key) => {
      if (existsSync(join(directory, key))) await rm(join(directory, key), { force: true });
    },
  };
}

async function keep(directory: string, key: string, request: RelayedRequest): Promise<void> {
  const temporary = join(directory, `.agent.${key}`); // The executable's begin with its process id.
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(encodeRequest(request));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(directory, key));
  const parent = await open(directory, "r");
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function read(path: string): Promise<RelayedRequest | null> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (!bytes) return null;
  const request = bytes.length > frameBytesMax ? null : decodeRequest(bytes);
  // Neither the executable nor we leave half a file, so a person has put it there.
  if (!request) throw new CniError({ code: "DECODE", message: `${path} is no request that was kept: remove it` });
  return request;
}
