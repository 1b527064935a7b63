/**
 * One of several replicas that want to lead, of which a Lease of Kubernetes names one. No clock of another machine is
 * believed: a lease has run out when it was seen unchanged for as long as it says it lasts.
 */
import { type ApiName, type ApiObject, type ApiRequest, type ApiResource, creation, replacement } from "@brindle/api";

export const leases: ApiResource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

/** How long the others wait for a leader that is silent. */
export const leaseSeconds = 15;

export interface CandidateOptions {
  /** No other replica has it. */
  readonly identity: string;
  readonly lease: Required<ApiName>;
}

export interface Now {
  /** By a clock that nobody sets. */
  readonly ms: number;
  /** For people who look at the lease. */
  readonly date: Date;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export class Candidate {
  readonly #options: CandidateOptions;
  #seen: { readonly version: string | undefined; readonly sinceMs: number } | null = null;

  constructor(options: CandidateOptions) {
    this.#options = options;
  }

  get lease(): Required<ApiName> {
    return this.#options.lease;
  }

  /** What is to be written so that we lead from now on, or go on leading; `null` while another one leads. */
  claim(lease: ApiObject | null, now: Now): ApiRequest | null {
    const { lease: at } = this.#options;
    if (!lease) return creation(leases, at, leaseObject({ metadata: at }, this.#claimed({}, now)));
    const isOurs = specOf(lease).holderIdentity === this.#options.identity;
    if (!isOurs && !this.#isFree(lease, now)) return null;
    return replacement(leases, at, leaseObject(lease, this.#claimed(specOf(lease), now)));
  }

  /** So that another one need not wait until it has run out; `null` where it is not ours. */
  release(lease: ApiObject | null): ApiRequest | null {
    if (!lease || specOf(lease).holderIdentity !== this.#options.identity) return null;
    const { holderIdentity: _, ...spec } = specOf(lease);
    return replacement(leases, this.#options.lease, leaseObject(lease, spec));
  }

  #claimed(before: LeaseSpec, { date }: Now): LeaseSpec {
    const { identity: holderIdentity } = this.#options;
    const renewTime = microTime(date);
    const renewed = { ...before, holderIdentity, renewTime, leaseDurationSeconds: leaseSeconds };
    if (before.holderIdentity === holderIdentity) return renewed;
    return { ...renewed, acquireTime: renewTime, leaseTransitions: (before.leaseTransitions ?? -1) + 1 };
  }

  #isFree(lease: ApiObject, now: Now): boolean {
    const { holderIdentity, leaseDurationSeconds = leaseSeconds } = specOf(lease);
    if (!holderIdentity) return true;
    const version = lease.metadata.resourceVersion;
    if (this.#seen?.version !== version) this.#seen = { version, sinceMs: now.ms };
    return now.ms - (this.#seen?.sinceMs ?? now.ms) >= leaseDurationSeconds * 1_000;
  }
}

function specOf({ spec }: ApiObject): LeaseSpec {
  return (spec ?? {}) as LeaseSpec; // The API server keeps to the schema of its own kinds.
}

function leaseObject(lease: ApiObject, spec: LeaseSpec): ApiObject {
  return { ...lease, apiVersion: `${leases.group}/${leases.version}`, kind: leases.kind, spec };
}

/** As the API server takes the times of a lease: with six digits of a second. */
function microTime(date: Date): string {
  return date.toISOString().replace("Z", "000Z");
}
