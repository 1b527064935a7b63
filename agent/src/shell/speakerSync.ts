/** Keeps the BGP speaker, in a thread of its own, at what the datastore says. */
import { isDeepStrictEqual } from "node:util";
import type { NextHopFact, OwnRoute, PeerStatus, SpeakerConfig } from "@brindle/bgp";
import { type RunningSpeaker, type SpeakerListeners, startSpeakerThread } from "@brindle/bgp/shell";
import { messageOf } from "../error.ts";
import type { Said } from "../status.ts";
import { CoalescedWork } from "./coalescedWork.ts";

export type SpeakerWish =
  | {
      readonly kind: "clear";
      readonly config: SpeakerConfig;
      readonly originated: readonly (string | OwnRoute)[];
      /** False while a password is still asked for: peers will come to it. */
      readonly isWhole: boolean;
    }
  /** The datastore does not say what the speaker is to be: what runs goes on as it is. */
  | { readonly kind: "unclear"; readonly reason: Said };

export interface SpeakerSyncPorts {
  readonly wish: () => SpeakerWish;
  readonly listeners: SpeakerListeners;
  readonly onHealth: (problem: Said | null) => void;
}

/** For how long a speaker waits for passwords before it begins without those peers: what they would tell is missed then. */
const passwordsMsMax = 5_000;

/**
 * For how long a speaker that takes over from a killed one waits for its peers' tables before it decides: they dial
 * within seconds, and one that is down must not keep new pods from being announced.
 */
const restartDeadlineSeconds = 15;

/** A node that gets hundreds of pods has few new prefixes to tell, and looks for them no oftener than so. */
const restMs = 50;

export class SpeakerSync {
  readonly #ports: SpeakerSyncPorts;
  readonly #work: CoalescedWork;
  readonly #isRestart: boolean;
  #speaker: RunningSpeaker | null = null;
  #known: { config: SpeakerConfig; originated: readonly (string | OwnRoute)[] | null } | null = null;
  #facts: readonly NextHopFact[] = [];
  #waitsUntilMs: number | null = null;

  constructor({ isRestart }: { readonly isRestart: boolean }, ports: SpeakerSyncPorts) {
    this.#isRestart = isRestart;
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#sync(),
      restMs,
      onFailure: (error) => ports.onHealth(messageOf(error)),
    });
  }

  changed(): void {
    this.#work.ask();
  }

  nextHops(facts: readonly NextHopFact[]): void {
    this.#facts = facts;
    this.#speaker?.nextHops(facts).catch((error: unknown) => this.#ports.onHealth(messageOf(error)));
  }

  async peers(): Promise<readonly PeerStatus[]> {
    return (await this.#speaker?.peers()) ?? [];
  }

  /** `null` before the node's addresses are known, and at the end. */
  get running(): RunningSpeaker | null {
    return this.#speaker;
  }

  /** Without a NOTIFICATION: peers keep our routes as long as they have agreed to, and the kernel goes on. */
  async end(): Promise<void> {
    await this.#work.end();
    const speaker = this.#speaker;
    this.#speaker = null; // Whoever still tells or asks something meets no speaker, not one that refuses.
    await speaker?.stop({ keepForwarding: true });
  }

  async #sync(): Promise<void> {
    const wish = this.#ports.wish();
    if (wish.kind === "unclear") return this.#ports.onHealth(wish.reason);
    const { config, originated, isWhole } = wish;
    if (!this.#speaker && !isWhole && this.#waits()) return;
    if (!this.#speaker) await this.#start(config);
    else if (!isDeepStrictEqual(config, this.#known?.config)) await this.#configure(config);
    if (!isDeepStrictEqual(originated, this.#known?.originated)) await this.#speaker?.originate(originated);
    this.#known = { config, originated };
    this.#ports.onHealth(null);
  }

  #waits(): boolean {
    this.#waitsUntilMs ??= performance.now() + passwordsMsMax;
    const leftMs = this.#waitsUntilMs - performance.now();
    if (leftMs <= 0) return false;
    setTimeout(() => this.#work.ask(), leftMs).unref();
    return true;
  }

  async #start(config: SpeakerConfig): Promise<void> {
    const restarting = this.#isRestart ? { restarting: { deadlineSeconds: restartDeadlineSeconds } } : {};
    this.#speaker = await startSpeakerThread({ ...config, ...restarting }, this.#ports.listeners);
    this.#known = { config, originated: null };
    await this.#speaker.nextHops(this.#facts);
  }

  async #configure(config: SpeakerConfig): Promise<void> {
    await this.#speaker?.configure(config);
    this.#known = { config, originated: this.#known?.originated ?? null };
  }
}
