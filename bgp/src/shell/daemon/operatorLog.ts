/**
 * Lines for the operator, on standard output. The speaker waits for nobody who reads them: Node would write to a terminal
 * or a file before it goes on, and a held terminal holds for ever; of a pipe that nobody empties it would keep all.
 */
import { fstatSync, write } from "node:fs";
import { isatty } from "node:tty";

/** Characters, more or less. */
export const waitingMax: number = 2 ** 20;

/** Where nobody takes lines now: a full pipe is soon emptied, a disk has room again, or a pipe another reader, later. */
export const againMs: Readonly<Record<"full" | "broken", number>> = { full: 20, broken: 1_000 };

/** Lines that come so soon behind one another are written together: a thousand sessions may come up in half a second. */
export const gatherMs = 10;

/** As `fs.write` on a descriptor: calls back with how much was written, which may be less than all. */
export type WriteBytes = (
  bytes: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, writtenBytes: number) => void,
) => void;

export class OperatorLog {
  readonly #write: WriteBytes;
  /** What is being written, or was not taken. */
  #underWay: Buffer = Buffer.alloc(0);
  /** What comes behind it. */
  #behind = "";
  #isWriting = false;
  /** When the next write is due. */
  #due: NodeJS.Timeout | null = null;
  #left = 0;
  #onEmpty: () => void = () => {};

  constructor(write: WriteBytes) {
    this.#write = write;
  }

  line(text: string): void {
    if (this.#waits > waitingMax) {
      this.#left += 1;
      return;
    }
    if (this.#left > 0) this.#behind += `${this.#left} lines were left out here, since nobody took those before\n`;
    this.#left = 0;
    this.#behind += `${text}\n`;
    if (!this.#isWriting && !this.#due) this.#nextAfter(gatherMs);
  }

  /** Resolves when all is written, or after `deadlineMs`. */
  async drained({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    if (this.#waits === 0) return;
    if (!this.#isWriting) this.#nextAfter(0);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const deadline = setTimeout(resolve, deadlineMs);
    await promise;
    clearTimeout(deadline);
  }

  get #waits(): number {
    return this.#underWay.length + this.#behind.length;
  }

  #next(): void {
    if (this.#underWay.length === 0) {
      this.#underWay = Buffer.from(this.#behind);
      this.#behind = "";
    }
    this.#isWriting = true;
    this.#write(this.#underWay, (error, writtenBytes) => {
      this.#isWriting = false;
      if (error) {
        this.#nextAfter(error.code === "EAGAIN" ? againMs.full : againMs.broken);
        return;
      }
      this.#underWay = this.#underWay.subarray(writtenBytes);
      if (this.#waits === 0) this.#onEmpty();
      else this.#next();
    });
  }

  /** Who goes away does not wait for it, but for `drained`. */
  #nextAfter(ms: number): void {
    if (this.#due) clearTimeout(this.#due);
    this.#due = setTimeout(() => {
      this.#due = null;
      this.#next();
    }, ms).unref();
  }
}

/** A full disk, or a reader that goes away, ends no more than what is said meanwhile. */
export function standardOutput(): WriteBytes {
  const isWaitedFor = isatty(1) || fstatSync(1).isFile();
  // Node makes a pipe one that says EAGAIN where it is full, with the first look at it.
  if (!isWaitedFor) void process.stdout;
  return (bytes, done) => write(1, bytes, done);
}
