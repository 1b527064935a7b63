/**
 * Follows who has addresses within some ranges, as their own or floating. Of a large cluster's endpoints few have any there, and
 * no others are kept: other ranges take another one of these.
 */
import { EndpointTrimmer, isItemOf, type Key, type Store, type WatchEvent, type WorkloadEndpoint } from "@brindle/api";
import { type Address, containsAddress, hostPrefix, type Prefix, parseAddress } from "@brindle/net";
import { endpointAddresses } from "@brindle/policy";
import { ownerOf } from "../../graph/addressOwners.ts";
import { ClusterState, isKeyOf } from "../../graph/clusterState.ts";

type EndpointKey = Key<"WorkloadEndpoint">;

export interface EndpointsWithinPorts {
  readonly store: Pick<Store, "watch">;
  /** All that there are have been told, or some of those within the ranges are others now. */
  readonly onChanged: () => void;
}

export class EndpointsWithin {
  readonly ranges: readonly Prefix[];
  readonly #state = new ClusterState();
  readonly #trimmer = new EndpointTrimmer();
  readonly #ports: EndpointsWithinPorts;
  readonly #watch: { stop(): Promise<void> };
  #isInSync = false;
  #held: readonly Prefix[] | null = null;

  constructor(ranges: readonly Prefix[], ports: EndpointsWithinPorts) {
    this.ranges = ranges;
    this.#ports = ports;
    this.#watch = ports.store.watch(["WorkloadEndpoint"], (event) => this.#onEvent(event));
  }

  /** What is given to nobody else. */
  held(): readonly Prefix[] {
    const endpoints = () => [
      ...this.#state.all("WorkloadEndpoint").values(),
      ...this.#state.withheld.endpoints.values(),
    ];
    this.#held ??= endpoints().flatMap(addressesOf).map(hostPrefix);
    return this.#held;
  }

  /** In words. */
  holderOf(address: Address): string | null {
    const owner = ownerOf(address, this.#state);
    if (owner !== null) return `the WorkloadEndpoint ${owner} has it`;
    const [claim] = this.#state.floating.of(address);
    return claim ? `it floats to the pod ${claim.pod}` : null;
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  #onEvent(event: WatchEvent): void {
    if (event.type === "inSync") this.#isInSync = true;
    else if (event.type === "changed" && isItemOf(event.item, "WorkloadEndpoint")) {
      if (!this.#receive(event.item.key, event.item.value)) return;
    } else if (event.type === "deleted" && isKeyOf(event.key, "WorkloadEndpoint")) {
      if (!this.#receive(event.key, null)) return;
    } else if (event.type === "undecodable" && isKeyOf(event.key, "WorkloadEndpoint")) {
      // What was known of it, or is stored of its addresses, stays its own.
      this.#state.receiveUnreadable(event.key, null, event.partial);
    } else return;
    this.#held = null;
    if (this.#isInSync) this.#ports.onChanged();
  }

  /** False where it is no news to anybody. */
  #receive(key: EndpointKey, endpoint: WorkloadEndpoint | null): boolean {
    const isWithin = endpoint !== null && addressesOf(endpoint).some((one) => this.#has(one));
    const { withheld } = this.#state;
    const wasKnown = this.#state.get(key) !== undefined || withheld.endpoints.has(`${key.namespace}/${key.name}`);
    if (isWithin || wasKnown) this.#state.receive(key, isWithin ? this.#trimmer.trim(endpoint) : null);
    return isWithin || wasKnown;
  }

  #has(address: Address): boolean {
    return this.ranges.some((range) => containsAddress(range, address));
  }
}

function addressesOf(endpoint: WorkloadEndpoint): Address[] {
  const floating = (endpoint.spec.ipNATs ?? []).flatMap(({ externalIP }) => parseAddress(externalIP) ?? []);
  return [...endpointAddresses(endpoint), ...floating];
}
