/**
 * Who is at the other end of an interface: what unnumbered peers need to know, and to tell, before there can be a
 * connection. It reaches the foreign function interface, so it is loaded when a configuration needs it.
 */
import { type Address, formatAddress } from "@brindle/net";
import { type NeighborDiscovery, openNeighborDiscovery } from "@brindle/net/shell";

/** Node has no way to wait for such a socket: a look costs a microsecond. */
const lookMs = 250;
/** RFC 4861 §6.2.4 has the first three follow quickly; FRR advertises every ten seconds where BGP asks for it. */
const advertiseMs = 10_000;
const firstAdvertisements = 5;
const firstAdvertiseMs = 1_000;

export class InterfaceNeighbors {
  readonly #onHeard: (name: string, address: string) => void;
  readonly #watched = new Map<string, () => void>();
  readonly #known = new Map<string, string>();

  constructor(onHeard: (name: string, address: string) => void) {
    this.#onHeard = onHeard;
  }

  /** The address that was heard last on an interface. */
  addressOn(name: string): string | undefined {
    return this.#known.get(name);
  }

  /** These interfaces and no others. One that is not there yet is waited for. */
  watch(names: ReadonlySet<string>): void {
    for (const [name, stop] of this.#watched) {
      if (names.has(name)) continue;
      stop();
      this.#watched.delete(name);
      this.#known.delete(name);
    }
    for (const name of names) if (!this.#watched.has(name)) this.#watched.set(name, this.#begin(name));
  }

  #begin(name: string): () => void {
    let discovery: NeighborDiscovery | null = null;
    let advertised = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    const look = (): void => {
      try {
        discovery ??= openNeighborDiscovery(name);
        const nowMs = performance.now();
        if (nowMs - lastMs >= (advertised < firstAdvertisements ? firstAdvertiseMs : advertiseMs)) {
          advertised += 1;
          lastMs = nowMs;
          discovery.advertise();
        }
        for (const address of discovery.heard()) this.#hear(name, address);
      } catch {
        // The interface is not there, or is down, or has been replaced by another of its name.
        discovery?.[Symbol.dispose]();
        discovery = null;
      }
    };
    const timer = setInterval(look, lookMs);
    look();
    return () => {
      clearInterval(timer);
      discovery?.[Symbol.dispose]();
    };
  }

  #hear(name: string, address: Address): void {
    const text = formatAddress(address);
    if (this.#known.get(name) === text) return;
    this.#known.set(name, text);
    this.#onHeard(name, text);
  }
}
