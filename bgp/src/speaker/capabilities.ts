/** What our OPEN offers. */
import { offeredCapabilities } from "../session/config.ts";
import type { Capability } from "../wire/message.ts";
import type { GracefulRestartConfig, PeerConfig, SpeakerConfig } from "./config.ts";

type OfSpeaker = Pick<SpeakerConfig, "asn" | "gracefulRestart" | "identity">;
type OfPeer = Pick<PeerConfig, "families" | "extendedNextHop" | "localRole" | "addPath">;

export interface OwnState {
  /** This process has taken over from one that died, and has not caught up yet. */
  readonly restarting: boolean;
  /**
   * Whether forwarding has gone on since the session before, as far as the speaker can know (RFC 4724 §3, the F bit): a
   * process that took nobody's place, as after a power cut, finds a kernel without routes.
   */
  readonly hasKept: boolean;
}

export function ownCapabilities(
  { asn, gracefulRestart, identity }: OfSpeaker,
  { families, extendedNextHop, localRole, addPath }: OfPeer,
  state: OwnState,
): Capability[] {
  const capabilities: Capability[] = [
    ...offeredCapabilities({ localAsn: asn, families }),
    { code: 6, name: "extendedMessage" },
    { code: 70, name: "enhancedRouteRefresh" },
  ];
  if (extendedNextHop && families.includes(4)) {
    capabilities.push({ code: 5, name: "extendedNextHop", families: [{ family: 4, nextHop: 6 }] });
  }
  const { send = false, receive = false } = addPath ?? {};
  if (send || receive) {
    const paths = families.map((family) => ({ family, send, receive }));
    capabilities.push({ code: 69, name: "addPath", families: paths });
  }
  if (localRole) capabilities.push({ code: 9, name: "role", role: localRole });
  if (gracefulRestart) capabilities.push(...restartCapabilities(gracefulRestart, families, state));
  if (identity) {
    const { hostName: host, domain = "", software } = identity;
    capabilities.push({ code: 73, name: "fqdn", host, domain }, { code: 75, name: "softwareVersion", text: software });
  }
  return capabilities;
}

function restartCapabilities(
  { restartSeconds, forwardingKept, longLivedSeconds, helperOnly }: GracefulRestartConfig,
  families: PeerConfig["families"],
  { restarting, hasKept }: OwnState,
): Capability[] {
  const kept = (helperOnly ? [] : families).map((family) => ({ family, forwardingKept: forwardingKept && hasKept }));
  const restart = { restarting, notifications: true, restartSeconds, families: kept } as const;
  const capabilities: Capability[] = [{ code: 64, name: "gracefulRestart", restart }];
  if (longLivedSeconds !== undefined) {
    const longLived = kept.map((each) => ({ ...each, staleSeconds: longLivedSeconds }));
    capabilities.push({ code: 71, name: "longLivedRestart", families: longLived });
  }
  return capabilities;
}
