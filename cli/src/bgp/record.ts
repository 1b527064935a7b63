/** `bgp record`: what happens to the speaker for a while, fetched piece by piece. */
import type { ExitCode } from "../command.ts";
import { failed, usage } from "../error.ts";
import type { Ports } from "../ports.ts";

export interface RecordOptions {
  readonly for: string;
  readonly to: string;
  /** Sessions end for it, and it can be played. */
  readonly afresh?: true;
}

interface Piece {
  readonly id: number;
  readonly lines: readonly string[];
  readonly ended: string | null;
}

const everyMs = 500;

export async function record({ for: text, to: path, afresh }: RecordOptions, ports: Ports): Promise<ExitCode> {
  const endMs = ports.nowMs() + durationMs(text);
  let count = 0;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let id: number | null = null; ; ) {
      const isLast = id !== null && ports.nowMs() >= endMs;
      const query = { id, isLast, ...(afresh && id === null && { afresh }) };
      const piece = (await ports.callAgent("bgp.record", query)) as Piece; // What is promised to answer.
      count += piece.lines.length;
      yield Buffer.from(piece.lines.map((line) => `${line}\n`).join(""));
      if (piece.ended !== null) throw failed(`the recording ended early: ${piece.ended}`);
      if (isLast) return;
      id = piece.id;
      await ports.sleep(everyMs);
    }
  }
  await ports.writeNewFile(path, pieces());
  ports.print(`${path}: ${count} lines`);
  return 0;
}

function durationMs(text: string): number {
  const [, number, unit] = /^(\d{1,4})(s|m)$/.exec(text) ?? [];
  const ms = Number(number) * (unit === "m" ? 60_000 : 1000);
  if (!(ms >= 1000 && ms <= 3_600_000)) throw usage(`--for ${text} is no duration like 30s or 5m, an hour at most`);
  return ms;
}
