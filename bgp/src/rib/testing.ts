/** Small worlds for the tests of the table and of what is derived from it. Nothing else imports it. */
import type { PathAttributes } from "../wire/message.ts";
import { address, packed } from "../wire/testing.ts";
import type { PeerId, RibPeer } from "./peerTable.ts";
import { PrefixFilter } from "./prefixFilter.ts";
import { Rib } from "./rib.ts";
import { loopVerdict } from "./verdict.ts";

export const ownAsn = 64512;
const own = { asn: ownAsn, bgpId: 1, clusterId: 1 };

export function newRib(): Rib {
  return new Rib(ribPeer({ name: "local", address: address("0.0.0.0"), bgpId: 0 }));
}

export function ribPeer(parts: Partial<RibPeer>, rib?: () => Rib): RibPeer {
  const judge: RibPeer["importRules"]["judge"] = (attr) => {
    return rib ? loopVerdict(rib().attrs, attr, own) : "accepted";
  };
  const importRules = { filter: new PrefixFilter({ accept: "all" }), judge };
  return { name: "peer", external: true, bgpId: 7, address: address("192.0.2.1"), importRules, ...parts };
}

export function path(...asns: number[]): PathAttributes {
  return { origin: "igp", asPath: asns.length > 0 ? [{ type: "sequence", asns }] : [] };
}

export interface Told {
  readonly prefix: string;
  readonly nextHop?: string;
  readonly attributes?: PathAttributes;
}

export function announce(
  rib: Rib,
  peer: PeerId,
  { prefix, nextHop = "192.0.2.9", attributes = path(65001) }: Told,
): void {
  rib.announce(peer, { prefixes: packed(prefix), nextHop: address(nextHop) }, attributes);
}

/** Everything that there is to do; gives the prefixes whose best route changed. */
export function settleAll(rib: Rib): string[] {
  const changed: string[] = [];
  while (!rib.isSettled) {
    rib.walk(100);
    rib.settle(100, (prefix) => changed.push(rib.prefixes.text(prefix)));
  }
  return changed;
}

export function bestOf(rib: Rib, prefix: string): string | null {
  const route = rib.best(rib.prefixes.find(packed(prefix), 0));
  return route === 0 ? null : rib.peers.get(rib.routes.peer.get(route)).name;
}
