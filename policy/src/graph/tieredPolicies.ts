/** All policies in order, with closed ones in the place of those whose tier does not exist. */
import { comparePolicies, type Policy } from "../cluster.ts";
import { tieredPolicy } from "../enforceable.ts";
import type { Tiers } from "../tiers.ts";

export interface OrderedPolicies {
  readonly policies: readonly Policy[];
  /** By the policy's id. */
  readonly problems: ReadonlyMap<string, string>;
}

export class TieredPolicies {
  /** What is rendered of a policy is kept by its object: so the closed one stays one object, too. */
  readonly #closed = new WeakMap<Policy, ReturnType<typeof tieredPolicy>>();

  /** The scope of the closed one is that of the policy: what selects is readable where the policy is. */
  of(all: ReadonlyMap<string, Policy>, tiers: Tiers): OrderedPolicies {
    const policies: Policy[] = [];
    const problems = new Map<string, string>();
    for (const [id, policy] of all) {
      const { resource, problem } = this.#tiered(policy, tiers);
      if (resource) policies.push(resource);
      if (problem !== null) problems.set(id, problem);
    }
    return { policies: policies.sort(comparePolicies), problems };
  }

  #tiered(policy: Policy, tiers: Tiers): ReturnType<typeof tieredPolicy> {
    const known = this.#closed.get(policy);
    if (known && !tiers.has(policy.spec.tier)) return known;
    const tiered = tieredPolicy(policy, tiers);
    if (tiered.problem !== null) this.#closed.set(policy, tiered);
    return tiered;
  }
}
