/**
 * Random fabrics of which the answer is unique: whatever the order of events, there is one table at which they come to
 * rest. BGP as such promises no such thing (RFC 3345, RFC 4264), so a fabric keeps to what is known to be safe:
 *
 * - Between ASes, customers, peers and providers as Gao and Rexford have them: routes of customers are preferred to
 *   those of peers, these to those of providers; only a customer hears of routes of peers and providers; and nobody is
 *   his own provider's provider.
 * - MED is compared among routes of one neighbouring AS alone, so that it is no order over all routes, and what one
 *   router prefers may depend on what another hides. An AS of several routers heeds it only if it prefers each
 *   neighbouring AS to another degree; then no two routes that tie before MED come from two ASes. One of a single router
 *   hides nothing from itself. Other ASes set it to zero on import.
 * - Several paths of a prefix (RFC 7911) go from reflectors to clients, where each path has another originator or another
 *   list of clusters: of two that say the same of both, their numbers would decide. So no reflector that does has a
 *   neighbour in another AS.
 * - Distances inside an AS differ only in a full mesh, where no router hears less than another. Under route reflectors
 *   all are equally near, so that all routers rank the exits alike.
 */
import type { Random } from "../oracle/random.ts";

export interface Fabric {
  readonly systems: readonly System[];
  readonly routers: readonly Router[];
  readonly links: readonly Link[];
}

export interface System {
  readonly asn: number;
  readonly heedsMed: boolean;
  /** Whether each neighbouring AS has its own preference. */
  readonly prefersApart: boolean;
  readonly inside: "mesh" | "reflectors";
  /** What the exits tell inside as next hop. */
  readonly nextHopMode: "self" | "keep";
}

export interface Router {
  /** An IPv4 address, which is its BGP identifier too. */
  readonly address: string;
  readonly address6: string;
  readonly asn: number;
  readonly isReflector: boolean;
  readonly clusterId: string;
  readonly restartsGracefully: boolean;
  /** Whether equal routes are used side by side, and whether those of other ASes count as equal. */
  readonly multipath: "strict" | "relaxed" | null;
  /** IGP costs of the routers of its AS, by their address. */
  readonly costs: ReadonlyMap<string, number>;
}

/** What `b` is to `a`. Inside an AS, a client of `a`, or an equal. */
export type Relation = "customer" | "peer" | "client" | "equal";

export interface Link {
  readonly a: string;
  readonly b: string;
  readonly relation: Relation;
  /** `a`, a reflector, tells `b` all that it might use, and not the best alone. */
  readonly allPaths?: true;
  /** Who dials. */
  readonly dials: "a" | "b" | "both";
  /** Between ASes: how each end treats the other until it is told otherwise. */
  readonly treatments?: { readonly a: Treatment; readonly b: Treatment };
}

/** How one router treats one neighbour of another AS. */
export interface Treatment {
  /** Told with every route. */
  readonly med: number;
  /** How often our AS is named beyond the once. */
  readonly prepends: number;
}

export function randomTreatment(random: Random): Treatment {
  return { med: random.integer(4) * 10, prepends: random.chance(0.3) ? random.integer(3) : 0 };
}

export function randomFabric(random: Random, routersMax: number): Fabric {
  const routers: Router[] = [];
  const links: Link[] = [];
  const systems: System[] = [];
  for (let asn = 65001; routers.length < routersMax; asn++) {
    const size = Math.min(1 + random.integer(6), routersMax - routers.length);
    const system = randomSystem(random, asn, size);
    const members = randomRouters(random, system, { first: routers.length + 1, size });
    links.push(...linksInside(random, system, members));
    if (systems.length > 0) links.push(...linksOutside(random, members, routers));
    systems.push(system);
    routers.push(...members);
  }
  return { systems, routers, links: links.map((link) => withPaths(random, link, links)) };
}

