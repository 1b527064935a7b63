/** What goes between the speaker's thread and BFD's: plain data. */
import type { BfdPath } from "../bfd/paths.ts";
import type { PathStatus } from "../bfd/status.ts";

export type ToBfd =
  /** Once more for a peer that is watched: with other values from now on. */
  | { readonly type: "watch"; readonly peer: string; readonly path: BfdPath }
  | { readonly type: "unwatch"; readonly peer: string }
  /** The end of the thread. `quietly`: other sides are to find out by themselves. */
  | { readonly type: "end"; readonly quietly: boolean };

export type FromBfd =
  | { readonly type: "ready" }
  | { readonly type: "status"; readonly peer: string; readonly status: PathStatus };
