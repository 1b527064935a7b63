/** `bgp routes`: the table of this node's speaker, and why each route is the best or is not. */

import type { RouteQuery, RouteStatus } from "@brindle/bgp";
import { formatAddress, formatPrefix, networkOf, parseAddress, parseCidr } from "@brindle/net";
import { expectNode } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { expectPeers } from "./expectPeers.ts";

export interface RoutesOptions {
  readonly output: OutputForm;
  readonly node?: string;
  readonly family?: "4" | "6";
  readonly peer?: string;
  readonly advertisedTo?: string;
  readonly all?: boolean;
  /** Only what import refused. */
  readonly filtered?: boolean;
  readonly limit: number;
}

export async function showRoutes(prefix: string | undefined, options: RoutesOptions, ports: Ports): Promise<ExitCode> {
  const query = routeQuery(prefix, options);
  await expectNode(options.node, ports);
  await expectPeers([options.peer, options.advertisedTo], ports);
  const answer = await ports.callAgent("bgp.routes", query);
  const routes = answer as readonly RouteStatus[]; // What the agent promises to answer.
  if (options.output === "yaml" || options.output === "json") ports.print(formatStructure(routes, options.output));
  else {
    if (query.covering !== undefined && routes[0])
      ports.print(`of the prefixes that hold ${query.covering}, ${routes[0].prefix} is the most specific`);
    ports.print(formatRoutes(routes, { isWide: options.output === "wide" }));
  }
  if (routes.length === options.limit) {
    ports.warn(`these are the first ${options.limit} routes: ask for a prefix, or for more with --limit`);
  }
  return 0;
}

/** Who asks for one prefix wants to know how it was decided, so all its routes are shown. */
export function routeQuery(prefix: string | undefined, options: Omit<RoutesOptions, "output" | "node">): RouteQuery {
  const { family, peer, advertisedTo, all = false, filtered = false, limit } = options;
  if (advertisedTo !== undefined && all)
    throw usage("--all goes not with --advertised-to: only best routes are announced");
  return {
    bestOnly: !all && prefix === undefined,
    limit,
    ...(filtered && { refusedOnly: true }),
    ...(prefix !== undefined && placeNamed(prefix)),
    ...(family !== undefined && { family: family === "4" ? 4 : 6 }),
    ...(peer !== undefined && { peer }),
    ...(advertisedTo !== undefined && { advertisedTo }),
  };
}

export function formatRoutes(routes: readonly RouteStatus[], { isWide }: { readonly isWide: boolean }): string {
  if (routes.length === 0) return "no such routes";
  return formatTable(isWide ? [...columns, ...wideColumns] : columns, routes);
}

const columns: readonly TableColumn<RouteStatus>[] = [
  { header: "PREFIX", cell: ({ prefix }) => prefix },
  { header: "NEXT HOP", cell: ({ nextHop }) => nextHop ?? "-" },
  { header: "FROM", cell: ({ from }) => from },
  { header: "AS PATH", cell: ({ asPath }) => asPath || "-" },
  { header: "LOCAL PREF", cell: ({ localPref }) => String(localPref ?? "-") },
  { header: "MED", cell: ({ med }) => String(med ?? "-") },
  { header: "DECISION", cell: decisionOf },
];

const wideColumns: readonly TableColumn<RouteStatus>[] = [
  { header: "ORIGIN", cell: ({ origin }) => origin },
  {
    header: "COMMUNITIES",
    cell: ({ communities, largeCommunities }) => [...communities, ...largeCommunities].join(" ") || "-",
  },
];

function decisionOf({ best, used, lostBy, lostByRule, refusedBy }: RouteStatus): string {
  if (best) return "best";
  const beside = used ? "used beside the best; " : "";
  if (refusedBy) return `refused by filter ${refusedBy.filter}, rule ${refusedBy.place}`;
  if (lostBy === null) return "-";
  const text = decisions[lostBy] ?? `lost by ${lostBy}`;
  return `${beside}${text}${lostByRule === null ? "" : ` (rule ${lostByRule})`}`;
}

/** By the names that the speaker gives to its verdicts and to the rules of its decision. */
const decisions: Readonly<Record<string, string>> = {
  asLoop: "refused: our AS is in its path",
  originatorLoop: "refused: it began here",
  clusterLoop: "refused: it has been here",
  ownNextHop: "refused: its next hop is this node",
  importPolicy: "refused by the import policy",
  nextHopUnreachable: "next hop cannot be reached",
  localPref: "lost by local preference",
  asPathLength: "lost by AS path length",
  origin: "lost by origin",
  med: "lost by MED",
  external: "lost to an external route",
  igpCost: "lost by distance to its next hop",
  bgpId: "lost by BGP identifier",
  clusterList: "lost by cluster list",
  peer: "lost by peer address",
};

/** With a length exactly that prefix, without one the most specific that holds the address. */
function placeNamed(text: string): Pick<RouteQuery, "prefix" | "covering"> {
  const cidr = parseCidr(text);
  if (cidr) return { prefix: formatPrefix(networkOf(cidr)) };
  const address = parseAddress(text);
  if (address) return { covering: formatAddress(address) };
  throw usage(`"${text}" is no prefix like 10.1.0.0/26 and no address`);
}
