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

/** All that the peer is told: at most `limit` rows, in the order of the table. */
export function told(
  rib: Rib,
  terms: Rehearsed,
  { limit, from }: { readonly limit: number; readonly from: PrefixId },
): RehearsedSlice {
  const rows: AdvertisedRoute[] = [];
  const end = Math.min(rib.prefixes.idsEnd, from + prefixesPerSlice);
  const seen: CandidatesSeen = new Map();
  let prefix = from;
  for (; prefix < end && rows.length < limit; prefix++) {
    const row = rib.prefixes.isLive(prefix) ? rowOf(rib, terms, prefix, seen) : null;
    if (row) rows.push({ ...row, change: null });
  }
  return { rows, next: prefix < rib.prefixes.idsEnd && rows.length < limit ? prefix : null };
}

/** A table, and what one peer is told of it. */
export interface Telling {
  readonly rib: Rib;
  readonly terms: Rehearsed;
}

/** What differs of one prefix: `new` and `changed` as it would be, `gone` as it is; zero stands for a table without it. */
export function difference(
  before: Telling & { readonly prefix: PrefixId; readonly seen: CandidatesSeen },
  after: Telling & { readonly prefix: PrefixId; readonly seen: CandidatesSeen },
): AdvertisedRoute | null {
  const [is, would] = [before, after].map(({ rib, terms, prefix, seen }) =>
    prefix === 0 ? null : rowOf(rib, terms, prefix, seen),
  );
  const change = changeOf(is ?? null, would ?? null);
  const row = would ?? is;
  return change && row ? { ...row, change } : null;
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
