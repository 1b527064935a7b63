/** What goes between a speaker's thread and its owner's: plain data, as `postMessage` wants it. */
import type { BgpFailure } from "../error.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import type { RunningSpeaker, SpeakerListeners } from "./runningSpeaker.ts";
import type { StartOptions } from "./startSpeaker.ts";

type CallName = keyof RunningSpeaker;
type NoticeName = Exclude<keyof SpeakerListeners, "failed">;

/** What a thread is started with. */
export interface ThreadStart {
  readonly config: SpeakerConfig;
  readonly options: StartOptions;
}

export interface Call {
  readonly id: number;
  readonly name: CallName;
  readonly args: readonly unknown[];
}

export type FromThread =
  | { readonly type: "started" }
  | { readonly type: "returned"; readonly id: number; readonly value: unknown }
  /** `failure` where it is one of ours; of others only the text crosses. `id` 0 is the start. */
  | { readonly type: "threw"; readonly id: number; readonly failure: BgpFailure | null; readonly text: string }
  | { readonly type: "notice"; readonly name: NoticeName; readonly args: readonly unknown[] };
