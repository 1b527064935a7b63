/** Parameters of the control interface's questions about routes, from whoever may open the socket. */
import { ControlError, parsePrefix } from "@brindle/net";
import type { RouteQuery } from "./speaker/event.ts";

const limitMax = 10_000;

export function routeQuery(params: unknown): RouteQuery {
  if (params === null || params === undefined) return {};
  if (typeof params !== "object") throw invalid("must be an object");
  const { family, prefix, peer, bestOnly, refusedOnly, advertisedTo, limit } = params as Record<string, unknown>;
  if (family !== undefined && family !== 4 && family !== 6) throw invalid("family must be 4 or 6");
  if (bestOnly !== undefined && typeof bestOnly !== "boolean") throw invalid("bestOnly must be true or false");
  if (refusedOnly !== undefined && typeof refusedOnly !== "boolean") throw invalid("refusedOnly must be true or false");
  if (limit !== undefined && !isLimit(limit)) throw invalid(`limit must be 1 to ${limitMax}`);
  if (prefix !== undefined && (typeof prefix !== "string" || !parsePrefix(prefix)))
    throw invalid("prefix is no prefix");
  for (const [name, value] of Object.entries({ peer, advertisedTo })) {
    if (value !== undefined && typeof value !== "string") throw invalid(`${name} must be the name of a peer`);
  }
  return params as RouteQuery;
}

/** `bgp.advertised`: of whom, and how many routes at most. */
export function advertisedQuery(params: unknown): { readonly name: string; readonly limit: number } {
  const { name, limit = 1000 } = (params ?? {}) as Record<string, unknown>;
  if (typeof name !== "string") throw new ControlError("INVALID", "bgp.advertised: name must be that of a peer");
  if (!isLimit(limit)) throw new ControlError("INVALID", `bgp.advertised: limit must be 1 to ${limitMax}`);
  return { name, limit };
}

/** `bgp.dump`: where the slice begins, which the one before said. */
export function dumpFrom(params: unknown): number {
  const { from = 1 } = (params ?? {}) as Record<string, unknown>;
  if (typeof from === "number" && Number.isInteger(from) && from >= 1) return from;
  throw new ControlError("INVALID", "bgp.dump: from must be a number that the slice before told");
}

function isLimit(limit: unknown): limit is number {
  return Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= limitMax;
}

function invalid(reason: string): ControlError {
  return new ControlError("INVALID", `bgp.routes: ${reason}`);
}
