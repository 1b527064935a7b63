/** Which endpoints and sets of networks are in which scopes, kept up to date from both sides. A scope counts how many ask for it. */
import { type Labels, SelectorIndex } from "@brindle/api";
import { type Scope, scopeKey, scopeSelector } from "../scope.ts";
import type { MemberView } from "./endpointViews.ts";

export class ScopeIndex {
  readonly #index = new SelectorIndex<MemberView>();
  readonly #users = new Map<string, number>();
  readonly #onMatch: (key: string, id: string, view: MemberView | null) => void;

  /** `onMatch` hears of everything that comes into a scope, changes in it, or leaves it (`null`). */
  constructor(onMatch: (key: string, id: string, view: MemberView | null) => void = () => {}) {
    this.#onMatch = onMatch;
  }

  /** What matches already is there at once, without a call to `onMatch`. */
  add(scope: Scope): void {
    const key = scopeKey(scope);
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

  /** By their names. */
  *matching(scope: Scope): Iterable<[string, MemberView]> {
    for (const id of this.#index.itemsOf(scopeKey(scope))) {
      const view = this.#index.item(id);
      if (view) yield [id, view];
    }
  }

  member(id: string): MemberView | undefined {
    return this.#index.item(id);
  }

  onMember(id: string, view: MemberView | null): void {
    const changes = this.#index.setItem(id, view);
    if (view) for (const key of this.#index.selectorsOf(id)) this.#onMatch(key, id, view);
    for (const { selector, matches } of changes) if (!matches) this.#onMatch(selector, id, null);
  }

  /** What members inherit of a profile; `null` for nothing. Answers whether that changed for any of them. */
  onProfileLabels(name: string, labels: Labels | null): boolean {
    const changes = this.#index.setParent(name, labels);
    for (const { selector, item, matches } of changes) {
      this.#onMatch(selector, item, matches ? (this.#index.item(item) ?? null) : null);
    }
    return changes.length > 0;
  }
}
