/** Communities whose meaning is standardized, as numbers and as bits that a table can keep of each attribute set. */

import type { PathAttributes } from "./message.ts";

export const wellKnownCommunity = {
  /** RFC 8326. */
  gracefulShutdown: 0xffff0000,
  /** RFC 9494 §4.3 and §4.4. */
  llgrStale: 0xffff0006,
  noLlgr: 0xffff0007,
  /** RFC 7999. */
  blackhole: 0xffff029a,
  /** RFC 1997, "Well-known Communities". */
  noExport: 0xffffff01,
  noAdvertise: 0xffffff02,
  noExportSubconfed: 0xffffff03,
  /** RFC 3765. */
  noPeer: 0xffffff04,
} as const;

export const wellKnownBit: Readonly<Record<keyof typeof wellKnownCommunity, number>> = {
  gracefulShutdown: 1,
  llgrStale: 2,
  noLlgr: 4,
  blackhole: 8,
  noExport: 16,
  noAdvertise: 32,
  noExportSubconfed: 64,
  noPeer: 128,
};

/** RFC 9494 §4.2: kept beyond the restart time. */
export function withLlgrStale(attributes: PathAttributes): PathAttributes {
  const { communities = [] } = attributes;
  const { llgrStale } = wellKnownCommunity;
  return communities.includes(llgrStale) ? attributes : { ...attributes, communities: [...communities, llgrStale] };
}

/** The bit of this community, or zero for one that means nothing to us. */
export function wellKnownFlag(community: number): number {
  if (community < 0xffff0000) return 0;
  switch (community) {
    case wellKnownCommunity.gracefulShutdown:
      return wellKnownBit.gracefulShutdown;
    case wellKnownCommunity.llgrStale:
      return wellKnownBit.llgrStale;
    case wellKnownCommunity.noLlgr:
      return wellKnownBit.noLlgr;
    case wellKnownCommunity.blackhole:
      return wellKnownBit.blackhole;
    case wellKnownCommunity.noExport:
      return wellKnownBit.noExport;
    case wellKnownCommunity.noAdvertise:
      return wellKnownBit.noAdvertise;
    case wellKnownCommunity.noExportSubconfed:
      return wellKnownBit.noExportSubconfed;
    case wellKnownCommunity.noPeer:
      return wellKnownBit.noPeer;
    default:
      return 0;
  }
}
