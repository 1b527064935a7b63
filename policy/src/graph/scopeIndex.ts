/** Which endpoints and sets of networks are in which scopes, kept up to date from both sides. A scope counts how many ask for it. */
import { type Labels, type MatchChange, SelectorIndex } from "@brindle/api";
import { type Scope, scopeKey, scopeSelector } from "../scope.ts";
import type { MemberView } from "./endpointViews.ts";

/** What a scope had of a member, and has: `null` for nothing. */
export interface ViewChange {
  readonly id: string;
  readonly before: MemberView | null;
  readonly after: MemberView | null;
}

/** Hears of everything that comes into a scope, changes in it, or leaves it, but not of what is there when it is added. */
export type OnMatch = (key: string, change: ViewChange) => void;

export class ScopeIndex {
  readonly #index = new SelectorIndex<MemberView>();
  readonly #users = new Map<string, number>();
  readonly #onMatch: OnMatch;

  constructor(onMatch: OnMatch = () => {}) {
    this.#onMatch = onMatch;
  }

  /** Of many that will be added, what they look at is found in one go through all members. */
  prepare(scopes: Iterable<Scope>): void {
    const isNew = (scope: Scope): boolean => !this.#users.has(scopeKey(scope));
    this.#index.prepare([...scopes].filter(isNew).map(scopeSelector));
  }

  /** What matches already is there at once, without a call to `onMatch`. `key` is the scope's. */
  add(scope: Scope, key: string = scopeKey(scope)): void {
    const users = this.#users.get(key) ?? 0;
    this.#users.set(key, users + 1);
    if (users === 0) this.#index.setSelector(key, scopeSelector(scope));
  }

  remove(scope: Scope): void {
    const key = scopeKey(scope);
    const users = this.#users.get(key) ?? 0;
    if (users > 1) this.#users.set(key, users - 1);
    else {
      this.#users.delete(key);
      this.#index.setSelector(key, null);
    }
  }

  /** Of the scope with this key. */
  membersOf(key: string): ReadonlySet<string> {
    return this.#index.itemsOf(key);
  }

  /** By their keys. */
  scopesOf(id: string): Iterable<string> {
    return this.#index.selectorsOf(id);
  }

  member(id: string): MemberView | undefined {
    return this.#index.item(id);
  }

  onMember(id: string, view: MemberView | null): void {
    const before = this.#index.item(id) ?? null;
    const changes = this.#index.setItem(id, view);
    if (view) for (const key of this.#index.selectorsOf(id)) this.#onStay(key, { id, before, after: view, changes });
    for (const { selector, matches } of changes) {
      this.#onMatch(selector, matches ? { id, before: null, after: view } : { id, before, after: null });
    }
  }

  /** What members inherit of a profile; `null` for nothing. Answers whether that changed for any of them. */
  onProfileLabels(name: string, labels: Labels | null): boolean {
    const changes = this.#index.setParent(name, labels);
    for (const { selector, item: id, matches } of changes) {
      const view = this.#index.item(id) ?? null;
      this.#onMatch(selector, matches ? { id, before: null, after: view } : { id, before: view, after: null });
    }
    return changes.length > 0;
  }

  #onStay(key: string, { changes, ...change }: ViewChange & { readonly changes: readonly MatchChange[] }): void {
    if (!changes.some(({ selector }) => selector === key)) this.#onMatch(key, change);
  }
}
