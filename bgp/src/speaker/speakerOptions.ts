/** What a speaker is made with. */
import type { RibPorts } from "../rib/ribPorts.ts";

/** The hash key is random where peers are not trusted, else they may send what makes the table slow. */
export interface SpeakerOptions extends RibPorts {
  /** Whether anybody wants to know of best routes (`bestChanged`), which costs a table a tenth of its time. May change between two events. */
  readonly tellsBest?: boolean;
}
