/** All policies in order, with closed ones in the place of those that the rest of the cluster does not let be enforced. */
import { comparePolicies, type Policy } from "../cluster.ts";
import { type Enforceable, type PolicySurroundings, surroundedPolicy } from "../enforceable.ts";

export interface OrderedPolicies {
  readonly policies: readonly Policy[];
  /** By the policy's id. */
  readonly problems: ReadonlyMap<string, string>;
}

interface Closed {
  readonly hasTier: boolean;
  readonly unserved: string | null;
  readonly result: Enforceable<Policy>;
}

export class TieredPolicies {
  /** What is rendered of a policy is kept by its object: so the closed one stays one object, too. */
  readonly #closed = new WeakMap<Policy, Closed>();

  /** The scope of the closed one is that of the policy: what selects is readable where the policy is. */
  of(all: ReadonlyMap<string, Policy>, around: PolicySurroundings): OrderedPolicies {
    const policies: Policy[] = [];
    const problems = new Map<string, string>();
    for (const [id, policy] of all) {
      const { resource, problem } = this.#surrounded(policy, around);
      if (resource) policies.push(resource);
      if (problem !== null) problems.set(id, problem);
    }
    return { policies: policies.sort(comparePolicies), problems };
  }

  #surrounded(policy: Policy, around: PolicySurroundings): Enforceable<Policy> {
    const { unserved } = around;
    const hasTier = around.tiers.has(policy.spec.tier);
    const known = this.#closed.get(policy);
    if (known && known.hasTier === hasTier && known.unserved === unserved) return known.result;
    const result = surroundedPolicy(policy, around);
    if (result.problem !== null) this.#closed.set(policy, { hasTier, unserved, result });
    return result;
  }
}
