/** What a speaker is made with, for good. */
import type { HashKey } from "../rib/keyedHash.ts";

export interface SpeakerOptions {
  /** Whether anybody wants to know of best routes (`bestChanged`), which costs a table a tenth of its time. */
  readonly tellsBest?: boolean;
  /** Random where peers are not trusted, else they may send what makes the table slow. */
  readonly hashKey?: HashKey;
}
