/** What our OPEN offers. */
import { offeredCapabilities } from "../session/config.ts";
import type { Capability } from "../wire/message.ts";
import type { GracefulRestartConfig, PeerConfig, SpeakerConfig } from "./config.ts";

type OfSpeaker = Pick<SpeakerConfig, "asn" | "gracefulRestart" | "identity">;
type OfPeer = Pick<PeerConfig, "families" | "extendedNextHop" | "localRole">;

/** `restarting`: this process has taken over from one that died, and has not caught up yet. */
export function ownCapabilities(
  { asn, gracefulRestart, identity }: OfSpeaker,
  { families, extendedNextHop, localRole }: OfPeer,
  { restarting }: { readonly restarting: boolean },
): Capability[] {
  const capabilities: Capability[] = [
    ...offeredCapabilities({ localAsn: asn, families }),
    { code: 6, name: "extendedMessage" },
    { code: 70, name: "enhancedRouteRefresh" },
  ];
  if (extendedNextHop && families.includes(4)) {
    capabilities.push({ code: 5, name: "extendedNextHop", families: [{ family: 4, nextHop: 6 }] });
  }
  if (localRole) capabilities.push({ code: 9, name: "role", role: localRole });
  if (gracefulRestart) capabilities.push(...restartCapabilities(gracefulRestart, families, restarting));
  if (identity) {
    const { hostName: host, domain = "", software } = identity;
    capabilities.push({ code: 73, name: "fqdn", host, domain }, { code: 75, name: "softwareVersion", text: software });
  }
  return capabilities;
}

function restartCapabilities(
  { restartSeconds, forwardingKept, longLivedSeconds }: GracefulRestartConfig,
  families: PeerConfig["families"],
  restarting: boolean,
): Capability[] {
  const kept = families.map((family) => ({ family, forwardingKept }));
  const restart = { restarting, notifications: true, restartSeconds, families: kept } as const;
  const capabilities: Capability[] = [{ code: 64, name: "gracefulRestart", restart }];
  if (longLivedSeconds !== undefined) {
    const longLived = kept.map((each) => ({ ...each, staleSeconds: longLivedSeconds }));
    capabilities.push({ code: 71, name: "longLivedRestart", families: longLived });
  }
  return capabilities;
}
