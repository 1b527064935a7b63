/**
 * What a datastore says about addresses, kept up with every change, and what must be true of it at any moment: the checks of
 * `calicoctl ipam check` on blocks, written anew here, and what pods were promised.
 */
import type { MemoryData } from "@brindle/api";

interface Block {
  readonly cidr: string;
  readonly affinity?: string;
  readonly allocations: readonly (number | null)[];
  readonly unallocated: readonly number[];
  readonly attributes: readonly { readonly handle_id?: string; readonly releasedAt?: string }[];
}

interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

interface Told {
  readonly handle: string;
  readonly family: 4 | 6;
  readonly value: bigint;
}

const blockRoot = "/calico/ipam/v2/assignment/";
const handleRoot = "/calico/ipam/v2/handle/";
const affinityRoot = "/calico/ipam/v2/host/";

export class Picture {
  readonly #data: MemoryData;
  /** Whether a plan is one transaction: then nothing is ever half done. */
  readonly #isWhole: boolean;
  readonly #blocks = new Map<string, Block & Range>();
  readonly #handles = new Map<string, Readonly<Record<string, number>>>();
  readonly #affinities = new Map<string, string>();
  /** By address, with the address as a number. */
  readonly #told = new Map<string, Told>();
  #revision = 0n;

  constructor(data: MemoryData, { isWhole }: { readonly isWhole: boolean }) {
    this.#data = data;
    this.#isWhole = isWhole;
  }

