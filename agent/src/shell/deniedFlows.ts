/**
 * Hears from the kernel what policy denies, and tells it to whoever watches. The rule in the kernel lets no more than so
 * many a second come here, and so does this, since IPv4 and IPv6 have a rule each; the packets of others are only counted.
 */
import type { DeniedFlow, DeniedFlowLine, FlowToDeny } from "@brindle/api";
import { type Address, decodeIpPacket, type LoggedPacket } from "@brindle/net";
import type { LogSocket, LogSocketOptions } from "@brindle/net/shell";
import {
  type ChainVerdict,
  type ChainVerdicts,
  deniedLogGroup,
  type Packet,
  type StagedVerdict,
} from "@brindle/policy";
import { messageOf } from "../error.ts";
import { denialPlace, deniedFlow, flowToDeny } from "../graph/deniedFlow.ts";
import { TokenBucket } from "../graph/tokenBucket.ts";
import { Watchers } from "./watchers.ts";

export interface DeniedFlowPorts {
  open(options: LogSocketOptions): Promise<LogSocket>;
  nowMs(): number;
  /** Of what is in force now. */
  verdicts(): ChainVerdicts | null;
  podAt(address: Address): string | undefined;
  /** What an interface is called; `null` for one that is gone. */
  interfaceName(index: number): string | null;
  /** What staged policies would make of what chains judge so; `null` for nothing else. */
  staged(judge: (verdicts: ChainVerdicts) => ChainVerdict | null): StagedVerdict | null;
  /** Somebody watches, or nobody does any more. */
  readonly onWatched: (isWatched: boolean) => void;
  /** `null` when packets are heard, or need not be. */
  readonly onHealth: (problem: string | null) => void;
}

/** Since the start. */
export interface DeniedFlowCounts {
  /** Heard from the kernel. */
  readonly heard: number;
  /** Heard, and more than may be told. */
  readonly held: number;
  /** Lost between the kernel and us. */
  readonly lost: number;
}

/** As much as the rule has the kernel hand over. */
const copyBytes = 128;
/** A turn of the loop for 32 of them or a tenth of a second, whatever is first. */
const gatherMax = 32;
const gatherCentiseconds = 10;
const retryMs = 10_000;

type Told = { readonly flow: DeniedFlow } | { readonly wouldDeny: FlowToDeny };

export class DeniedFlows {
  readonly #ports: DeniedFlowPorts;
  readonly #watchers = new Watchers<Told>();
  readonly #bucket = new TokenBucket(0);
  #perSecond = 0;
  #socket: LogSocket | null = null;
  #opening: Promise<void> | null = null;
  #retry: NodeJS.Timeout | undefined;
  #isEnded = false;
  #counts: DeniedFlowCounts = { heard: 0, held: 0, lost: 0 };

  constructor(ports: DeniedFlowPorts) {
    this.#ports = ports;
  }

  /** 0: nothing is heard any more. */
  setRate(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#bucket.setRate(perSecond);
    if (perSecond > 0) void this.#open();
    else this.#close();
  }

  get isOn(): boolean {
    return this.#perSecond > 0;
  }

  counts(): DeniedFlowCounts {
    return this.#counts;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<DeniedFlowLine> {
    const lines = this.#watchers.watch(signal);
    this.#ports.onWatched(true);
    try {
      for await (const line of lines) yield "missed" in line ? line : line.value;
    } finally {
      if (this.#watchers.size === 0) this.#ports.onWatched(false);
    }
  }

  /** A flow that was allowed, and that staged policies would deny. */
  wouldDeny(packet: Packet, staged: StagedVerdict): void {
    if (this.#watchers.size === 0 || !this.isOn) return;
    const atMs = this.#ports.nowMs();
    const { podAt } = this.#ports;
    if (!this.#bucket.take(atMs)) this.#watchers.missed(1);
    else this.#watchers.tell({ wouldDeny: flowToDeny({ atMs, packet, staged, podAt }) });
  }

  /** Some of those that would be denied were not heard. */
  missed(count: number): void {
    this.#watchers.missed(count);
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#opening;
    this.#close();
  }

  #open(): Promise<void> {
    if (this.#socket || this.#isEnded) return Promise.resolve();
    this.#opening ??= this.#tryToOpen().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #tryToOpen(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      const socket = await this.#ports.open({
        group: deniedLogGroup,
        copyBytes,
        gatherMax,
        gatherCentiseconds,
        onPacket: (packet) => this.#onPacket(packet),
        onLost: (count) => this.#onLost(count),
      });
      this.#socket = socket;
      if (!this.isOn || this.#isEnded) this.#close();
      this.#ports.onHealth(null);
    } catch (error) {
      this.#ports.onHealth(`denied flows are not told: ${messageOf(error)}`);
      if (!this.#isEnded) this.#retry = setTimeout(() => this.isOn && void this.#open(), retryMs).unref();
    }
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#socket = null;
  }

  #onPacket(logged: LoggedPacket): void {
    const { payload } = logged;
    this.#count({ heard: 1 });
    if (this.#watchers.size === 0) return;
    const packet = decodeIpPacket(payload);
    const atMs = this.#ports.nowMs();
    if (!packet || !this.#bucket.take(atMs)) {
      this.#count({ held: 1 });
      this.#watchers.missed(1);
      return;
    }
    const { podAt, interfaceName } = this.#ports;
    const place = denialPlace(logged, interfaceName);
    const judge = (verdicts: ChainVerdicts): ChainVerdict | null =>
      place ? verdicts.at(place, packet) : verdicts.of({ packet });
    const verdicts = this.#ports.verdicts();
    const staged = this.#ports.staged(judge);
    this.#watchers.tell({ flow: deniedFlow({ atMs, packet, verdict: verdicts && judge(verdicts), staged, podAt }) });
  }

  #onLost(count: number): void {
    this.#count({ lost: count });
    this.#watchers.missed(count);
  }

  #count(more: Partial<DeniedFlowCounts>): void {
    const { heard, held, lost } = this.#counts;
    this.#counts = {
      heard: heard + (more.heard ?? 0),
      held: held + (more.held ?? 0),
      lost: lost + (more.lost ?? 0),
    };
  }
}
