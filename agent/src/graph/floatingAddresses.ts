/**
 * Floating addresses (Calico's `ipNATs` of endpoints): by which pods are reached beside their own. Two pods of the cluster may claim one by
 * mistake; it then floats to the one whose endpoint comes first by name, and of the others it is said that it does not.
 */
import { felixSettings, type IPPool, type WorkloadEndpoint } from "@brindle/api";
import {
  type Address,
  containsAddress,
  formatAddress,
  hostPrefix,
  type Prefix,
  parseAddress,
  parseCidr,
  parsePrefix,
} from "@brindle/net";
import type { ClusterState } from "./clusterState.ts";

/** A floating address that an endpoint has or wants. */
export interface FloatingClaim {
  readonly floating: Address;
  /** The pod's own, of the same family. */
  readonly own: Address;
  /** `namespace/name` of the endpoint. */
  readonly endpoint: string;
  /** In words. */
  readonly pod: string;
  readonly node: string;
}

/** Follows endpoints of all nodes, of which few have some. */
export class FloatingClaims {
  readonly #byEndpoint = new Map<string, readonly FloatingClaim[]>();
  /** By address, in no order. */
  readonly #byAddress = new Map<string, readonly FloatingClaim[]>();
  /** Of claimed addresses: the endpoints that have them as their own, and the other way round. */
  readonly #owners = new Map<string, Set<string>>();
  readonly #held = new Map<string, readonly string[]>();

  /** `all` with this one as it is by now. */
  onEndpoint(
    id: string,
    endpoint: WorkloadEndpoint | null,
    all: Iterable<readonly [string, WorkloadEndpoint]> = [],
  ): void {
    this.#onClaims(id, endpoint?.spec.ipNATs ? claimsOf(id, endpoint) : [], all);
    if (!this.isEmpty) this.#onOwn(id, endpoint);
    else this.#forgetOwners();
  }

