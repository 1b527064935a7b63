/** By what a peer's routes are judged where they come in, whatever they are: made of the configuration and the session's address. */
import { type Address, formatAddress } from "@brindle/net";
import { CompiledFilters } from "../filter/compile.ts";
import type { RouteFilter } from "../filter/rule.ts";
import type { ImportRules } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { Rib } from "../rib/rib.ts";
import { loopVerdict, type Verdict } from "../rib/verdict.ts";
import { attributeFlag } from "../wire/attributeSummary.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { asLastResort } from "./gracefulShutdown.ts";
import { addressOf } from "./peerPlace.ts";
import { isLeak } from "./routeLeak.ts";

/**
 * Longer than any path of the Internet, whose longest are some 250 by repeated prepending: what is beyond is an accident
 * or an attack, and would be told on to peers that may break by it.
 */
const asPathLengthMax = 512;

interface Config {
  readonly speaker: Pick<SpeakerConfig, "asn" | "bgpId" | "clusterId">;
  readonly peer: PeerConfig;
}

/** Rules, and what they were made of. */
export interface KnownRules {
  readonly config: Config;
  /** An address of the session that the configuration does not name. */
  readonly local: string | null;
  readonly rules: ImportRules;
}

/** Those that are `known`, if they are of the same configuration and address: nearly every session comes up by such. */
export function presentRules(known: KnownRules | null, config: Config, local: Address | null, rib: Rib): KnownRules {
  const text = local && formatAddress(local);
  const other = text === config.peer.localAddress ? null : text;
  if (known?.config === config && known.local === other) return known;
  return { config, local: other, rules: makeRules(config, text, rib) };
}

function makeRules({ peer, speaker }: Config, local: string | null, rib: Rib): ImportRules {
  const bgpId = Number(addressOf(speaker.bgpId).value);
  const asnMax = peer.ownAsMax ?? 0;
  const own = { asn: speaker.asn, asnMax, bgpId, clusterId: clusterIdOf(speaker) };
  const ownAddresses = ownAddressesOf(peer, local);
  const judge = (attr: number, nextHop: number): Verdict => {
    if (ownAddresses.has(rib.nextHops.text(nextHop))) return "ownNextHop"; // RFC 4271 §5.1.3
    const verdict = loopVerdict(rib.attrs, attr, own);
    if (rib.attrs.asPathLength.get(attr) > asPathLengthMax) return "asPathTooLong";
    const isMarked = (rib.attrs.flags.get(attr) & attributeFlag.onlyToCustomer) !== 0;
    if (verdict !== "accepted" || !isMarked || !peer.localRole) return verdict;
    return isLeak(rib.attrs.value(attr).onlyToCustomer, peer.localRole, peer.asn) ? "routeLeak" : "accepted";
  };
  const { importFilters } = peer.gracefulShutdown ? asLastResort(peer) : peer;
  const filters = filtersOf(importFilters, { external: peer.asn !== speaker.asn });
  return { ...filters, filter: new PrefixFilter(peer.importPolicy), judge };
}

function ownAddressesOf({ nextHop, localAddress }: PeerConfig, local: string | null): Set<string> {
  const addresses = [nextHop[4], nextHop[6], localAddress, local ?? undefined];
  return new Set(addresses.flatMap((text) => (text === undefined ? [] : [formatAddress(addressOf(text))])));
}

/** Absent where there is nothing to ask, which costs nothing. */
export function filtersOf(
  filters: readonly RouteFilter[] = [],
  context: { readonly external: boolean },
): { filters?: CompiledFilters } {
  const compiled = new CompiledFilters(filters, context);
  return compiled.isEmpty ? {} : { filters: compiled };
}

/** RFC 4456 §7. */
export function clusterIdOf({ clusterId, bgpId }: Pick<SpeakerConfig, "clusterId" | "bgpId">): number {
  return Number(addressOf(clusterId ?? bgpId).value);
}
