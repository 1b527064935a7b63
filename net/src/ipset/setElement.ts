/** The members of ipsets as values and as the text that the `ipset` command shows. */
import { type Address, formatAddress, parseAddress } from "../address.ts";
import { formatPrefix, hostPrefix, networkOf, type Prefix, parseCidr } from "../prefix.ts";

/** A member of a hash:ip,port set. */
export interface PortElement {
  readonly address: Address;
  /** The number of the IP protocol: see `setProtocol`. */
  readonly protocol: number;
  readonly port: number;
}

/** A member of a hash:net,iface set: who sends from the network by the interface, or gets what is for it there. */
export interface InterfaceElement extends Prefix {
  /** Of at most 15 bytes. The kernel asks by the name alone: there need be no such interface. */
  readonly interfaceName: string;
}

/**
 * A network in a hash:net set, an address with protocol and port in a hash:ip,port set, a network with an interface in a
 * hash:net,iface set.
 */
export type SetElement = Prefix | PortElement | InterfaceElement;

export const setProtocol: { readonly tcp: 6; readonly udp: 17; readonly sctp: 132 } = { tcp: 6, udp: 17, sctp: 132 };

/**
 * "10.0.0.0/8", "10.0.0.1,tcp:80" or "10.0.0.1/32,cali1". A network of one address has its length, so that the text is a
 * key.
 */
export function formatSetElement(element: SetElement): string {
  if ("interfaceName" in element) return `${formatPrefix(element)},${element.interfaceName}`;
  if (!("port" in element)) return formatPrefix(element);
  const name = Object.entries(setProtocol).find(([, number]) => number === element.protocol)?.[0];
  return `${formatAddress(element.address)},${name ?? element.protocol}:${element.port}`;
}

/** `null` when it does not parse. Host bits of networks are cleared, as the kernel does. */
export function parseSetElement(text: string): SetElement | null {
  const comma = text.indexOf(",");
  if (comma < 0) return parseNetwork(text);
  const [where, what] = [text.slice(0, comma), text.slice(comma + 1)];
  return what.includes(":") ? parsePortElement(where, what) : parseInterfaceElement(where, what);
}

function parseNetwork(text: string): Prefix | null {
  const cidr = parseCidr(text);
  if (cidr) return networkOf(cidr);
  const address = parseAddress(text);
  return address && hostPrefix(address);
}

/** The names of interfaces that the kernel takes (`dev_valid_name`), but for the colon, by which a port is known. */
function parseInterfaceElement(networkText: string, interfaceName: string): InterfaceElement | null {
  const network = parseNetwork(networkText);
  const isName = /^[!-.0-9;-~]{1,15}$/.test(interfaceName) && interfaceName !== "." && interfaceName !== "..";
  return network && isName ? { ...network, interfaceName } : null;
}

/**
 * The kernel's hash:net takes no prefix of length zero (IPSET_ERR_INVALID_CIDR), so that everything is two halves;
 * whatever else is returned as it is.
 */
export function splitForSet(prefix: Prefix): readonly Prefix[] {
  if (prefix.length > 0) return [prefix];
  const { family } = prefix.address;
  const upperHalf = family === 4 ? 1n << 31n : 1n << 127n;
  return [
    { address: { family, value: 0n }, length: 1 },
    { address: { family, value: upperHalf }, length: 1 },
  ];
}

function parsePortElement(addressText: string, portText: string): PortElement | null {
  const address = parseAddress(addressText);
  const match = /^([a-z]+|\d{1,3}):(\d{1,5})$/.exec(portText);
  const [, name = "", port = ""] = match ?? [];
  const protocol = Object.hasOwn(setProtocol, name) ? setProtocol[name as keyof typeof setProtocol] : Number(name);
  if (!address || !match || !(protocol <= 255) || Number(port) > 65535) return null;
  return { address, protocol, port: Number(port) };
}