  /** Nobody follows them until somebody claims an address, and then all endpoints are read. */
  #forgetOwners(): void {
    this.#owners.clear();
    this.#held.clear();
  }

  #onClaims(id: string, after: readonly FloatingClaim[], all: Iterable<readonly [string, WorkloadEndpoint]>): void {
    const before = this.#byEndpoint.get(id);
    if (!before && after.length === 0) return;
    const known = new Set(this.#byAddress.keys());
    if (after.length > 0) this.#byEndpoint.set(id, after);
    else this.#byEndpoint.delete(id);
    for (const text of new Set([...(before ?? []), ...after].map(textOf))) {
      const others = (this.#byAddress.get(text) ?? []).filter((claim) => claim.endpoint !== id);
      const all = [...others, ...after.filter((claim) => textOf(claim) === text)];
      if (all.length > 0) this.#byAddress.set(text, all);
      else this.#byAddress.delete(text);
    }
    // Who has a claimed address is looked for once; after that it is heard of.
    if (after.some((claim) => !known.has(textOf(claim)))) for (const [other, one] of all) this.#onOwn(other, one);
  }

  /** The addresses that are somebody's own cannot float, and who may claim is not who says where addresses lead. */
  #onOwn(id: string, endpoint: WorkloadEndpoint | null): void {
    for (const text of this.#held.get(id) ?? []) this.#owners.get(text)?.delete(id);
    const held = ownTexts(endpoint).filter((text) => this.#byAddress.has(text));
    if (held.length > 0) this.#held.set(id, held);
    else this.#held.delete(id);
    for (const text of held) this.#owners.set(text, (this.#owners.get(text) ?? new Set()).add(id));
  }

  /** `namespace/name` of an endpoint that has a claimed address as its own; `null` where none has. */
  ownerOf(address: Address): string | null {
    return [...(this.#owners.get(formatAddress(address)) ?? [])].sort()[0] ?? null;
  }

  get isEmpty(): boolean {
    return this.#byEndpoint.size === 0;
  }

  /** Who claims an address, the first by name first. */
  of(address: Address): readonly FloatingClaim[] {
    return (this.#byAddress.get(formatAddress(address)) ?? []).toSorted(byEndpoint);
  }

  /** By address. */
  all(): readonly (readonly FloatingClaim[])[] {
    return [...this.#byAddress].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claims]) => claims.toSorted(byEndpoint));
  }

  /** No pod is to be given one of these as its own. */
  claimed(): Prefix[] {
    return [...this.#byAddress.values()].flatMap(([claim]) => (claim ? [hostPrefix(claim.floating)] : []));
  }
}

export interface FloatingAddresses {
  /** Those in force for pods of the node. */
  readonly here: readonly FloatingClaim[];
  /** What of what the node's endpoints ask for is not in force, by `WorkloadEndpoint namespace/name`. */
  readonly problems: ReadonlyMap<string, string>;
}

const none: FloatingAddresses = { here: [], problems: new Map() };

export function floatingAddresses(node: string, state: ClusterState): FloatingAddresses {
  if (state.floating.isEmpty) return none;
  const isEnabled = floatingEnabled(node, state);
  const ranges = [...state.all("IPPool").values()].flatMap(rangeOf);
  const here: FloatingClaim[] = [];
  const problems = new Map<string, string>();
  for (const [first, ...others] of state.floating.all()) {
    if (!first) continue;
    const isPools = ranges.some((range) => containsAddress(range, first.floating));
    const owner = state.floating.ownerOf(first.floating);
    const inUse = owner === null ? null : `is the own address of the WorkloadEndpoint ${owner}`;
    const refusal = isEnabled ? (isPools ? inUse : "is in no IPPool") : disabled;
    const refuse = (claim: FloatingClaim, reason: string): void => {
      if (claim.node === node)
        problems.set(`WorkloadEndpoint ${claim.endpoint}`, `spec.ipNATs: ${textOf(claim)} ${reason}`);
    };
    if (refusal !== null) refuse(first, refusal);
    else if (first.node === node) here.push(first);
    for (const other of others) refuse(other, refusal ?? `floats to the pod ${first.pod} already`);
  }
  return { here, problems };
}

const disabled = "is without effect, as floatingIPs of the FelixConfiguration is not Enabled";

export function floatingEnabled(node: string, state: ClusterState): boolean {
  const labels = state.all("Node").get(node)?.metadata.labels ?? {};
  return felixSettings({ name: node, labels }, state.all("FelixConfiguration")).floatingIPs === "Enabled";
}

function rangeOf({ spec }: IPPool): Prefix[] {
  return [parsePrefix(spec.cidr)].filter((range) => range !== null);
}

/** Of an endpoint those that stand for an address which it has. */
function claimsOf(id: string, endpoint: WorkloadEndpoint): FloatingClaim[] {
  const { metadata, spec } = endpoint;
  const held = new Set(ownTexts(endpoint));
  const { node } = spec;
  const pod = `${metadata.namespace ?? ""}/${spec.pod ?? spec.workload ?? metadata.name}`;
  const claims = (spec.ipNATs ?? []).flatMap(({ internalIP, externalIP }): FloatingClaim[] => {
    const [own, floating] = [parseAddress(internalIP), parseAddress(externalIP)];
    const fits = own && floating && own.family === floating.family && held.has(formatAddress(own));
    return fits && !held.has(formatAddress(floating)) ? [{ floating, own, endpoint: id, pod, node }] : [];
  });
  return [...new Map(claims.map((claim) => [textOf(claim), claim])).values()];
}

function ownTexts(endpoint: WorkloadEndpoint | null): string[] {
  return (endpoint?.spec.ipNetworks ?? []).flatMap((text) => texted(parseCidr(text)?.address));
}

function texted(address: Address | undefined): string[] {
  return address ? [formatAddress(address)] : [];
}

function textOf({ floating }: FloatingClaim): string {
  return formatAddress(floating);
}

function byEndpoint(a: FloatingClaim, b: FloatingClaim): number {
  return a.endpoint < b.endpoint ? -1 : 1;
}
