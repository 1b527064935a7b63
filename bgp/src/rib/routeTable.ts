/** Routes as rows of integers: one a prefix and peer, chained by prefix for the decision and by peer for its end. */
import { Column, IdPool } from "./column.ts";

/** Zero is no route. */
export type RouteId = number;

export interface NewRoute {
  readonly prefix: number;
  readonly peer: number;
  readonly attr: number;
  readonly nextHop: number;
}

export class RouteTable {
  readonly prefix: Column = new Column();
  readonly peer: Column = new Column();
  readonly attr: Column = new Column();
  /** As the peer sent it, where import changed it to what `attr` says; else zero. */
  readonly receivedAttr: Column = new Column();
  readonly nextHop: Column = new Column();
  /** The peer's epoch when it last announced the route: an older one than the peer's present one is stale. */
  readonly epoch: Column = new Column();
  /** What import made of it, by its number in `verdicts`, or by that of a filter's rule (`FilterVerdicts`). */
  readonly verdict: Column = new Column();
  /** One while the content changed after the last decision. */
  readonly touched: Column = new Column();
  readonly #firstOfPrefix = new Column();
  readonly #nextOfPrefix = new Column();
  readonly #firstOfPeer = new Column();
  readonly #nextOfPeer = new Column();
  readonly #previousOfPeer = new Column();
  readonly #ids = new IdPool();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Every id in use is below; ids between may be free, and then have no prefix. */
  get idsEnd(): RouteId {
    return this.#ids.end;
  }

  find(prefix: number, peer: number): RouteId {
    let route = this.firstOfPrefix(prefix);
    while (route !== 0 && this.peer.get(route) !== peer) route = this.nextOfPrefix(route);
    return route;
  }

  firstOfPrefix(prefix: number): RouteId {
    return this.#firstOfPrefix.get(prefix);
  }

  nextOfPrefix(route: RouteId): RouteId {
    return this.#nextOfPrefix.get(route);
  }

  firstOfPeer(peer: number): RouteId {
    return this.#firstOfPeer.get(peer);
  }

  nextOfPeer(route: RouteId): RouteId {
    return this.#nextOfPeer.get(route);
  }

  add({ prefix, peer, attr, nextHop }: NewRoute): RouteId {
    const route = this.#ids.take();
    this.prefix.set(route, prefix);
    this.peer.set(route, peer);
    this.attr.set(route, attr);
    this.nextHop.set(route, nextHop);
    this.#nextOfPrefix.set(route, this.#firstOfPrefix.get(prefix));
    this.#firstOfPrefix.set(prefix, route);
    const following = this.#firstOfPeer.get(peer);
    this.#nextOfPeer.set(route, following);
    this.#previousOfPeer.set(route, 0);
    if (following !== 0) this.#previousOfPeer.set(following, route);
    this.#firstOfPeer.set(peer, route);
    this.#size += 1;
    return route;
  }

  remove(route: RouteId): void {
    this.#leavePrefix(route);
    this.#leavePeer(route);
    this.prefix.set(route, 0);
    this.#ids.giveBack(route);
    this.#size -= 1;
  }

  /** The chain of a prefix is as long as it has peers, so looking for the predecessor beats storing it. */
  #leavePrefix(route: RouteId): void {
    const prefix = this.prefix.get(route);
    const next = this.#nextOfPrefix.get(route);
    let before = this.#firstOfPrefix.get(prefix);
    if (before === route) {
      this.#firstOfPrefix.set(prefix, next);
      return;
    }
    while (this.#nextOfPrefix.get(before) !== route) before = this.#nextOfPrefix.get(before);
    this.#nextOfPrefix.set(before, next);
  }

  #leavePeer(route: RouteId): void {
    const next = this.#nextOfPeer.get(route);
    const previous = this.#previousOfPeer.get(route);
    if (next !== 0) this.#previousOfPeer.set(next, previous);
    if (previous !== 0) this.#nextOfPeer.set(previous, next);
    else this.#firstOfPeer.set(this.peer.get(route), next);
  }
}
