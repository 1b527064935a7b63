/** What the session machine is told about itself and its peer, worked out from `PeerConfig` by the speaker. */
import type { Family } from "@brindle/net";
import type { BgpRole, Capability } from "../wire/message.ts";

export interface SessionConfig {
  readonly localAsn: number;
  readonly localBgpId: number;
  /** `null`: any but ours. */
  readonly peerAsn: number | null;
  /** What we offer; 0 for a session without keepalives. Never 1 or 2 (RFC 4271 §4.2). */
  readonly holdSeconds: number;
  readonly connectRetrySeconds: number;
  /** Wait for the peer to dial. */
  readonly passive: boolean;
  /** Why a dial may well be without an answer, as a person would ask: `is the password the same there?` */
  readonly silenceHint?: string;
  /** Why a peer may well say nothing on a connection that stands. */
  readonly openHint?: string;
  /** What we say that we are to the peer (RFC 9234), and whether a peer that says nothing is refused. */
  readonly role?: { readonly ours: BgpRole; readonly strict: boolean };
  /** RFC 9687: how long the peer may read nothing of what waits for it. By default eight minutes, or two hold times. */
  readonly sendHoldSeconds?: number;
  /** How often the peer hears that we live; by default a third of the hold time. */
  readonly keepaliveSeconds?: number;
  /** What we are willing to carry. At least one. */
  readonly families: readonly Family[];
  /** All that the OPEN offers, the families' included: `offeredCapabilities` makes the usual ones. */
  readonly capabilities: readonly Capability[];
}

/** The multiprotocol capability of each family, route refresh, four-octet AS numbers. */
export function offeredCapabilities(config: Pick<SessionConfig, "localAsn" | "families">): Capability[] {
  return [
    ...config.families.map((family): Capability => ({ code: 1, name: "multiprotocol", family })),
    { code: 2, name: "routeRefresh" },
    { code: 65, name: "fourOctetAs", asn: config.localAsn },
  ];
}
