/** How the session of a FabricPeer is kept: liveness, restart, role, bounds. */

import type * as z from "zod";
import { durationWithin, integer, oneOf, textUpTo } from "../fields.ts";
import { checked, field, object, optional } from "../schema.ts";

/** RFC 5880, and RFC 5881 or 5883 by the distance of the peer. */
export interface BfdSettings {
  readonly transmitInterval?: string;
  readonly receiveInterval?: string;
  readonly detectMultiplier?: number;
  readonly mode?: "Auto" | "SingleHop" | "Multihop";
}

/** RFC 4724, RFC 8538, RFC 9494. */
export interface GracefulRestartSettings {
  readonly mode?: "Full" | "Helper" | "Disabled";
  readonly maxRestartTime?: string;
  readonly longLivedStaleTime?: string;
}

/** Counted for each family apart. */
export interface MaxPrefixes {
  readonly limit: number;
  readonly warningPercent?: number;
  readonly action?: "Restart" | "Drop" | "Warn";
  readonly restartAfter?: string;
}

/** RFC 9003. */
export interface AdministrativeShutdown {
  readonly message?: string;
}

/** What this end is to the peer (RFC 9234). */
export type PeerRole = "Provider" | "Customer" | "Peer" | "RouteServer" | "RouteServerClient";

const bfdInterval = durationWithin("10ms", "60s");

export const bfd: z.ZodType<BfdSettings> = object<BfdSettings>({
  transmitInterval: optional(field(bfdInterval, "How often this end sends at most. Where left out: 300ms.")),
  receiveInterval: optional(field(bfdInterval, "How often this end takes packets at most. Where left out: 300ms.")),
  detectMultiplier: optional(
    field(integer(1, 255), "After how many packets that did not come the peer is gone. Where left out: 3."),
  ),
  mode: optional(
    field(
      oneOf("Auto", "SingleHop", "Multihop"),
      "Whether the peer is in a network of the node. Auto, where left out, looks at the peer's address.",
    ),
  ),
});

export const gracefulRestart: z.ZodType<GracefulRestartSettings> = object<GracefulRestartSettings>({
  mode: optional(
    field(
      oneOf("Full", "Helper", "Disabled"),
      "Full asks the peer to keep our routes while we restart, and keeps its own; Helper only keeps its own. Where left out: Full.",
    ),
  ),
  maxRestartTime: optional(
    field(
      durationWithin("1s", "4095s"),
      "How long the peer is to keep our routes without a session. Where left out: 2m0s.",
    ),
  ),
  longLivedStaleTime: optional(
    field(
      durationWithin("0s", "16777215s"),
      "How much longer they stay as routes of last resort. Where left out: 0s, not at all.",
    ),
  ),
});

export const maxPrefixes: z.ZodType<MaxPrefixes> = object<MaxPrefixes>(
  {
    limit: field(integer(1, 0xffffffff), "How many routes of a family the peer may send."),
    warningPercent: optional(
      field(integer(1, 100), "At which share of the limit a warning is logged. Where left out: 80."),
    ),
    action: optional(
      field(
        oneOf("Restart", "Drop", "Warn"),
        "What becomes of more: the session ends and begins again later, the routes are not taken, or they are taken with a warning. Where left out: Restart.",
      ),
    ),
    restartAfter: optional(
      field(durationWithin("1s", "24h"), "After which time such a session begins again. Where left out: 5m0s."),
    ),
  },
  ({ action = "Restart", restartAfter }, report) => {
    if (restartAfter !== undefined && action !== "Restart") report(["restartAfter"], "needs action Restart");
  },
);

const messageBytesMax = 255;

export const administrativeShutdown: z.ZodType<AdministrativeShutdown> = object<AdministrativeShutdown>({
  message: optional(
    field(
      checked(textUpTo(messageBytesMax), (value) =>
        new TextEncoder().encode(value).length <= messageBytesMax
          ? null
          : `has more than ${messageBytesMax} bytes in UTF-8`,
      ),
      "What the people at the other end are told.",
    ),
  ),
});
