/** What an operator is told of a session that stands. */
import { formatAddress } from "@brindle/net";
import type { EstablishedStatus, LimitCounts } from "../control.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { PeerConfig } from "./config.ts";
import type { PeerSession } from "./peerSession.ts";
import { prefixWarnings } from "./prefixLimits.ts";
import type { RouteSide } from "./routeSide.ts";

/** What of the peer was not kept; nothing where all was. */
export function limitStatus(rib: Rib, peer: PeerId): { limited?: LimitCounts } {
  const { prefixes, paths, attributes, asPath } = rib.peers.limited;
  const limited = {
    prefixes: prefixes.get(peer),
    paths: paths.get(peer),
    attributes: attributes.get(peer),
    asPath: asPath.get(peer),
  };
  return Object.values(limited).some((count) => count > 0) ? { limited } : {};
}

/** `null` while there is none: counts of a session that is down would lie. */
export function sessionStatus(
  session: Pick<PeerSession, "state" | "undrainedBytes"> | null,
  routes: RouteSide,
  { rib, maxPrefixes }: { readonly rib: Rib; readonly maxPrefixes: PeerConfig["maxPrefixes"] },
): EstablishedStatus | null {
  const { agreement, faults } = routes;
  const { state, undrainedBytes: queuedBytes = 0 } = session ?? {};
  if (state?.phase !== "established" || !agreement) return null;
  const families = agreement.negotiated.families.map((family) => {
    const { received, accepted } = rib.counts(routes.ribPeer, family);
    const advertised = routes.out?.advertised(family) ?? 0;
    return { family, received, accepted, filtered: received - accepted, advertised };
  });
  const discarded = rib.peers.limited.prefixes.get(routes.ribPeer);
  const warnings = [
    ...prefixWarnings(maxPrefixes, families),
    ...(maxPrefixes?.action === "discard" && discarded > 0
      ? [`${discarded} announcements beyond that were dropped; once there is room, a refresh brings them`]
      : []),
  ];
  return {
    remoteBgpId: formatAddress({ family: 4, value: BigInt(state.open.bgpId) }),
    holdSeconds: state.holdSeconds,
    families,
    queuedBytes,
    ...(faults && { attributeFaults: faults }),
    ...(warnings.length > 0 && { warnings }),
  };
}
