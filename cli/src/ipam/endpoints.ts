/** Whose own an address is, as far as endpoints say. */
import type { Listing, WorkloadEndpoint } from "@brindle/api";
import { type Address, parseCidr, sameAddress } from "@brindle/net";
import { readableEndpoint } from "@brindle/policy";

type EndpointsRead = Pick<Listing<"WorkloadEndpoint">, "items" | "undecodable">;

/** Also of those that do not decode what can be read: their pods run. */
export function readableEndpoints({ items, undecodable }: EndpointsRead): WorkloadEndpoint[] {
  const unread = undecodable.map((one) => readableEndpoint(one.key, one, null).endpoint);
  return [...items.map(({ value }) => value), ...unread];
}

export function endpointsWith(address: Address, endpoints: readonly WorkloadEndpoint[]): readonly WorkloadEndpoint[] {
  return endpoints.filter(({ spec }) =>
    (spec.ipNetworks ?? []).some((network) => {
      const cidr = parseCidr(network);
      return cidr !== null && sameAddress(cidr.address, address);
    }),
  );
}
