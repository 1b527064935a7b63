/**
 * The policies of each endpoint and host of this node, in order, with closed ones in the place of those that the rest of
 * the cluster does not let be enforced. Of 10,000 policies few are for a node, and a change is of one policy or one
 * endpoint: what it does not concern stays the same object.
 */
import type { Labels } from "@brindle/api";
import { comparePolicies, type Policy } from "../cluster.ts";
import { type Enforceable, type PolicySurroundings, surroundedPolicy } from "../enforceable.ts";
import { policyScope, type Scope, scopeKey } from "../scope.ts";
import type { MemberView } from "./endpointViews.ts";
import { ScopeIndex } from "./scopeIndex.ts";

interface Entry {
  readonly policy: Policy;
  readonly scope: Scope;
  readonly scopeKey: string;
  /** What is enforced in its place. */
  enforced: Enforceable<Policy>;
}

export class LocalPolicies {
  readonly #index = new ScopeIndex((_, { id, before, after }) => {
    if (!before || !after) this.#lists.delete(id);
  });
  readonly #entries = new Map<string, Entry>();
  /** By their scope: of nearly each, one. */
  readonly #entriesOf = new Map<string, Entry[]>();
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
    if (after) this.#add(id, after);
    const concerned = [before, after].map((entry) => entry && this.#concern(entry));
    if (before) this.#remove(id, { before, after });
    this.#noteProblem(id, after);
    return concerned.includes(true);
  }

  /** `null` for one that is gone, or of another node. Answers whether its policies may be others than before. */
  onMember(id: string, view: MemberView | null): boolean {
    this.#index.onMember(id, view);
    if (!view) this.#lists.delete(id);
    return !this.#lists.has(id);
  }

  /** Answers whether a policy is for other members than before. */
  onProfileLabels(name: string, labels: Labels | null): boolean {
    return this.#index.onProfileLabels(name, labels);
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
    for (const scope of this.#index.scopesOf(id)) {
      for (const { enforced } of this.#entriesOf.get(scope) ?? []) {
        if (enforced.resource) policies.push(enforced.resource);
      }
    }
    policies.sort(comparePolicies);
    this.#lists.set(id, policies);
    return policies;
  }

  /** The scope of a closed one is that of the policy: what selects is readable where the policy is. */
  #entryOf(policy: Policy): Entry {
    const scope = policyScope(policy.spec, policy.metadata.namespace ?? null);
    return { policy, scope, scopeKey: scopeKey(scope), enforced: surroundedPolicy(policy, this.#around) };
  }

  #concern({ scopeKey: key }: Entry): boolean {
    const members = this.#index.membersOf(key);
    for (const id of members) this.#lists.delete(id);
    return members.size > 0;
  }

  #add(id: string, entry: Entry): void {
    this.#index.add(entry.scope, entry.scopeKey);
    this.#entries.set(id, entry);
    const sharing = this.#entriesOf.get(entry.scopeKey);
    if (sharing) sharing.push(entry);
    else this.#entriesOf.set(entry.scopeKey, [entry]);
  }

  #remove(id: string, { before, after }: { readonly before: Entry; readonly after: Entry | null }): void {
    this.#index.remove(before.scope);
    if (!after) this.#entries.delete(id);
    const sharing = this.#entriesOf.get(before.scopeKey);
    sharing?.splice(sharing.indexOf(before), 1);
    if (sharing?.length === 0) this.#entriesOf.delete(before.scopeKey);
  }

  #noteProblem(id: string, entry: Entry | null): void {
    const problem = entry?.enforced.problem ?? null;
    if (problem !== null) this.#problems.set(id, problem);
    else if (this.#problems.size > 0) this.#problems.delete(id);
  }
}
