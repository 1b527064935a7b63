/**
 * Addresses that pods have past address management (Calico's `ipAddrsNoIpam`), of all nodes: no block has them, so a pool that
 * is made or enabled over them later would give them to others, did not each node take them for reserved.
 */
import { isUnmanaged, type WorkloadEndpoint } from "@brindle/api";
import { type Address, formatAddress, hostPrefix, type Prefix, sameAddress } from "@brindle/net";
import { endpointAddresses } from "@brindle/policy";

export class UnmanagedAddresses {
  /** By `namespace/name` of the endpoint, of which few have some. */
  readonly #byEndpoint = new Map<string, readonly Address[]>();

  /** `null` where it is gone. */
  onEndpoint(id: string, endpoint: WorkloadEndpoint | null): void {
    const addresses = endpoint?.metadata.annotations ? unmanagedOf(endpoint) : [];
    if (addresses.length > 0) this.#byEndpoint.set(id, addresses);
    else this.#byEndpoint.delete(id);
  }

  /** No pool gives one of these. */
  reserved(): Prefix[] {
    return [...this.#byEndpoint.values()].flatMap((addresses) => addresses.map(hostPrefix));
  }

  /** `namespace/name` of an endpoint `other` than which has it so; `null` where none has. */
  holderOf(address: Address, other: string): string | null {
    for (const [id, addresses] of this.#byEndpoint)
      if (id !== other && addresses.some((one) => sameAddress(one, address))) return id;
    return null;
  }
}

function unmanagedOf(endpoint: WorkloadEndpoint): Address[] {
  return endpointAddresses(endpoint).filter((address) => isUnmanaged(endpoint, formatAddress(address)));
}
