/** By which interfaces the node speaks with an address, as its routes say: conntrack does not tell of a flow. */
import { type Address, PrefixTable, type Route } from "@brindle/net";

/** RT_TABLE_MAIN and RT_TABLE_LOCAL of linux/rtnetlink.h; rules that choose another table are not followed. */
const tables: ReadonlySet<number> = new Set([254, 255]);

interface Way {
  readonly metric: number;
  readonly names: readonly string[];
}

export class WaysOut {
  readonly #ways = new PrefixTable<Way>();

  /** `nameOf` tells an interface by its index. */
  constructor(routes: Iterable<Route>, nameOf: (index: number) => string | undefined) {
    for (const route of routes) if (tables.has(route.table) && !route.source) this.#add(route, nameOf);
  }

  /** Several where a route has several next hops, none where there is no way, or it is for many at once. */
  towards(address: Address): readonly string[] {
    return this.#ways.longestMatch(address)?.value.names ?? [];
  }

  #add({ destination, kind, metric, nextHops }: Route, nameOf: (index: number) => string | undefined): void {
    const known = this.#ways.get(destination);
    if (known && known.metric < metric) return;
    const own = kind === "unicast" ? nextHops.flatMap((hop) => namesOf(hop.interfaceIndex, nameOf)) : [];
    // Link-local networks are behind each interface alike.
    const names = known?.metric === metric ? [...known.names, ...own] : own;
    this.#ways.set(destination, { metric, names: [...new Set(names)] });
  }
}

function namesOf(index: number | null | undefined, nameOf: (index: number) => string | undefined): string[] {
  const name = typeof index === "number" ? nameOf(index) : undefined;
  return name === undefined ? [] : [name];
}
