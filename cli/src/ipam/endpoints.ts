/** Whose own an address is, as far as endpoints say. */
import { isRecord, type JsonValue, type Listing, type WorkloadEndpoint } from "@brindle/api";
import { type Address, parseCidr, sameAddress } from "@brindle/net";
import { readableEndpoint } from "@brindle/policy";

type EndpointsRead = Pick<Listing<"WorkloadEndpoint">, "items" | "undecodable">;

/** Also of those that do not decode what can be read: their pods run. */
export function readableEndpoints({ items, undecodable }: EndpointsRead): WorkloadEndpoint[] {
  const unread = undecodable.map((one) => readableEndpoint(one.key, one, null).endpoint);
  return [...items.map(({ value }) => value), ...unread];
}

/** `namespace/name` of those of which it cannot be told which addresses they have: any may be theirs. */
export function endpointsInDoubt({ undecodable }: Pick<EndpointsRead, "undecodable">): string[] {
  const unread = undecodable.filter(({ partial }) => !hasReadableAddresses(partial));
  return unread.map(({ key: { namespace, name } }) => `${namespace}/${name}`);
}

/** A spec without the list has none. */
function hasReadableAddresses(partial: JsonValue | undefined): boolean {
  const spec = isRecord(partial) ? partial.spec : undefined;
  if (!isRecord(spec)) return false;
  const { ipNetworks = [] } = spec;
  return Array.isArray(ipNetworks) && ipNetworks.every((text) => typeof text === "string" && parseCidr(text) !== null);
}

export function endpointsWith(address: Address, endpoints: readonly WorkloadEndpoint[]): readonly WorkloadEndpoint[] {
  return endpoints.filter(({ spec }) =>
    (spec.ipNetworks ?? []).some((network) => {
      const cidr = parseCidr(network);
      return cidr !== null && sameAddress(cidr.address, address);
    }),
  );
}
