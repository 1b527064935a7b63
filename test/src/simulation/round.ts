/** One fabric, one history, and whether all its speakers end where they must. */
import assert from "node:assert/strict";
import type { RouteStatus } from "@brindle/bgp";
import { Random } from "../oracle/random.ts";
import { expectedTables, type Route, type Table } from "./expected.ts";
import { type Fabric, type Router, randomFabric, type Treatment } from "./fabric.ts";
import { type Incident, randomHistory } from "./history.ts";
import { Network } from "./network.ts";
import { smallest } from "./smallest.ts";
import { configOf, ownRoutes, sidesOf, type Wishes } from "./wishes.ts";

const historyMs = 240_000;
/** Longer than any timer that may still have something to say: hold and restart times, waits after failures. */
const settleMs = 420_000;

export interface RoundSize {
  readonly routersMax: number;
  readonly incidents: number;
}

/** Throws what does not hold, with the smallest history that shows it. Gives how much was played. */
export function playRound(seed: number, { routersMax, incidents }: RoundSize): Readonly<Record<string, number>> {
  const random = new Random(seed);
  const fabric = randomFabric(random, routersMax);
  const history = randomHistory(random, fabric, { incidents, forMs: historyMs });
  const play = (part: readonly Incident[]): number => new World(fabric, seed).play(part);
  try {
    const events = play(history);
    return { speakers: fabric.routers.length, sessions: fabric.links.length, incidents: history.length, events };
  } catch (error) {
    const least = smallest(history, (part) => failureOf(() => play(part)) !== null);
    const cause = failureOf(() => play(least)) ?? error;
    throw new Error(explanation(seed, { least, history, cause }), { cause: error });
  }
}

function failureOf(play: () => unknown): unknown {
  try {
    play();
    return null;
  } catch (error) {
    return error;
  }
}

interface Failure {
  readonly least: readonly Incident[];
  readonly history: readonly Incident[];
  readonly cause: unknown;
}

function explanation(seed: number, { least, history, cause }: Failure): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const head = `seed ${seed}: ${least.length} of ${history.length} incidents are enough:`;
  return [head, ...least.map((incident) => JSON.stringify(incident)), message].join("\n");
}

class World {
  readonly #fabric: Fabric;
  readonly #seed: number;
  readonly #network: Network;
  readonly #origins = new Map<string, readonly string[]>();
  readonly #treatments = new Map<string, Treatment>();

  constructor(fabric: Fabric, seed: number) {
    this.#fabric = fabric;
    this.#seed = seed;
    this.#network = new Network(seed, { delayMsMax: 2_000 });
  }

  play(history: readonly Incident[]): number {
    let events = 0;
    for (const router of this.#fabric.routers) this.#start(router, { restarting: false });
    for (const incident of history) {
      events += this.#network.agenda.runUntil(incident.atMs);
      this.#happen(incident);
    }
    events += this.#network.agenda.runUntil(Math.max(historyMs, history.at(-1)?.atMs ?? 0));
    for (const { a, b } of this.#fabric.links) this.#network.mend(a, b);
    for (const router of this.#fabric.routers)
      if (!this.#network.isUp(router.address)) this.#start(router, { restarting: router.restartsGracefully });
    events += this.#network.agenda.runUntil(this.#network.agenda.nowMs + settleMs);
    this.#check();
    return events;
  }

  get #wishes(): Wishes {
    return { origins: this.#origins, treatments: this.#treatments };
  }

  #happen(incident: Incident): void {
    const network = this.#network;
    switch (incident.kind) {
      case "originate":
        this.#origins.set(incident.router, incident.prefixes);
        this.#originate(this.#routerAt(incident.router));
        break;
      case "treat":
        this.#treatments.set(`${incident.router} ${incident.neighbor}`, incident.treatment);
        this.#configure(this.#routerAt(incident.router), { restarting: false });
        break;
      case "cut":
      case "mend":
      case "lose":
        network[incident.kind](incident.a, incident.b);
        break;
      case "stop":
        network.tell(incident.router, { type: "stop", keepForwarding: true });
        if (network.isUp(incident.router)) network.kill(incident.router);
        break;
      case "kill":
      case "vanish":
        if (network.isUp(incident.router)) network[incident.kind](incident.router);
        break;
      case "start": {
        const router = this.#routerAt(incident.router);
        if (!network.isUp(router.address)) this.#start(router, { restarting: router.restartsGracefully });
        break;
      }
      case "reset":
        network.tell(incident.router, { type: "reset", peer: incident.neighbor });
        break;
      case "refresh":
        network.tell(incident.router, { type: "refresh", peer: incident.neighbor });
        break;
    }
  }

  #start(router: Router, how: { readonly restarting: boolean }): void {
    this.#network.start(router.address);
    this.#configure(router, how);
    const facts = [...router.costs].flatMap(([address, igpCost]) => {
      const there = this.#fabric.routers.find((each) => each.address === address);
      return [address, ...(there ? [there.address6] : [])].map((nextHop) => ({ address: nextHop, igpCost }));
    });
    this.#network.tell(router.address, { type: "nextHops", facts });
    this.#originate(router);
  }

  #configure(router: Router, how: { readonly restarting: boolean }): void {
    const config = configOf(this.#fabric, this.#wishes, router, how);
    this.#network.tell(router.address, { type: "configure", config });
  }

  #originate(router: Router): void {
    this.#network.tell(router.address, { type: "originate", prefixes: ownRoutes(this.#wishes, router) });
  }

  #routerAt(address: string): Router {
    const router = this.#fabric.routers.find((each) => each.address === address);
    assert(router, `no router ${address}`);
    return router;
  }