function withPaths(random: Random, link: Link, links: readonly Link[]): Link {
  const isAtBorder = links.some(({ a, b, treatments }) => treatments && (a === link.a || b === link.a));
  return link.relation === "client" && !isAtBorder && random.chance(0.7) ? { ...link, allPaths: true } : link;
}

function randomSystem(random: Random, asn: number, size: number): System {
  const inside = random.pick<System["inside"]>("mesh", "reflectors");
  // A reflector does not touch the next hop, and neither do its clients here: all exits are equally near.
  const nextHopMode = inside === "mesh" ? random.pick<System["nextHopMode"]>("self", "keep") : "keep";
  const heedsMed = size === 1 || random.chance(0.5);
  return { asn, heedsMed, prefersApart: heedsMed && size > 1, inside, nextHopMode };
}

function randomRouters(
  random: Random,
  { asn, inside }: System,
  { first, size }: { readonly first: number; readonly size: number },
): Router[] {
  const addresses = random.list(size, (index) => `10.0.0.${first + index}`);
  const reflectors = inside === "mesh" ? 0 : Math.min(size, 1 + random.integer(2));
  const shareCluster = random.chance(0.5);
  return addresses.map((address, index) => ({
    address,
    address6: `fd00::${(first + index).toString(16)}`,
    asn,
    isReflector: index < reflectors,
    clusterId: index < reflectors && shareCluster ? (addresses[0] ?? address) : address,
    restartsGracefully: random.chance(0.5),
    multipath: random.pick<Router["multipath"]>("strict", "relaxed", null),
    costs: new Map(inside === "mesh" ? addresses.map((other) => [other, 1 + random.integer(4)]) : []),
  }));
}

/** Everybody with everybody; or reflectors with each other, and each client with one of them at least. */
function linksInside(random: Random, { inside }: System, members: readonly Router[]): Link[] {
  const dials = (): Link["dials"] => random.pick<Link["dials"]>("both", "a", "b");
  const pairs = members.flatMap((a, i) => members.slice(i + 1).map((b) => [a, b] as const));
  if (inside === "mesh")
    return pairs.map(([a, b]) => ({ a: a.address, b: b.address, relation: "equal", dials: dials() }));
  const [reflectors, clients] = [
    members.filter((each) => each.isReflector),
    members.filter((each) => !each.isReflector),
  ];
  const sharesCluster = new Set(reflectors.map(({ clusterId }) => clusterId)).size < reflectors.length;
  return [
    ...pairs
      .filter(([a, b]) => a.isReflector && b.isReflector)
      .map(([a, b]): Link => ({ a: a.address, b: b.address, relation: "equal", dials: dials() })),
    // RFC 4456 §7: reflectors of one cluster do not pass on what the other reflected, so all clients are everybody's.
    ...clients.flatMap((client) =>
      random
        .some(reflectors, sharesCluster ? 1 : 0.5, 1)
        .map((each): Link => ({ a: each.address, b: client.address, relation: "client", dials: dials() })),
    ),
  ];
}

/** The newcomer has a provider at least, is linked to each neighbouring AS once or twice, and to some as a peer. */
function linksOutside(random: Random, members: readonly Router[], earlier: readonly Router[]): Link[] {
  const asns = [...new Set(earlier.map(({ asn }) => asn))];
  const neighbors = random.some(asns, 2 / asns.length, 1);
  return neighbors.flatMap((asn, place) => {
    const relation = place > 0 && random.chance(0.4) ? "peer" : "customer";
    const there = earlier.filter((router) => router.asn === asn);
    const pairs = new Set(
      random.list(1 + random.integer(2), () => `${index(random, there)} ${index(random, members)}`),
    );
    return [...pairs].map((pair): Link => {
      const [a = "", b = ""] = pair.split(" ");
      const treatments = { a: randomTreatment(random), b: randomTreatment(random) };
      return { a, b, relation, dials: random.pick<Link["dials"]>("both", "a", "b"), treatments };
    });
  });
}

function index(random: Random, routers: readonly Router[]): string {
  return routers[random.integer(routers.length)]?.address ?? "";
}
