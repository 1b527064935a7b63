/** Which endpoints are in which scopes, kept up to date from both sides. A scope counts how many ask for it. */
import { inScope, type Scope, scopeKey } from "../scope.ts";
import type { EndpointView } from "./endpointViews.ts";

interface Entry {
  readonly scope: Scope;
  readonly matching: Map<string, EndpointView>;
  users: number;
}

const nobody: ReadonlyMap<string, EndpointView> = new Map();

export class ScopeIndex {
  readonly #endpoints = new Map<string, EndpointView>();
  readonly #scopes = new Map<string, Entry>();
  readonly #onMatch: (key: string, id: string, view: EndpointView | null) => void;

  /** `onMatch` hears of every endpoint that comes into a scope, changes in it, or leaves it (`null`). */
  constructor(onMatch: (key: string, id: string, view: EndpointView | null) => void = () => {}) {
    this.#onMatch = onMatch;
  }

  /** The endpoints that match already are there at once, without a call to `onMatch`. */
  add(scope: Scope): void {
    const key = scopeKey(scope);
    const known = this.#scopes.get(key);
    if (known) {
      known.users++;
      return;
    }
    const matching = new Map([...this.#endpoints].filter(([, view]) => inScope(scope, view)));
    this.#scopes.set(key, { scope, matching, users: 1 });
  }

  remove(scope: Scope): void {
    const key = scopeKey(scope);
    const entry = this.#scopes.get(key);
    if (entry && --entry.users === 0) this.#scopes.delete(key);
  }

  matching(scope: Scope): ReadonlyMap<string, EndpointView> {
    return this.#scopes.get(scopeKey(scope))?.matching ?? nobody;
  }

  onEndpoint(id: string, view: EndpointView | null): void {
    if (view) this.#endpoints.set(id, view);
    else this.#endpoints.delete(id);
    for (const [key, { scope, matching }] of this.#scopes) {
      if (view && inScope(scope, view)) {
        matching.set(id, view);
        this.#onMatch(key, id, view);
      } else if (matching.delete(id)) {
        this.#onMatch(key, id, null);
      }
    }
  }
}
