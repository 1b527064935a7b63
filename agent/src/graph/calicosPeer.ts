/** A BGPPeer in the words of a FabricPeer, which has all that it has. */
import type { BGPPeerSpec, FabricPeerSpec } from "@brindle/api";

/** Calico takes empty text and zero hops for none. */
export function calicosPeer(spec: BGPPeerSpec): FabricPeerSpec {
  const { node, nodeSelector, peerIP, peerSelector, ttlSecurity, keepOriginalNextHop, maxRestartTime, ...same } = spec;
  return {
    ...same,
    ...(node && { node }),
    ...(nodeSelector && !node && { nodeSelector }),
    ...(peerIP && { peerIP }),
    ...(peerSelector && !peerIP && { peerSelector }),
    ...(ttlSecurity && { ttlSecurity }),
    ...(keepOriginalNextHop && { nextHopMode: "Keep" as const }),
    ...(maxRestartTime !== undefined && { gracefulRestart: { maxRestartTime } }),
  };
}
