/** What a FabricPeer changes in the routes of a session, beside what its filters do. */
import type * as z from "zod";
import { community } from "../community.ts";
import { asNumber, integer } from "../fields.ts";
import { field, list, object, optional, set } from "../schema.ts";

/** Of routes that the peer is told. */
export interface AnnouncedRoutes {
  readonly communities?: readonly string[];
  readonly med?: number;
  /** Behind our own AS, the first of them the outermost. */
  readonly prependASPath?: readonly number[];
}

/** Of routes that the peer tells. */
export interface AcceptedRoutes {
  readonly communities?: readonly string[];
  readonly localPreference?: number;
}

const communities = optional(field(set(community, { max: 50 }), "Communities that each route gets besides its own."));
const unsigned32 = integer(0, 0xffffffff);

export const announcedRoutes: z.ZodType<AnnouncedRoutes> = object<AnnouncedRoutes>({
  communities,
  med: optional(
    field(unsigned32, "The MED of each route: the peer prefers the lower one among several sessions with us."),
  ),
  prependASPath: optional(
    field(
      list(asNumber, { min: 1, max: 10 }),
      "What stands behind the node's own AS in each AS path, so that it is longer, and less preferred.",
    ),
  ),
});

export const acceptedRoutes: z.ZodType<AcceptedRoutes> = object<AcceptedRoutes>({
  communities,
  localPreference: optional(field(unsigned32, "How much each route is preferred. Where left out: 100.")),
});
