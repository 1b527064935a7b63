/**
 * Next hops, each once. Whether one can be reached, and how far it is, is a fact from outside (the kernel's own
 * routes); nobody having said anything, it is reachable at cost zero.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { type Address, formatAddress } from "@brindle/net";
import type { Announcement } from "../wire/message.ts";
import { Column, IdPool } from "./column.ts";
import { HashIndex } from "./hashIndex.ts";
import { fixedHashKey, type HashKey, KeyedHash } from "./keyedHash.ts";

/** Zero is no next hop: that of our own prefixes. */
export type NextHopId = number;

export interface NextHop {
  readonly address: Address;
  /** RFC 2545 §3. */
  readonly linkLocal?: Address;
  /** Where a link-local `address` means something: the one interface that leads to it. */
  readonly interface?: string;
}

/** What is known of an address: its cost, or `null` for one that cannot be reached. */
export interface NextHopFact {
  readonly address: string;
  readonly igpCost: number | null;
  /** Through which it is reached, for the filters that ask. */
  readonly interface?: string;
}

export class NextHopTable {
  readonly igpCost: Column = new Column();
  readonly #unreachable = new Column();
  readonly #refs = new Column();
  readonly #pool = new IdPool();
  readonly #ids = new Map<string, NextHopId>();
  /** Those of IPv4 by their words, in a table whose every UPDATE names one: a `Map` hashes numbers as anybody foresees. */
  readonly #index4 = new HashIndex();
  readonly #words4 = new Column();
  readonly #hashes: KeyedHash;
  readonly #values: { readonly key: string; readonly text: string; readonly nextHop: NextHop }[] = [];
  readonly #facts = new Map<string, number | null>();
  readonly #interfaces = new Map<string, string>();
  #interfacesChanged = false;

  constructor(hashKey: HashKey = fixedHashKey) {
    this.#hashes = new KeyedHash(hashKey);
  }

  /** The next hop's id, which lives once it is retained. */
  intern(nextHop: NextHop): NextHopId {
    const { address, linkLocal, interface: name } = nextHop;
    const key = `${address.family}.${address.value}.${linkLocal?.value ?? ""}.${name ?? ""}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#pool.take();
    const text = name === undefined ? formatAddress(address) : `${formatAddress(address)}%${name}`;
    this.#ids.set(key, id);
    this.#values[id] = { key, text, nextHop };
    this.#learn(id, this.#facts.get(text));
    return id;
  }

  /** As `intern`, as it stands in an announcement. */
  internAnnounced({ nextHop: address, linkLocalNextHop, interface: name }: Omit<Announcement, "prefixes">): NextHopId {
    const linkLocal = linkLocalNextHop && { linkLocal: linkLocalNextHop };
    return this.intern({ address, ...linkLocal, ...(name !== undefined && { interface: name }) });
  }

  /** As `intern`, of an IPv4 address as a signed number, which needs no object. */
  intern4(word: number): NextHopId {
    const hash = this.#hashes.prefix4(word, 32);
    const known = this.#find4(word, hash);
    if (known !== 0) return known;
    const id = this.intern({ address: { family: 4, value: BigInt(word >>> 0) } });
    this.#words4.set(id, word);
    this.#index4.insert(id, hash);
    return id;
  }

  retain(id: NextHopId, times: number = 1): void {
    if (id !== 0) this.#refs.set(id, this.#refs.get(id) + times);
  }

  release(id: NextHopId): void {
    if (id === 0) return;
    const refs = this.#refs.get(id);
    if (refs === 0) assert.fail(`next hop ${id} is released once too often`);
    this.#refs.set(id, refs - 1);
    if (refs > 1) return;
    const { key, nextHop } = this.#values[id] ?? {};
    if (key !== undefined) this.#ids.delete(key);
    if (nextHop?.address.family === 4) this.#forget4(id, Number(nextHop.address.value) | 0);
    delete this.#values[id];
    this.#pool.giveBack(id);
  }

  value(id: NextHopId): NextHop {
    const entry = this.#values[id];
    if (!entry) assert.fail(`no next hop ${id}`);
    return entry.nextHop;
  }

  text(id: NextHopId): string {
    return this.#values[id]?.text ?? "";
  }

  isReachable(id: NextHopId): boolean {
    return this.#unreachable.get(id) === 0;
  }

  /** Through which it is reached; `null` where nobody said, as for our own prefixes. */
  interfaceOf(id: NextHopId): string | null {
    return this.#interfaces.get(this.text(id)) ?? null;
  }

  /** Whether the last facts named other interfaces than those before. */
  get interfacesChanged(): boolean {
    return this.#interfacesChanged;
  }

  /** All that is known of next hops, in place of what was: gives the ids for which something changed. */
  learn(facts: readonly NextHopFact[]): Set<NextHopId> {
    const before = new Map(this.#facts);
    this.#facts.clear();
    const interfacesBefore = new Map(this.#interfaces);
    this.#interfaces.clear();
    for (const { address, igpCost, interface: name } of facts) {
      this.#facts.set(address, igpCost);
      if (name !== undefined) this.#interfaces.set(address, name);
    }
    this.#interfacesChanged = !isDeepStrictEqual(this.#interfaces, interfacesBefore);
    const changed = new Set<NextHopId>();
    for (const id of this.#ids.values()) {
      const fact = this.#facts.get(this.text(id));
      if (fact === before.get(this.text(id))) continue;
      this.#learn(id, fact);
      changed.add(id);
    }
    return changed;
  }

  #find4(word: number, hash: number): NextHopId {
    let id = this.#index4.first(hash);
    while (id !== 0 && (this.#words4.get(id) | 0) !== word) id = this.#index4.next();
    return id;
  }

  #forget4(id: NextHopId, word: number): void {
    const hash = this.#hashes.prefix4(word, 32);
    if (this.#find4(word, hash) === id) this.#index4.remove(id, hash);
  }

  #learn(id: NextHopId, fact: number | null | undefined): void {
    this.#unreachable.set(id, fact === null ? 1 : 0);
    this.igpCost.set(id, fact ?? 0);
  }
}
