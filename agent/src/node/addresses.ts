/** Which of a node's own addresses the other nodes and the routers know it by. */
import type { NodeInterface } from "@brindle/api";
import { type Address, type Cidr, type Family, formatAddress, isLinkLocal, sameAddress } from "@brindle/net";

/** An address of the kernel's, with the interface that has it. */
export interface Candidate {
  readonly cidr: Cidr;
  readonly interfaceName: string;
}

export type AddressChoice =
  | { readonly kind: "chosen"; readonly cidr: Cidr }
  /** The node has none of this family that could serve. */
  | { readonly kind: "none" }
  | { readonly kind: "missing"; readonly reason: string };

export interface AddressWish {
  readonly family: Family;
  /** What the operator says; it must be on an interface. */
  readonly asked: Address | null;
  /** What the Node resource says, kept as long as an interface has it. */
  readonly registered: Cidr | null;
}

/** The node's own interfaces that others may reach, with their addresses, by name: templates of host endpoints go by them. */
export function ownInterfaces(candidates: readonly Candidate[]): NodeInterface[] {
  const own = candidates.filter(
    ({ cidr, interfaceName }) =>
      interfaceName !== "" && !isForeignInterface(interfaceName) && !isLinkLocal(cidr.address),
  );
  const byName = [...Map.groupBy(own, ({ interfaceName }) => interfaceName)].sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.map(([name, of]) => ({ name, addresses: of.map(({ cidr }) => formatAddress(cidr.address)).sort() }));
}

export function isForeignInterface(name: string): boolean {
  return foreignInterface.test(name);
}

/** Interfaces that containers and other networks bring along (after Calico's list for "first-found"). */
const foreignInterface =
  /^(lo|cali|veth|docker|cbr|br-|tunl|virbr|lxcbr|dummy|nodelocaldns|kube-ipvs|vxlan|flannel|cni|wireguard|wg)/;

export function chooseNodeAddress(wish: AddressWish, candidates: readonly Candidate[]): AddressChoice {
  const usable = candidates.filter(({ cidr }) => cidr.address.family === wish.family && !isLinkLocal(cidr.address));
  const { asked, registered } = wish;
  // 1. The operator's word.
  if (asked) {
    const found = usable.find(({ cidr }) => sameAddress(cidr.address, asked));
    return found ? { kind: "chosen", cidr: found.cidr } : { kind: "missing", reason: "no interface has this address" };
  }
  // 2. What the other nodes know already.
  const kept = usable.find(({ cidr }) => registered && sameAddress(cidr.address, registered.address));
  if (kept) return { kind: "chosen", cidr: kept.cidr };
  // 3. The first on an interface of the node's own.
  const first = usable.find(({ interfaceName }) => !isForeignInterface(interfaceName));
  return first ? { kind: "chosen", cidr: first.cidr } : { kind: "none" };
}

/** The interface that a node address lies behind: its own, or for one on loopback none. */
export function interfaceOf(address: Address, candidates: readonly Candidate[]): string | null {
  return candidates.find(({ cidr }) => sameAddress(cidr.address, address))?.interfaceName ?? null;
}
