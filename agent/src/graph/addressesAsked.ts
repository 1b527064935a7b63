/**
 * Addresses that ADDs of this node ask for past address management, where no block decides between two that want the same: who
 * asks first has it, until its ADD has failed or the watch tells what the ADD has stored.
 */
import { type Address, formatAddress } from "@brindle/net";

export interface AskedAddress {
  readonly text: string;
  /** `namespace/name` of the endpoint. */
  readonly endpoint: string;
}

interface Asking {
  /** `ended`: the endpoint may be stored, as far as the ADD can tell. */
  phase: "checking" | "storing" | "ended";
}

export class AddressesAsked {
  /** In the order in which they were asked for. */
  readonly #asked = new Map<AskedAddress, Asking>();

  ask(addresses: readonly Address[], endpoint: string): readonly AskedAddress[] {
    const asked = addresses.map((address) => ({ text: formatAddress(address), endpoint }));
    for (const one of asked) this.#asked.set(one, { phase: "checking" });
    return asked;
  }

  storing(asked: readonly AskedAddress[]): void {
    for (const one of asked) {
      const found = this.#asked.get(one);
      if (found) found.phase = "storing";
    }
  }

  /** Where nothing was to be stored yet, it is free at once; of what ends after an earlier one of its endpoint, that is kept. */
  end(asked: readonly AskedAddress[]): void {
    for (const one of asked) {
      const found = this.#asked.get(one);
      if (found?.phase === "storing" && !this.#hasEnded(one)) found.phase = "ended";
      else this.#asked.delete(one);
    }
  }

  #hasEnded({ text, endpoint }: AskedAddress): boolean {
    return [...this.#asked].some(
      ([one, { phase }]) => phase === "ended" && one.text === text && one.endpoint === endpoint,
    );
  }

  /** Those of other endpoints that were there before, in their order. */
  before(own: AskedAddress): readonly { readonly asked: AskedAddress; readonly hasEnded: boolean }[] {
    const all = [...this.#asked];
    const ownPlace = all.findIndex(([one]) => one === own);
    return all
      .slice(0, ownPlace)
      .filter(([{ text, endpoint }]) => text === own.text && endpoint !== own.endpoint)
      .map(([asked, { phase }]) => ({ asked, hasEnded: phase === "ended" }));
  }

  forgetEnded(isDone: (asked: AskedAddress) => boolean): void {
    for (const [asked, { phase }] of this.#asked) if (phase === "ended" && isDone(asked)) this.#asked.delete(asked);
  }
}
