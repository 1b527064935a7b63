/** What a speaker tells of itself at a glance. */
import type { FamilyStatus, PeerStatus, PeerSummary, SpeakerSummary } from "../control.ts";
import type { Rib } from "../rib/rib.ts";
import type { SpeakerConfig } from "./config.ts";

export function summaryOf(
  config: Pick<SpeakerConfig, "asn" | "bgpId">,
  {
    rib,
    peers,
    refused,
    fellBehind,
    bmp,
    restart,
  }: Pick<SpeakerSummary, "restart"> &
    Required<Pick<SpeakerSummary, "refused" | "bmp" | "fellBehind">> & {
      readonly rib: Rib;
      readonly peers: readonly PeerStatus[];
    },
): SpeakerSummary {
  return {
    asn: config.asn,
    bgpId: config.bgpId,
    peers: peers.map(peerSummary),
    rib: { prefixes: rib.prefixes.size, routes: rib.routes.size, attributeSets: rib.attrs.size },
    ...(bmp.length > 0 && { bmp }),
    ...(restart && { restart }),
    refused: { ...refused },
    fellBehind,
  };
}

function peerSummary({ name, address, asn, phase, sinceMs, session, maintenance, limited }: PeerStatus): PeerSummary {
  const sum = (count: keyof Omit<FamilyStatus, "family">): number | null =>
    session === null ? null : session.families.reduce((total, family) => total + family[count], 0);
  const counts = { received: sum("received"), accepted: sum("accepted") };
  return {
    name,
    address,
    asn,
    state: phase,
    sinceMs,
    ...(maintenance && { maintenance: maintenance.phase }),
    ...(limited && { limited }),
    ...counts,
    filtered: sum("filtered"),
    advertised: sum("advertised"),
  };
}
