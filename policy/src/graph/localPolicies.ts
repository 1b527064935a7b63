/**
 * The policies of each endpoint and host of this node, in order, with closed ones in the place of those that the rest of
 * the cluster does not let be enforced. Of 10,000 policies few are for a node, and a change is of one policy or one
 * endpoint: what it does not concern stays the same object.
 */
import type { Labels } from "@brindle/api";
import { comparePolicies, type Policy } from "../cluster.ts";
import { type Enforceable, type PolicySurroundings, surroundedPolicy } from "../enforceable.ts";
import { policyScope, type Scope } from "../scope.ts";
import type { MemberView } from "./endpointViews.ts";
import { ScopedHere } from "./scopedHere.ts";

interface Entry {
  readonly policy: Policy;
  readonly scope: Scope;
  /** What is enforced in its place. */
  enforced: Enforceable<Policy>;
}

export class LocalPolicies {
  readonly #scoped = new ScopedHere<Entry>((id) => this.#lists.delete(id));
  readonly #entries = new Map<string, Entry>();
  /** By the id of the endpoint or host; what is missing is worked out when it is asked for. */
  readonly #lists = new Map<string, readonly Policy[]>();
  readonly #problems = new Map<string, string>();
  #around: PolicySurroundings;

  constructor(around: PolicySurroundings) {
    this.#around = around;
  }

  /** Answers whether it concerns anyone here. */
  onPolicy(id: string, policy: Policy | null): boolean {
    const before = this.#entries.get(id);
    const after = policy && this.#entryOf(policy);
    if (after) {
      this.#scoped.add(after.scope, after);
      this.#entries.set(id, after);
    }
    const concernsAfter = after !== null && this.#concern(after);
    const concernsBefore = before !== undefined && this.#concern(before);
    if (before) {
      this.#scoped.remove(before.scope, before);
      if (!after) this.#entries.delete(id);
    }
    this.#noteProblem(id, after);
    return concernsBefore || concernsAfter;
  }

  /** `null` for one that is gone, or of another node. Answers whether its policies may be others than before. */
  onMember(id: string, view: MemberView | null): boolean {
    this.#scoped.onMember(id, view);
    if (!view) this.#lists.delete(id);
    return !this.#lists.has(id);
  }

  /** Answers whether a policy is for other members than before. */
  onProfileLabels(name: string, labels: Labels | null): boolean {
    return this.#scoped.onProfileLabels(name, labels);
  }

  /** Another tier came or went, or what is behind Services is known, or is not. */
  setSurroundings(around: PolicySurroundings): void {
    this.#around = around;
    for (const [id, entry] of this.#entries) {
      const enforced = surroundedPolicy(entry.policy, around);
      // The same closed policy stays one object: what is rendered of it is kept by it.
      if (enforced.problem === entry.enforced.problem) continue;
      entry.enforced = enforced;
      this.#noteProblem(id, entry);
    }
    this.#lists.clear();
  }

  /** Why policies are closed, by their ids. */
  problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Of all tiers: within one, the first is asked first. */
  of(id: string): readonly Policy[] {
    const known = this.#lists.get(id);
    if (known) return known;
    const policies: Policy[] = [];
    for (const { enforced } of this.#scoped.of(id)) if (enforced.resource) policies.push(enforced.resource);
    policies.sort(comparePolicies);
    this.#lists.set(id, policies);
    return policies;
  }

  /** The scope of a closed one is that of the policy: what selects is readable where the policy is. */
  #entryOf(policy: Policy): Entry {
    const scope = policyScope(policy.spec, policy.metadata.namespace ?? null);
    return { policy, scope, enforced: surroundedPolicy(policy, this.#around) };
  }

  #concern({ scope }: Entry): boolean {
    const members = this.#scoped.membersOf(scope);
    for (const id of members) this.#lists.delete(id);
    return members.size > 0;
  }

  #noteProblem(id: string, entry: Entry | null): void {
    const problem = entry?.enforced.problem ?? null;
    if (problem !== null) this.#problems.set(id, problem);
    else if (this.#problems.size > 0) this.#problems.delete(id);
  }
}
