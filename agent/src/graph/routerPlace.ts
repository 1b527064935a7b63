/** Where the router of a resource is, as this node sees it. */
import { type FabricPeerSpec, parsePeerIp } from "@brindle/api";
import {
  type Address,
  addressBits,
  containsAddress,
  containsPrefix,
  formatAddress,
  formatPrefix,
  isLinkLocal,
  parseAddress,
  parsePrefix,
} from "@brindle/net";
import type { Neighbour, Place } from "./neighbour.ts";
import type { Gateways, NodeSpeaker } from "./peers.ts";

const bgpPort = 179; // RFC 4271 §8

interface Found {
  readonly place: Place;
  readonly lacks?: string;
}

/** `null` where this node can have no such peer: it has no address of that family, or is the router itself. */
export function routerPlace(spec: FabricPeerSpec, self: NodeSpeaker, gateways: Gateways): Found | null {
  const { peerIP, interface: name, range, defaultGateway } = spec;
  const ownEnd = (address: Address): Address | null =>
    spec.sourceAddress === "None" ? null : (self.addresses[address.family] ?? null);
  if (name !== undefined) return { place: { kind: "interface", interface: name } };
  if (defaultGateway !== undefined) return gatewayPlace(defaultGateway, gateways, ownEnd);
  if (range !== undefined) {
    const prefix = parsePrefix(range);
    if (!prefix || !self.addresses[prefix.address.family]) return null;
    return { place: { kind: "range", range: prefix, localAddress: ownEnd(prefix.address) } };
  }
  const endpoint = parsePeerIp(peerIP ?? "");
  const address = endpoint && parseAddress(endpoint.address);
  const local = address && self.addresses[address.family];
  if (!endpoint || !address || !local) return null;
  // A global peer that is one of the nodes concerns all the others.
  if (formatAddress(address) === formatAddress(local)) return null;
  const port = endpoint.port ?? bgpPort;
  const gateway = parseAddress(spec.reachableBy ?? "");
  const place = { kind: "address", address, port, localAddress: ownEnd(address) } as const;
  return { place: gateway ? { ...place, reachableBy: gateway } : place };
}

/** The routes to peers that their resources ask for: a host's prefix, and by which gateway. */
export function routesToPeers(neighbours: readonly Pick<Neighbour, "place">[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    neighbours.flatMap(({ place }): [string, string[]][] => {
      if (place.kind !== "address" || !place.reachableBy) return [];
      const host = formatPrefix({ address: place.address, length: addressBits[place.address.family] });
      return [[host, [formatAddress(place.reachableBy)]]];
    }),
  );
}

function gatewayPlace(
  wanted: NonNullable<FabricPeerSpec["defaultGateway"]>,
  gateways: Gateways,
  ownEnd: (address: Address) => Address | null,
): Found {
  const family = wanted === "IPv4" ? 4 : 6;
  const gateway = gateways[family];
  if (!gateway) {
    // It is shown beside the other peers, with the reason.
    const address = { family, value: 0n } as const;
    const lacks = `the node has no default route of ${wanted} by way of a gateway`;
    return { place: { kind: "address", address, port: bgpPort, localAddress: null }, lacks };
  }
  const { address, interface: name } = gateway;
  if (address.family === 6 && isLinkLocal(address)) {
    return { place: { kind: "address", address, port: bgpPort, localAddress: null, interface: name } };
  }
  return { place: { kind: "address", address, port: bgpPort, localAddress: ownEnd(address) } };
}

/** Whether there may be routers on the way: it is in no network of the node. */
export function isFarFrom({ networks }: NodeSpeaker, place: Place): boolean {
  switch (place.kind) {
    case "interface":
      return false;
    case "range":
      return !networks.some((network) => containsPrefix(network, place.range));
    case "address":
      return place.interface === undefined && !networks.some((network) => containsAddress(network, place.address));
  }
}
