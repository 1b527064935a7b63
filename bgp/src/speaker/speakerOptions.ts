/** What a speaker is made with. */
import type { HashKey } from "../rib/keyedHash.ts";

export interface SpeakerOptions {
  /** Whether anybody wants to know of best routes (`bestChanged`), which costs a table a tenth of its time. May change between two events. */
  readonly tellsBest?: boolean;
  /** Random where peers are not trusted, else they may send what makes the table slow. */
  readonly hashKey?: HashKey;
}
