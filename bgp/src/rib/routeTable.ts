/**
 * Routes as rows of integers: one a prefix and peer, chained by prefix for the decision and by peer for its end. What few
 * routes have stands in columns, of which nothing is made where there is none.
 */
import { Column, chunkMask, IdPool, RowField, Rows } from "./column.ts";
import type { PrefixTable } from "./prefixTable.ts";
import { plainMemory, type TableMemory } from "./tableMemory.ts";

/** Zero is no route. */
export type RouteId = number;

/** What the routes of one announcement have in common. */
export interface NewRoutes {
  readonly peer: number;
  readonly attr: number;
  readonly hop: number;
  readonly epoch: number;
}

/** The places of a route's numbers in its row. */
export const routePlace = {
  prefix: 0,
  peer: 1,
  attr: 2,
  nextHop: 3,
  nextOfPrefix: 4,
  nextOfPeer: 5,
  previousOfPeer: 6,
  epoch: 7,
  verdict: 8,
} as const;
const rowWidth = 9;

/** Where in its chunk of `RouteTable.rows` the row of a route begins. */
export function routeRowAt(route: RouteId): number {
  return (route & chunkMask) * rowWidth;
}

export class RouteTable {
  /** For those that look at several numbers of a route: see `routePlace`. */
  readonly rows: Rows;
  readonly prefix: RowField;
  readonly peer: RowField;
  readonly attr: RowField;
  /** As the peer sent it, where import changed it to what `attr` says; else zero. */
  readonly receivedAttr: Column;
  readonly nextHop: RowField;
  /** The peer's epoch when it last announced the route: an older one than the peer's present one is stale. */
  readonly epoch: RowField;
  /** What import made of it, by its number in `verdicts`, or by that of a filter's rule (`FilterVerdicts`). */
  readonly verdict: RowField;
  /** One while the content changed after the last decision. */
  readonly touched: Column;
  /** By which the peer tells several routes of a prefix apart (RFC 7911); zero where it has but one. */
  readonly pathId: Column;
  readonly #nextOfPrefix: RowField;
  readonly #nextOfPeer: RowField;
  readonly #previousOfPeer: RowField;
  readonly #firstOfPrefix: RowField;
  readonly #firstOfPeer: Column;
  readonly #ids: IdPool;
  #size = 0;

  constructor({ firstRoute }: Pick<PrefixTable, "firstRoute">, memory: TableMemory = plainMemory) {
    this.rows = new Rows(rowWidth, memory);
    this.prefix = new RowField(this.rows, routePlace.prefix);
    this.peer = new RowField(this.rows, routePlace.peer);
    this.attr = new RowField(this.rows, routePlace.attr);
    this.receivedAttr = new Column(memory);
    this.nextHop = new RowField(this.rows, routePlace.nextHop);
    this.epoch = new RowField(this.rows, routePlace.epoch);
    this.verdict = new RowField(this.rows, routePlace.verdict);
    this.touched = new Column(memory);
    this.pathId = new Column(memory);
    this.#nextOfPrefix = new RowField(this.rows, routePlace.nextOfPrefix);
    this.#nextOfPeer = new RowField(this.rows, routePlace.nextOfPeer);
    this.#previousOfPeer = new RowField(this.rows, routePlace.previousOfPeer);
    this.#firstOfPeer = new Column(memory);
    this.#ids = new IdPool(memory);
    this.#firstOfPrefix = firstRoute;
  }

  get size(): number {
    return this.#size;
  }

  /** Every id in use is below; ids between may be free, and then have no prefix. */
  get idsEnd(): RouteId {
    return this.#ids.end;
  }

  find(prefix: number, peer: number, pathId: number = 0): RouteId {
    let route = this.firstOfPrefix(prefix);
    while (route !== 0 && (this.peer.get(route) !== peer || this.pathId.get(route) !== pathId)) {
      route = this.nextOfPrefix(route);
    }
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

  add(prefix: number, routes: NewRoutes, verdict: number, pathId: number): RouteId {
    const route = this.#place(prefix, routes, verdict, this.#firstOfPrefix.get(prefix));
    if (pathId !== 0) this.pathId.set(route, pathId);
    this.#firstOfPrefix.set(prefix, route);
    return route;
  }

  /** The first of a prefix: whoever adds it notes it there (`PrefixTable.startWith`). */
  addFirst(prefix: number, routes: NewRoutes, verdict: number): RouteId {
    return this.#place(prefix, routes, verdict, 0);
  }

  #place(prefix: number, { peer, attr, hop, epoch }: NewRoutes, verdict: number, nextOfPrefix: RouteId): RouteId {
    const route = this.#ids.take();
    const following = this.#firstOfPeer.get(peer);
    const row = this.rows.chunkOf(route);
    const at = routeRowAt(route);
    row[at + routePlace.prefix] = prefix;
    row[at + routePlace.peer] = peer;
    row[at + routePlace.attr] = attr;
    row[at + routePlace.nextHop] = hop;
    row[at + routePlace.nextOfPrefix] = nextOfPrefix;
    row[at + routePlace.nextOfPeer] = following;
    row[at + routePlace.previousOfPeer] = 0;
    row[at + routePlace.epoch] = epoch;
    row[at + routePlace.verdict] = verdict;
    if (following !== 0) this.rows.chunkOf(following)[routeRowAt(following) + routePlace.previousOfPeer] = route;
    this.#firstOfPeer.set(peer, route);
    this.#size += 1;
    return route;
  }

  remove(route: RouteId): void {
    this.#leavePrefix(route);
    this.#leavePeer(route);
    this.prefix.set(route, 0);
    for (const column of [this.receivedAttr, this.touched, this.pathId]) column.set(route, 0);
    this.#ids.giveBack(route);
    this.#size -= 1;
    if (this.#size > 0) return;
    this.rows.clear();
    for (const column of [this.receivedAttr, this.touched, this.pathId]) column.clear();
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
