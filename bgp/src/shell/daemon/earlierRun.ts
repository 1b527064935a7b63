/**
 * Whether this process takes the place of one that ran here a moment ago. A file beside the control socket says so: it
 * names the boot of the machine, and is touched while a daemon lives that wants its peers to keep its routes.
 */
import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** A process that was killed touched it at most so long ago when it died. */
const touchEveryMs = 5_000;

/**
 * For how long a daemon that takes over waits for its peers' tables before it decides: they dial within seconds, and one
 * that is down must not hold back what the others wait for.
 */
export const restartDeadlineSeconds = 15;

export class EarlierRun {
  readonly #path: string;
  #touching: NodeJS.Timeout | null = null;

  constructor(controlSocket: string) {
    this.#path = `${controlSocket}.boot`;
  }

  /**
   * Whether peers still keep what an earlier process told them (RFC 4724 §4.2: for the restart time) and this machine has
   * not been booted since, so that packets went on as before.
   */
  async isFollowed({ restartSeconds }: { readonly restartSeconds: number }): Promise<boolean> {
    try {
      const [boot, { mtimeMs }] = await Promise.all([readFile(this.#path, "utf8"), stat(this.#path)]);
      return boot === (await bootId()) && Date.now() - mtimeMs < restartSeconds * 1000 + touchEveryMs;
    } catch {
      return false;
    }
  }

  /** From now on a successor is one. Rejects where the folder of the socket cannot be written to. */
  async begin(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeFile(this.#path, await bootId(), { mode: 0o600 });
    this.#touching ??= setInterval(() => void touch(this.#path), touchEveryMs).unref();
  }

  /** Without `keeps`, a process that is started later is no successor: peers have let go of our routes. */
  async end({ keeps }: { readonly keeps: boolean }): Promise<void> {
    if (this.#touching) clearInterval(this.#touching);
    this.#touching = null;
    await (keeps ? touch(this.#path) : rm(this.#path, { force: true }));
  }
}

/** Another one after each start of the machine. */
async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {}); // Somebody took the file away: then there is no successor.
}
