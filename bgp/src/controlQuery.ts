/** Parameters of the control interface's questions about routes, from whoever may open the socket. */
import { ControlError, parseAddress, parsePrefix } from "@brindle/net";
import type { RouteQuery } from "./speaker/event.ts";
import type { MaintenanceWish } from "./speaker/maintenance.ts";

const limitMax = 10_000;

export function routeQuery(params: unknown): RouteQuery {
  if (params === null || params === undefined) return {};
  if (typeof params !== "object") throw invalid("must be an object");
  const { family, prefix, covering, peer, bestOnly, refusedOnly, advertisedTo, limit } = params as Record<
    string,
    unknown
  >;
  if (family !== undefined && family !== 4 && family !== 6) throw invalid("family must be 4 or 6");
  if (bestOnly !== undefined && typeof bestOnly !== "boolean") throw invalid("bestOnly must be true or false");
  if (refusedOnly !== undefined && typeof refusedOnly !== "boolean") throw invalid("refusedOnly must be true or false");
  if (limit !== undefined && !isLimit(limit)) throw invalid(`limit must be 1 to ${limitMax}`);
  if (prefix !== undefined && (typeof prefix !== "string" || !parsePrefix(prefix)))
    throw invalid("prefix is no prefix");
  if (covering !== undefined && (typeof covering !== "string" || !parseAddress(covering)))
    throw invalid("covering is no address");
  if (prefix !== undefined && covering !== undefined) throw invalid("prefix and covering go not together");
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

const shutdownTextBytesMax = 255;

/** `bgp.maintenance`: of whom, `null` for all, and what is wished. RFC 9003 §2: a text has 255 bytes at most. */
export function maintenanceWish(params: unknown): {
  readonly peer: string | null;
  readonly wish: MaintenanceWish | null;
} {
  const { name, on, text, waitSeconds = 60 } = (params ?? {}) as Record<string, unknown>;
  const refuse = (reason: string): never => {
    throw new ControlError("INVALID", `bgp.maintenance: ${reason}`);
  };
  if (name !== null && typeof name !== "string") return refuse("name must be that of a peer, or null for all");
  if (typeof on !== "boolean") return refuse("on must be true or false");
  if (text !== undefined && typeof text !== "string") return refuse("text is no text");
  const bytes = text === undefined ? 0 : new TextEncoder().encode(text).length;
  if (bytes > shutdownTextBytesMax) return refuse(`text has ${bytes} bytes, and ${shutdownTextBytesMax} can be sent`);
  if (typeof waitSeconds !== "number" || !Number.isInteger(waitSeconds) || waitSeconds < 0 || waitSeconds > 86_400)
    return refuse("waitSeconds must be 0 to 86400");
  return { peer: name, wish: on ? { waitSeconds, ...(text !== undefined && { text }) } : null };
}

export interface RecordQuery {
  /** Which recording, `null` for a new one. */
  readonly id: number | null;
  /** No more of it is wanted. */
  readonly isLast: boolean;
  /** A new one begins with a new speaker, so that it can be played. */
  readonly afresh: boolean;
}

/** `bgp.record`. */
export function recordedFrom(params: unknown): RecordQuery {
  const { id = null, isLast = false, afresh = false } = (params ?? {}) as Record<string, unknown>;
  if (id !== null && typeof id !== "number") throw new ControlError("INVALID", "bgp.record: id is no number");
  if (typeof isLast !== "boolean") throw new ControlError("INVALID", "bgp.record: isLast must be true or false");
  if (typeof afresh !== "boolean") throw new ControlError("INVALID", "bgp.record: afresh must be true or false");
  if (afresh && id !== null) throw new ControlError("INVALID", "bgp.record: afresh is for a new one, without an id");
  return { id, isLast, afresh };
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
