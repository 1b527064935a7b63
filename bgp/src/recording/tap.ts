/**
 * What happens to a speaker that runs, for somebody who asks for it piece by piece: as a recording from the start, but
 * for its beginning, which tells the configuration and the peers as they were. Kept in memory and bounded; who does not
 * come back is forgotten. Passwords are no part of it.
 */
import type { PeerStatus } from "../control.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import { midwayHeader, type Recorded, recordingHeader, recordLine } from "./record.ts";

export interface RecordedPiece {
  /** To be named when asking for the next piece. */
  readonly id: number;
  readonly lines: readonly string[];
  /** Why there will be no more; `null` while it goes on. */
  readonly ended: string | null;
}

/** Its number where it begins with the speaker. */
export const firstRecording = 1;

/** Of text that waits to be fetched. */
export const waitingCharsMax: number = 32 * 2 ** 20;
export const forgottenAfterMs = 10_000;

export class Tap {
  #id = 0;
  #lines: string[] | null = null;
  #chars = 0;
  #askedMs = 0;
  #ended: string | null = null;

  /** Whether somebody wants to hear. */
  get isOpen(): boolean {
    return this.#lines !== null && this.#ended === null;
  }

  add(recorded: Recorded): void {
    if (!this.#lines || this.#ended !== null) return;
    if (recorded.nowMs - this.#askedMs > forgottenAfterMs) {
      this.#lines = null;
      return;
    }
    const line = recordLine(recorded);
    this.#chars += line.length;
    if (this.#chars > waitingCharsMax) this.#ended = `more than ${waitingCharsMax} characters were not fetched`;
    else this.#lines.push(line);
  }

  /** As the speaker begins: the recording can be played. */
  beginWithSpeaker(nowMs: number): void {
    this.#open(nowMs, [recordingHeader]);
  }

  /** A new one, in place of any other. */
  begin({
    config,
    peers,
    nowMs,
  }: {
    config: SpeakerConfig;
    peers: readonly PeerStatus[];
    nowMs: number;
  }): RecordedPiece {
    this.#open(nowMs, []);
    const known = recordLine({ nowMs, event: { type: "configure", config }, actions: [] });
    return { id: this.#id, lines: [midwayHeader(peers), known], ended: null };
  }

  #open(nowMs: number, lines: string[]): void {
    this.#id += 1;
    this.#ended = null;
    this.#chars = 0;
    this.#askedMs = nowMs;
    this.#lines = lines;
  }

  /** What came since the last time. `isLast`: no more is wanted. */
  take(id: number, { nowMs, isLast }: { readonly nowMs: number; readonly isLast: boolean }): RecordedPiece {
    if (id !== this.#id || !this.#lines)
      return { id, lines: [], ended: "another recording took its place, or it was not fetched in time" };
    const lines = this.#lines;
    const ended = this.#ended;
    this.#askedMs = nowMs;
    this.#chars = 0;
    this.#lines = isLast || ended !== null ? null : [];
    return { id, lines, ended };
  }
}
