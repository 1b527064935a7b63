/** Writes a recording to a file that only its owner may read, at once and in order: a crash leaves all that led to it. */
import { closeSync, openSync, writeSync } from "node:fs";
import { BgpError, messageOf } from "../error.ts";
import { type Recorded, recordingHeader, recordLine } from "../recording/record.ts";

/** A recording is for looking at; a table that flaps for days must not fill the disk. */
const bytesMax = 512 * 1024 * 1024;

export class Recorder {
  readonly #file: number;
  #bytes = 0;
  #ended = false;

  constructor(path: string) {
    try {
      this.#file = openSync(path, "wx", 0o600);
    } catch (error) {
      throw new BgpError({ code: "FILE_INVALID", file: path, problems: [`cannot be made: ${messageOf(error)}`] });
    }
    this.#write(recordingHeader);
  }

  add(recorded: Recorded): void {
    if (!this.#ended) this.#write(recordLine(recorded));
  }

  close(): void {
    if (!this.#ended) closeSync(this.#file);
    this.#ended = true;
  }

  #write(line: string): void {
    this.#bytes += writeSync(this.#file, `${line}\n`);
    if (this.#bytes > bytesMax) this.close();
  }
}