  #check(): void {
    const expected = expectedTables(this.#fabric, this.#wishes, new Random(this.#seed + 2));
    const again = expectedTables(this.#fabric, this.#wishes, new Random(this.#seed + 3));
    assert.deepEqual(contentOf(expected), contentOf(again), "the fabric has no unique answer");
    for (const router of this.#fabric.routers) {
      const speaker = this.#network.speaker(router.address);
      for (const { other } of sidesOf(this.#fabric, router)) {
        const phase = speaker.peers().find(({ name }) => name === other.address)?.phase;
        assert.equal(phase, "established", `${router.address} has no session with ${other.address}`);
      }
      const held = speaker.routes({ limit: 1_000_000 }).map(shownOfHeld).sort();
      assert.deepEqual(held, shownOfTable(expected.get(router.address)), `the table of ${router.address}`);
      const used = [...this.#network.used(router.address)].map(
        ([prefix, hops]) => `${prefix} via ${[...hops].sort().join(" ")}`,
      );
      assert.deepEqual(used.sort(), usedOfTable(expected.get(router.address)), `the next hops of ${router.address}`);
    }
  }
}

function contentOf(tables: ReadonlyMap<string, Table>): unknown {
  return [...tables].map(([address, table]) => [address, shownOfTable(table)]).sort();
}

/** One line a route, with all that is known of it; of one that is refused, that it is. */
function shownOfTable(table: Table | undefined): string[] {
  const holdings = [...(table?.values() ?? [])];
  return holdings.flatMap(({ best, all }) => all.map((route) => shownOf(route, route === best))).sort();
}

function usedOfTable(table: Table | undefined): string[] {
  const holdings = [...(table ?? [])].filter(([, { used }]) => used.length > 0);
  return holdings.map(([prefix, { used }]) => `${prefix} via ${used.join(" ")}`).sort();
}

function shownOf(route: Route, best: boolean): string {
  const { prefix, from, nextHop, asPath, localPref, med, communities, refused } = route;
  if (refused !== null) return `${prefix} from ${from}: refused: ${refused}`;
  const path = asPath.join(" ");
  const rest = `${nextHop} (${path}) ${localPref} ${med} ${[...communities].sort().join(",")}`;
  return `${prefix} from ${from}: ${rest}${best ? " best" : ""}`;
}

const refusals: ReadonlySet<string> = new Set(["asLoop", "originatorLoop", "clusterLoop", "ownNextHop"]);

function shownOfHeld(route: RouteStatus): string {
  const { prefix, from, nextHop, asPath, localPref, med, communities, best, lostBy } = route;
  if (lostBy !== null && refusals.has(lostBy)) return `${prefix} from ${from}: refused: ${lostBy}`;
  const rest = `${nextHop} (${asPath}) ${localPref} ${med} ${[...communities].sort().join(",")}`;
  return `${prefix} from ${from}: ${rest}${best ? " best" : ""}`;
}
