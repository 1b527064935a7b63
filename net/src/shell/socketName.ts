/** An address and a port as system calls take them. */
import { type Address, addressBytes } from "../address.ts";
import { socketDomain } from "./libc.ts";

/** struct sockaddr_in or sockaddr_in6, without a scope. */
export function socketName(address: Address, port: number): Uint8Array {
  const isV4 = address.family === 4;
  const name = new Uint8Array(isV4 ? 16 : 28);
  new Uint16Array(name.buffer, 0, 1)[0] = isV4 ? socketDomain.inet : socketDomain.inet6;
  name[2] = port >> 8;
  name[3] = port & 0xff;
  name.set(addressBytes(address), isV4 ? 4 : 8);
  return name;
}
