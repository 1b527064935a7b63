/**
 * Ends open flows that policy has come to deny (`killEstablishedOnDeny`): looks through the flows of the node after each
 * change that came into force, and marks those that are denied. No oftener than leaves most of the time for all else.
 */
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import type { Flow } from "@brindle/net";
import { type ChainVerdicts, endedFlowMark, flowMarks, type NodeNetwork } from "@brindle/policy";
import { messageOf } from "../error.ts";
import { CoalescedWork } from "./coalescedWork.ts";

export interface FlowTable {
  list(): Promise<readonly Flow[]>;
  mark(flows: Iterable<Flow>, mark: { readonly value: number; readonly mask: number }): Promise<number>;
  close(): void;
}

export interface FlowEndingPorts {
  open(): Promise<FlowTable>;
  /** Of what is in force now. */
  verdicts(): ChainVerdicts | null;
  /** Of now. */
  network(): Promise<NodeNetwork>;
  readonly onHealth: (problem: string | null) => void;
}

/** So much of the time is left to others: with a million flows a look takes seconds. */
const restShare = 4;
const restMsMax = 10_000;
/** How many flows are judged before others have a turn: some milliseconds' worth. */
const flowsPerTurn = 500;
/** A packet that was let through just before may enter its flow just after the look. */
const secondLookMs = 250;

export class FlowEnding {
  readonly #ports: FlowEndingPorts;
  readonly #work: CoalescedWork;
  #isOn = false;
  #table: FlowTable | null = null;
  #ended = 0;
  readonly #closing = new AbortController();
  #secondLook: NodeJS.Timeout | undefined;

  constructor(ports: FlowEndingPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#look(),
      onFailure: (error) => ports.onHealth(`flows that policy denies are not ended: ${messageOf(error)}`),
    });
  }

  /** The rule that drops what is marked comes and goes with the same setting. */
  setOn(isOn: boolean): void {
    this.#isOn = isOn;
  }

  /** Something else is in force than before. */
  changed(): void {
    if (!this.#isOn || this.#closing.signal.aborted) return;
    this.#work.ask();
    clearTimeout(this.#secondLook);
    this.#secondLook = setTimeout(() => this.#work.ask(), secondLookMs).unref();
  }

  /** How many flows were marked since the start. */
  get count(): number {
    return this.#ended;
  }

  async end(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#secondLook);
    await this.#work.end();
    this.#table?.close();
  }

  async #look(): Promise<void> {
    const sinceMs = performance.now();
    const verdicts = this.#ports.verdicts();
    if (!verdicts) return;
    this.#table ??= await this.#ports.open();
    const network = await this.#ports.network();
    const flows = await this.#table.list();
    for (let start = 0; start < flows.length; start += flowsPerTurn) {
      const { toEnd, toLet } = flowMarks(flows.slice(start, start + flowsPerTurn), verdicts, network);
      this.#ended += await this.#table.mark(toEnd, { value: endedFlowMark, mask: endedFlowMark });
      await this.#table.mark(toLet, { value: 0, mask: endedFlowMark });
      await setImmediate();
    }
    this.#ports.onHealth(null);
    const restMs = Math.min(restMsMax, (performance.now() - sinceMs) * restShare);
    await delay(restMs, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
