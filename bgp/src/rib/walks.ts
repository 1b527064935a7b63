/**
 * Long ways through the routes, a slice a turn, one behind the other: through those of one peer, or through all. What comes
 * meanwhile may be met or not, so whoever walks says by the route itself whether it is meant.
 */
import type { PeerId } from "./peerTable.ts";
import type { RouteId, RouteTable } from "./routeTable.ts";

interface Walk {
  /** `null`: through all routes, by their ids. */
  readonly peer: PeerId | null;
  readonly visit: (route: RouteId) => void;
  readonly done: () => void;
}

/** To look at an id costs less than to do something to a route. */
const idsPerRoute = 8;

export class Walks {
  readonly #routes: RouteTable;
  readonly #waiting: Walk[] = [];
  /** Of the first that waits, once it has begun; zero at its end. */
  #cursor: RouteId = 0;
  #hasBegun = false;

  constructor(routes: RouteTable) {
    this.#routes = routes;
  }

  get size(): number {
    return this.#waiting.length;
  }

  ofPeer(peer: PeerId, visit: Walk["visit"], done: Walk["done"] = () => {}): void {
    this.#waiting.push({ peer, visit, done });
  }

  ofAll(visit: Walk["visit"]): void {
    this.#waiting.push({ peer: null, visit, done: () => {} });
  }

  /** Goes on, for at most `limit` routes. */
  run(limit: number): void {
    for (let left = limit; left > 0; ) {
      const walk = this.#waiting[0];
      if (!walk) return;
      if (!this.#hasBegun) this.#begin(walk);
      left = walk.peer === null ? this.#visitIds(walk, left) : this.#visitChain(walk, left);
      if (this.#cursor !== 0) return;
      this.#waiting.shift();
      this.#hasBegun = false;
      walk.done();
    }
  }

  /** The route is about to go: the walk goes on behind it. */
  leave(route: RouteId): void {
    const isOfPeer = this.#hasBegun && this.#waiting[0]?.peer !== null;
    if (isOfPeer && this.#cursor === route) this.#cursor = this.#routes.nextOfPeer(route);
  }

  #begin({ peer }: Walk): void {
    this.#hasBegun = true;
    this.#cursor = peer === null ? 1 : this.#routes.firstOfPeer(peer);
  }

  /** Gives how much is left of the limit. */
  #visitChain({ visit }: Walk, limit: number): number {
    let left = limit;
    for (; left > 0 && this.#cursor !== 0; left--) {
      const route = this.#cursor;
      this.#cursor = this.#routes.nextOfPeer(route);
      visit(route);
    }
    return left;
  }

  #visitIds({ visit }: Walk, limit: number): number {
    const end = Math.min(this.#routes.idsEnd, this.#cursor + limit * idsPerRoute);
    const seen = Math.max(0, end - this.#cursor);
    for (let route = this.#cursor; route < end; route++) if (this.#routes.prefix.get(route) !== 0) visit(route);
    this.#cursor = end >= this.#routes.idsEnd ? 0 : end;
    return limit - Math.ceil(seen / idsPerRoute);
  }
}
