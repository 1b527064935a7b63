/** What both ends of a flow know of it, and how a receiver counts. */
export const protocols = ["udp", "tcp"] as const;
export type Protocol = (typeof protocols)[number];

export interface FlowSpec {
  readonly name: string;
  readonly protocol: Protocol;
  /** Of the end that listens; it says the family too. */
  readonly address: string;
  readonly port: number;
}

export interface EndpointSpec {
  readonly role: "listen" | "dial";
  readonly packetsPerSecond: number;
  readonly flows: readonly FlowSpec[];
}

export interface FlowCount {
  readonly name: string;
  readonly sent: number;
  readonly received: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  readonly longestGapMs: number;
  /** Of those that did not arrive: dropped at the very end, since the receiver had no turn to read its socket. */
  readonly overflowed: number;
}

/** A packet is its number and zeroes. TCP carries the same records back to back. */
export const packetBytes = 64;

export function packet(number: number): Buffer {
  const bytes = Buffer.alloc(packetBytes);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Counts arrivals. `nowMs` is the receiver's own clock: no two clocks are ever compared. */
export class Arrivals {
  readonly #seen = new Set<number>();
  #highest = -1;
  #outOfOrder = 0;
  #duplicates = 0;
  #lastMs: number | undefined;
  #longestGapMs = 0;

  on(number: number, nowMs: number): void {
    if (this.#seen.has(number)) {
      this.#duplicates += 1;
      return;
    }
    this.#seen.add(number);
    if (number < this.#highest) this.#outOfOrder += 1;
    else this.#highest = number;
    this.#measureGap(nowMs);
    this.#lastMs = nowMs;
  }

  get received(): number {
    return this.#seen.size;
  }

  /** The silence up to the end of sending is a gap too: a flow that broke has its longest one there. */
  count(name: string, sent: number, endOfSendingMs: number): Omit<FlowCount, "overflowed"> {
    this.#measureGap(endOfSendingMs);
    return {
      name,
      sent,
      received: this.#seen.size,
      outOfOrder: this.#outOfOrder,
      duplicates: this.#duplicates,
      longestGapMs: Math.round(this.#longestGapMs),
    };
  }

  #measureGap(nowMs: number): void {
    if (this.#lastMs !== undefined) this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastMs);
  }
}
