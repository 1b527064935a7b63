/** Addresses that a pod has without an IPPool's giving (Calico's `ipAddrsNoIpam`): no block is to have them. */
import { formatAddress, parseAddress, parseCidr } from "@brindle/net";
import type { WorkloadEndpoint } from "../kinds/workloadEndpoint.ts";

export const unmanagedAnnotation = "cni.projectcalico.org/ipAddrsNoIpam";

/** Whether the endpoint's pod asked for the address, in canonical text, so. */
export function isUnmanaged({ metadata }: WorkloadEndpoint, address: string): boolean {
  const text = metadata.annotations?.[unmanagedAnnotation];
  if (text === undefined) return false;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.some((asked) => typeof asked === "string" && canonical(asked) === address);
  } catch {
    return false; // Whoever adds such a pod refuses it.
  }
}

function canonical(text: string): string | null {
  const address = parseAddress(text) ?? parseCidr(text)?.address;
  return address ? formatAddress(address) : null;
}
