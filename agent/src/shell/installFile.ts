/**
 * Puts a file where a container runtime looks for it. The runtime sees the old file or the new one, also after a power
 * cut: written beside, flushed, renamed, and the directory flushed too.
 */
import { open, readFile, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** False when the very same is there already: then nothing is written. The directory must exist. */
export async function installFile(source: string, target: string, mode: number): Promise<boolean> {
  return installContent(await readFile(source), target, mode);
}

/** The same of what is in no file. */
export async function installContent(content: Buffer, target: string, mode: number): Promise<boolean> {
  if (await isInstalled(target, content, mode)) return false;
  // Runtimes pass over names that begin with a dot. One that was cut off is overwritten.
  const temporary = join(dirname(target), `.${basename(target)}.new`);
  await using file = await open(temporary, "w", mode);
  await file.chmod(mode); // Whatever the umask is.
  await file.writeFile(content);
  await file.sync();
  await rename(temporary, target);
  await using directory = await open(dirname(target), "r");
  await directory.sync();
  return true;
}

async function isInstalled(target: string, content: Buffer, mode: number): Promise<boolean> {
  const [found, present] = await Promise.all([stat(target).catch(() => null), readFile(target).catch(() => null)]);
  return found !== null && (found.mode & 0o777) === mode && present !== null && content.equals(present);
}