  /** From now on the address is this handle's, until it is `forget`ten. Throws where it is another's. */
  tell(handle: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const other = this.#told.get(address);
      if (other && other.handle !== handle)
        throw new Error(`${address} of ${other.handle} was given to ${handle}, too`);
      this.#told.set(address, { handle, family: familyOf(address), value: numberOf(address) });
    }
    this.catchUp();
    for (const address of addresses) this.#checkHeld(address);
  }

  forget(handle: string): void {
    for (const [address, { handle: of }] of this.#told) if (of === handle) this.#told.delete(address);
  }

  /** Every address that is given, with its handle; those that rest are nobody's. */
  held(): ReadonlyMap<string, string> {
    const all = [...this.#blocks.values()].flatMap((block) =>
      block.allocations.flatMap((index, ordinal): [string, string][] => {
        const { handle_id: handle, releasedAt } = block.attributes[index ?? -1] ?? {};
        return handle === undefined || releasedAt !== undefined ? [] : [[nameOf(block, ordinal), handle]];
      }),
    );
    return new Map(all);
  }

  heldBy(handle: string): readonly string[] {
    return [...this.held()].flatMap(([address, of]) => (of === handle ? [address] : [])).toSorted();
  }

  /** Reads what changed, and looks at it. */
  catchUp(): void {
    if (this.#revision === this.#data.revision) return;
    const changes = this.#data.changesAfter(this.#revision);
    if (!changes) throw new Error("the history was forgotten before it was looked at");
    this.#revision = this.#data.revision;
    const touched = new Set<string>();
    for (const change of changes) {
      const key = change.type === "put" ? change.entry.key : change.key;
      const text = change.type === "put" ? change.entry.text : null;
      if (key.startsWith(blockRoot)) touched.add(this.#onBlock(key, text));
      else if (key.startsWith(handleRoot)) this.#onHandle(key.slice(handleRoot.length), text, touched);
      else if (key.startsWith(affinityRoot)) this.#onAffinity(key, text, touched);
    }
    for (const cidr of touched) this.#checkBlock(cidr);
  }

  #onBlock(key: string, text: string | null): string {
    const cidr = cidrOf(key);
    if (text === null) this.#blocks.delete(cidr);
    else {
      const block: Block = JSON.parse(text);
      const isNew = !this.#blocks.has(cidr);
      const first = numberOf(block.cidr.slice(0, block.cidr.indexOf("/")));
      const range = { first, last: first + BigInt(block.allocations.length) - 1n };
      checkStructure(block, cidr);
      if (isNew) this.#checkApart(cidr, range);
      this.#blocks.set(cidr, { ...block, ...range });
    }
    return cidr;
  }

  #onHandle(id: string, text: string | null, touched: Set<string>): void {
    for (const cidr of Object.keys(this.#handles.get(id) ?? {})) touched.add(cidr);
    if (text === null) this.#handles.delete(id);
    else {
      const { block, deleted } = JSON.parse(text);
      if (deleted) this.#handles.delete(id);
      else this.#handles.set(id, block);
      for (const cidr of Object.keys(block)) touched.add(cidr);
    }
  }

  #onAffinity(key: string, text: string | null, touched: Set<string>): void {
    const [, node = ""] = /^\/calico\/ipam\/v2\/host\/([^/]+)\//.exec(key) ?? [];
    const cidr = cidrOf(key);
    const name = `host:${node}/${cidr}`;
    if (text === null) this.#affinities.delete(name);
    else this.#affinities.set(name, JSON.parse(text).state);
    touched.add(cidr);
  }

  #checkApart(cidr: string, { first, last }: Range): void {
    const family = familyOf(cidr);
    for (const [other, range] of this.#blocks)
      if (family === familyOf(other) && first <= range.last && range.first <= last)
        throw new Error(`the block ${cidr} lies in ${other}`);
  }

  #checkBlock(cidr: string): void {
    const block = this.#blocks.get(cidr);
    for (const [address, { family, value }] of this.#told) {
      const isWithin = block && family === familyOf(cidr) && value >= block.first && value <= block.last;
      if (isWithin || !block) this.#checkHeld(address);
    }
    if (!this.#isWhole) return;
    this.#checkCounts(cidr);
    if (!block?.affinity?.startsWith("host:")) return;
    // Object by object the claim is confirmed last; until then a node announces each address by itself.
    const state = this.#affinities.get(`${block.affinity}/${cidr}`);
    if (state !== "confirmed") throw new Error(`${block.affinity} does not announce ${cidr}: ${state}`);
  }

  #checkHeld(address: string): void {
    const told = this.#told.get(address);
    if (!told) return;
    for (const block of this.#blocks.values()) {
      if (familyOf(block.cidr) !== told.family || told.value < block.first || told.value > block.last) continue;
      const index = block.allocations[Number(told.value - block.first)];
      const holder = block.attributes[index ?? -1]?.handle_id;
      if (holder === told.handle) return;
      throw new Error(`${address} of ${told.handle} is ${holder === undefined ? "free" : `held by ${holder}`}`);
    }
    throw new Error(`${address} of ${told.handle} is in no block`);
  }

  /** What each handle says of this block, and what the block says. */
  #checkCounts(cidr: string): void {
    const counts = new Map<string, number>();
    const block = this.#blocks.get(cidr);
    for (const index of block?.allocations ?? []) {
      const { handle_id: id } = block?.attributes[index ?? -1] ?? {};
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const [id, count] of counts)
      if (this.#handles.get(id)?.[cidr] !== count)
        throw new Error(`${id} holds ${count} in ${cidr} and does not say so`);
    for (const [id, of] of this.#handles)
      if (of[cidr] !== undefined && of[cidr] !== (counts.get(id) ?? 0))
        throw new Error(`${id} says ${of[cidr]} in ${cidr} and holds ${counts.get(id) ?? 0}`);
  }
}

/** Indexes in range, no ordinal twice nor both given and free, none missing. */
function checkStructure({ cidr, allocations, unallocated, attributes }: Block, key: string): void {
  if (cidr !== key) throw new Error(`${cidr} is stored as ${key}`);
  const free = new Set(unallocated);
  if (free.size !== unallocated.length) throw new Error(`${cidr}: an ordinal is free twice`);
  for (const [ordinal, index] of allocations.entries()) {
    if ((index === null) !== free.has(ordinal)) throw new Error(`${cidr}: ordinal ${ordinal} is both or neither`);
    if (index !== null && !attributes[index]) throw new Error(`${cidr}: ordinal ${ordinal} has no attribute`);
  }
  if (free.size + allocations.filter((index) => index !== null).length !== allocations.length)
    throw new Error(`${cidr}: free and given addresses do not add up`);
}

function cidrOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1).replace("-", "/");
}

function familyOf(text: string): 4 | 6 {
  return text.includes(":") ? 6 : 4;
}

/** The model's IPv6 addresses are `fd00::` and what fits into 32 bits. */
function numberOf(text: string): bigint {
  if (!text.includes(":")) return text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const groups = text
    .slice(text.indexOf("::") + 2)
    .split(":")
    .filter(Boolean);
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function nameOf({ cidr, first }: Block & Range, ordinal: number): string {
  const value = first + BigInt(ordinal);
  if (!cidr.includes(":")) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = [value >> 16n, value & 65535n].map((group) => group.toString(16));
  return `fd00::${groups[0] === "0" ? (value === 0n ? "" : groups[1]) : groups.join(":")}`;
}
