/** Which part of the pool of IPv4 is whose, as Kubernetes gives each node a podCIDR; another node may get it when that is gone. */
import type { AssignResult } from "@brindle/ipam";
import { containsAddress, formatAddress, type Prefix, parsePrefix } from "@brindle/net";

const base = 10n << 24n;

export class Ranges {
  readonly #slots: Map<string, number>;
  readonly #length: number;

  /** `poolLength`: of 10.0.0.0, which all nodes' parts make up. */
  constructor(nodes: readonly string[], poolLength: number) {
    this.#slots = new Map(nodes.map((node, slot) => [node, slot]));
    // Not less than a block, which has four addresses.
    this.#length = Math.min(poolLength + Math.ceil(Math.log2(nodes.length)), 30);
  }

  of(node: string): Prefix[] {
    const size = 1n << BigInt(32 - this.#length);
    const value = base + BigInt(this.#slotOf(node)) * size;
    return [{ address: { family: 4, value }, length: this.#length }, ipv6];
  }

  exchange(one: string, other: string): void {
    const [first, second] = [this.#slotOf(one), this.#slotOf(other)];
    this.#slots.set(one, second).set(other, first);
  }

  #slotOf(node: string): number {
    const slot = this.#slots.get(node);
    if (slot === undefined) throw new RangeError(node);
    return slot;
  }
}

/** What is given anew lies in them. */
export function requireWithin(within: readonly Prefix[], result: AssignResult): void {
  if (result.kind !== "assigned" || !result.isNew) return;
  const outside = result.addresses.filter(({ address }) => !within.some((range) => containsAddress(range, address)));
  if (outside.length > 0)
    throw new Error(`${outside.map(({ address }) => formatAddress(address)).join()} is not of the node that gave it`);
}

const ipv6 = parsePrefix("fd00::/64") as Prefix;
