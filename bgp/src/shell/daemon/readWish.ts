/**
 * The daemon's file, read by a process of its own. YAML of a thousand peers takes half a second, in which no keepalive may
 * wait, and memory of which the daemon would keep thirty megabytes; so it would from a thread that ended.
 */
import { type ExecFileException, execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { conditionsOf, entryBeside } from "@brindle/net/shell/threadEntry";
import { BgpError, type BgpFailure, messageOf } from "../../error.ts";
import type { ReadWish } from "./wishOf.ts";

export interface WishText {
  readonly text: string;
  /** Files that the text names are looked for beside it, and it stands in the text of problems. */
  readonly path: string;
}

export type FromWishProcess =
  | { readonly type: "read"; readonly wish: ReadWish }
  | { readonly type: "failed"; readonly failure: BgpFailure };

const answerBytesMax = 256 * 2 ** 20;
/** A thousand peers take a second on a busy machine. A file that it names may be one that never ends: a pipe, or on a share. */
const timeoutMsDefault = 60_000;

/** Rejects with a `BgpError` with every problem that the file has; what it says is right, else. */
export async function readWishFile(path: string): Promise<ReadWish> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new BgpError({ code: "FILE_INVALID", file: path, problems: [`cannot be read: ${messageOf(cause)}`] });
  }
  return readWish(text, path);
}

/** As `readWishFile`, for a text that may stand elsewhere. What is not read by `timeoutMs` is not waited for any longer. */
export async function readWish(
  text: string,
  path: string,
  { timeoutMs = timeoutMsDefault }: { readonly timeoutMs?: number } = {},
): Promise<ReadWish> {
  const answer: FromWishProcess = JSON.parse(await askedOfProcess({ text, path }, timeoutMs));
  if (answer.type === "failed") throw new BgpError(answer.failure);
  return answer.wish;
}

/** Passwords are in what it answers, and on no command line. */
function askedOfProcess(wish: WishText, timeoutMs: number): Promise<string> {
  const entry = entryBeside(import.meta.url, "wishProcess");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const args = [...conditionsOf(entry), fileURLToPath(entry)];
  const options = { maxBuffer: answerBytesMax, timeout: timeoutMs, killSignal: "SIGKILL" } as const;
  const child = execFile(process.execPath, args, options, (error, answer, said) => {
    process.off("exit", end);
    if (!error) return resolve(answer);
    const reason = reasonOf(error, said, timeoutMs);
    reject(new BgpError({ code: "FILE_NOT_READ", file: wish.path, reason }, { cause: error }));
  });
  const end = (): void => void child.kill("SIGKILL");
  process.on("exit", end);
  child.stdin?.on("error", () => {}); // It ended before it read: its exit code tells.
  child.stdin?.end(JSON.stringify(wish));
  return promise;
}

/** `killed` is its timeout, or an answer that is too long. */
function reasonOf({ killed, signal, code, message }: ExecFileException, said: string, timeoutMs: number): string {
  if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return "what it says is too much";
  if (killed)
    return `it took longer than ${timeoutMs / 1000} s: are the files that it names ordinary ones, and can they be read?`;
  const end = signal ? `by ${signal}` : `with ${typeof code === "number" ? `exit code ${code}` : message}`;
  const error = said.split("\n").find((line) => /^(\w*Error\b|FATAL ERROR)/.test(line));
  return `the process that reads it ended ${end}${error === undefined ? "" : `: ${error.trim()}`}`;
}
