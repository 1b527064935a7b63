/** Address families as the kernel numbers them. */
import type { Family } from "../address.ts";

/** AF_INET and AF_INET6. */
export const familyNumber: Readonly<Record<Family, number>> = { 4: 2, 6: 10 };

/** AF_BRIDGE: forwarding entries of bridges and VXLAN interfaces. */
export const bridgeFamily = 7;

/** `null` for MPLS, multicast routing and whatever else is neither. */
export function familyOf(number: number): Family | null {
  return number === familyNumber[4] ? 4 : number === familyNumber[6] ? 6 : null;
}
