/** The ends of this node's endpoints, without those that clash with another: that nearly none does is known by counting. */
import {
  type EndpointEnds,
  endpointEnds,
  endsOfAddressMax,
  type LocalEndpoint,
  withoutClashes,
} from "./endpointEnds.ts";
import { FollowedLists } from "./listChanges.ts";

export class LocalEnds {
  readonly #endpoints = new FollowedLists<LocalEndpoint>();
  readonly #interfaces = new HolderCounts(1);
  readonly #addresses = new HolderCounts(endsOfAddressMax);

  /** In the order of the endpoints. */
  update(endpoints: readonly LocalEndpoint[]): readonly EndpointEnds[] {
    const { added, removed } = this.#endpoints.update(endpoints);
    for (const endpoint of added) this.#count(endpoint, 1);
    for (const endpoint of removed) this.#count(endpoint, -1);
    const all: EndpointEnds[] = [];
    for (const endpoint of endpoints) all.push(...endpointEnds(endpoint));
    return this.#interfaces.areWithinMax && this.#addresses.areWithinMax ? all : withoutClashes(all);
  }

  #count(endpoint: LocalEndpoint, change: 1 | -1): void {
    for (const { interfaceName, addressTexts } of endpointEnds(endpoint)) {
      this.#interfaces.change(interfaceName, change);
      for (const address of addressTexts) this.#addresses.change(address, change);
    }
  }
}

/** How many hold something, and whether of anything there are too many. */
class HolderCounts {
  readonly #max: number;
  readonly #counts = new Map<string, number>();
  readonly #tooMany = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  get areWithinMax(): boolean {
    return this.#tooMany.size === 0;
  }

  change(what: string, change: 1 | -1): void {
    const count = (this.#counts.get(what) ?? 0) + change;
    if (count === 0) this.#counts.delete(what);
    else this.#counts.set(what, count);
    if (count > this.#max) this.#tooMany.add(what);
    else this.#tooMany.delete(what);
  }
}
