/** Whose an address is, as far as the watch has told: it asks nobody, and knows nothing of what blocks hold. */
import { type IPPool, parsePeerIp } from "@brindle/api";
import { parsePool } from "@brindle/ipam";
import {
  type Address,
  containsAddress,
  formatPrefix,
  networkOf,
  parseAddress,
  parseCidr,
  parsePrefix,
  sameAddress,
} from "@brindle/net";
import type { ClusterState } from "./clusterState.ts";

/** Whether an IPPool that is enabled, and that this node acts on, has it. */
export function isGiven(address: Address, state: ClusterState): boolean {
  return [...state.all("IPPool").values()].some(
    (pool) => isEnabled(pool) && !("reason" in parsePool(pool)) && has(pool, address),
  );
}

/** The name of a pool that has it for Services: what one of them is given at this moment, no endpoint tells. */
export function poolOfServices(address: Address, state: ClusterState): string | null {
  return (
    poolsOf(state).find((pool) => pool.spec.allowedUses?.includes("LoadBalancer") && has(pool, address))?.metadata
      .name ?? null
  );
}

/** The name of a pool that gives pods addresses, and has this one; nodes of Calico also give of what is withheld here. */
export function poolGiving(address: Address, state: ClusterState): string | null {
  return poolsOf(state).find((pool) => isEnabled(pool) && has(pool, address))?.metadata.name ?? null;
}

/** CIDRs of the blocks that may hold it: those that nodes claim, and those that pools with or without effect would have. */
export function blocksWith(address: Address, state: ClusterState): readonly string[] {
  // By the name of an affinity, `host:node1/10.65.0.0/26`.
  const claimed = [...state.all("BlockAffinity").keys()].flatMap(
    (name) => parsePrefix(name.slice(name.indexOf("/") + 1)) ?? [],
  );
  const ofPools = poolsOf(state).flatMap((pool) => {
    const parsed = parsePool(pool);
    return "reason" in parsed || !has(pool, address) ? [] : [networkOf({ address, length: parsed.blockLength })];
  });
  return [...new Set([...claimed.filter((block) => containsAddress(block, address)), ...ofPools].map(formatPrefix))];
}

/** The name of a Node that has it on any of its interfaces, also on those of Calico's tunnels. */
export function nodeWith(address: Address, state: ClusterState): string | null {
  for (const [name, { spec }] of state.all("Node")) {
    const { bgp, wireguard, addresses = [], interfaces = [] } = spec ?? {};
    const texts = [
      ...[bgp?.ipv4Address, bgp?.ipv6Address, bgp?.ipv4IPIPTunnelAddr],
      ...[spec?.ipv4VXLANTunnelAddr, spec?.ipv6VXLANTunnelAddr],
      ...[wireguard?.interfaceIPv4Address, wireguard?.interfaceIPv6Address],
      ...addresses.map((one) => one.address),
      ...interfaces.flatMap((one) => one.addresses ?? []),
    ];
    if (texts.some((text) => text !== undefined && isSame(text, address))) return name;
  }
  return null;
}

/** The peer, in words, of which it is the address. */
export function peerWith(address: Address, state: ClusterState): string | null {
  for (const kind of ["BGPPeer", "FabricPeer"] as const)
    for (const [name, { spec }] of state.all(kind)) {
      const peer = spec.peerIP === undefined ? null : parsePeerIp(spec.peerIP);
      if (peer && isSame(peer.address, address)) return `${kind} ${name}`;
    }
  return null;
}

/** `namespace/name` of an endpoint `other` than which has it as its own, also of one that cannot be read. */
export function ownerOf(address: Address, state: ClusterState, other?: string): string | null {
  for (const endpoints of [state.all("WorkloadEndpoint"), state.withheld.endpoints])
    for (const [id, { spec }] of endpoints)
      if (id !== other && (spec.ipNetworks ?? []).some((text) => isSame(text, address))) return id;
  return null;
}

function poolsOf(state: ClusterState): IPPool[] {
  return [...state.all("IPPool").values(), ...state.withheld.pools.values()];
}

function isEnabled({ spec }: IPPool): boolean {
  return spec.disabled !== true;
}

function has({ spec }: IPPool, address: Address): boolean {
  const range = parsePrefix(spec.cidr);
  return range !== null && containsAddress(range, address);
}

/** With a length or without. */
function isSame(text: string, address: Address): boolean {
  const own = parseCidr(text)?.address ?? parseAddress(text);
  return own !== null && sameAddress(own, address);
}
