/** When a peer is dialled again after a failure, and whether its own dials are answered until then. */
import type { Past } from "../session/state.ts";
import type { SpeakerTimer } from "./event.ts";
import type { SpeakerPorts } from "./ports.ts";

export class Retry {
  /** What the machine that failed last knew, for the next one: how long to wait depends on it. */
  past: Past | undefined;
  /** The peer broke the protocol: until the retry, not even its own dials are answered. */
  refuses = false;
  readonly #ports: Pick<SpeakerPorts, "emit">;
  readonly #timer: SpeakerTimer;
  #awaited = false;

  constructor(peer: string, ports: Pick<SpeakerPorts, "emit">) {
    this.#timer = { of: "peer", peer, timer: "retry" };
    this.#ports = ports;
  }

  get isAwaited(): boolean {
    return this.#awaited;
  }

  /** Without a time: until somebody cancels it. */
  after(seconds: number | undefined): void {
    this.#awaited = true;
    if (seconds !== undefined) this.#ports.emit({ type: "arm", timer: this.#timer, seconds });
  }

  /** The time is over. */
  fired(): void {
    this.#awaited = false;
    this.refuses = false;
  }

  cancel(): void {
    if (this.#awaited) this.#ports.emit({ type: "disarm", timer: this.#timer });
    this.fired();
    this.past = undefined;
  }
}
