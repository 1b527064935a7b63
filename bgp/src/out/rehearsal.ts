/** What one peer would be told under some terms, as a person reads it: without telling anybody. */
import { type Address, formatAddress } from "@brindle/net";
import type { AdvertisedRoute } from "../control.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import { formatAsPath, formatCommunity, formatLargeCommunity } from "../wire/text.ts";
import { attributesOf, hopOf } from "./encodeTold.ts";
import { type CandidatesSeen, type ExportView, exportVerdict } from "./exportView.ts";
import type { Told } from "./told.ts";

export interface Rehearsed {
  readonly view: ExportView;
  readonly peer: PeerId;
  readonly peerAddress: Address;
}

/** What one call found, and where the next one begins; `null` at the end. */
export interface RehearsedSlice {
  readonly rows: readonly AdvertisedRoute[];
  readonly next: PrefixId | null;
}

/** Some 5 ms of work: whoever asks waits, a keepalive does not. */
const prefixesPerSlice = 1024;

type Row = Omit<AdvertisedRoute, "change">;

/**
 * All that the peer would be told, or, with `before`, what differs from what it is told under those terms: `new` and
 * `changed` as it would be, `gone` as it is. At most `limit` rows, in the order of the table.
 */
export function rehearse(
  rib: Rib,
  after: Rehearsed,
  {
    before = null,
    limit,
    from,
  }: { readonly before?: Rehearsed | null; readonly limit: number; readonly from: PrefixId },
): RehearsedSlice {
  const rows: AdvertisedRoute[] = [];
  const end = Math.min(rib.prefixes.idsEnd, from + prefixesPerSlice);
  const [seenAfter, seenBefore]: CandidatesSeen[] = [new Map(), new Map()];
  let prefix = from;
  for (; prefix < end && rows.length < limit; prefix++) {
    if (!rib.prefixes.isLive(prefix)) continue;
    const would = rowOf(rib, after, prefix, seenAfter ?? new Map());
    if (!before) {
      if (would) rows.push({ ...would, change: null });
      continue;
    }
    const is = rowOf(rib, before, prefix, seenBefore ?? new Map());
    const change = changeOf(is, would);
    const row = would ?? is;
    if (change && row) rows.push({ ...row, change });
  }
  return { rows, next: prefix < rib.prefixes.idsEnd && rows.length < limit ? prefix : null };
}

function changeOf(is: Row | null, would: Row | null): AdvertisedRoute["change"] {
  if (!is) return would ? "new" : null;
  if (!would) return "gone";
  const said = ({ acceptedBy: _, ...row }: Row): string => JSON.stringify(row);
  return said(is) === said(would) ? null : "changed";
}

function rowOf(rib: Rib, { view, peer, peerAddress }: Rehearsed, prefix: PrefixId, seen: CandidatesSeen): Row | null {
  const route = rib.best(prefix);
  if (route === 0) return null;
  const verdict = exportVerdict(rib, { ...view, peer }, { prefix, route, seen });
  if (verdict === false) return null;
  const rule = verdict === true ? null : verdict;
  const [attr, hop, from] = [rib.routes.attr.get(route), rib.routes.nextHop.get(route), rib.routes.peer.get(route)];
  const told: Told = { family: rib.prefixes.family(prefix), attr, hop, from, rule, prefixes: [prefix], pathIds: [] };
  const nextHop = hopOf(told, { rib, view }, peerAddress);
  const attributes = attributesOf(told, { rib, view });
  return {
    prefix: rib.prefixes.text(prefix),
    nextHop: nextHop ? formatAddress(nextHop) : null,
    asPath: formatAsPath(attributes.asPath),
    origin: attributes.origin,
    localPref: attributes.localPref ?? null,
    med: attributes.med ?? null,
    communities: (attributes.communities ?? []).map(formatCommunity),
    largeCommunities: (attributes.largeCommunities ?? []).map(formatLargeCommunity),
    acceptedBy: rule && { filter: rule.filter, place: rule.place },
  };
}
