/** What an operator is told of a session that stands. */
import { formatAddress } from "@brindle/net";
import type { EstablishedStatus } from "../control.ts";
import type { Rib } from "../rib/rib.ts";
import type { SessionState } from "../session/state.ts";
import type { PeerConfig } from "./config.ts";
import { prefixWarnings } from "./prefixLimits.ts";
import type { RouteSide } from "./routeSide.ts";

/** `null` while there is none: counts of a session that is down would lie. */
export function sessionStatus(
  state: SessionState | undefined,
  routes: RouteSide,
  { rib, maxPrefixes }: { readonly rib: Rib; readonly maxPrefixes: PeerConfig["maxPrefixes"] },
): EstablishedStatus | null {
  const { agreement, faults } = routes;
  if (state?.phase !== "established" || !agreement) return null;
  const families = agreement.negotiated.families.map((family) => {
    const { received, accepted } = rib.counts(routes.ribPeer, family);
    const advertised = routes.out?.advertised(family) ?? 0;
    return { family, received, accepted, filtered: received - accepted, advertised };
  });
  const warnings = prefixWarnings(maxPrefixes, families);
  return {
    remoteBgpId: formatAddress({ family: 4, value: BigInt(state.open.bgpId) }),
    holdSeconds: state.holdSeconds,
    families,
    ...(faults && { attributeFaults: faults }),
    ...(warnings.length > 0 && { warnings }),
  };
}
