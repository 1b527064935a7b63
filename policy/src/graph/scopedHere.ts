/**
 * Things with a scope, as policies, and for whom of this node they are. Each namespace has an index of its own, which is
 * made when somebody of the node comes into it: of what is for other namespaces no more is kept than that it is there.
 */
import assert from "node:assert/strict";
import { type Labels, type Selector, SelectorIndex } from "@brindle/api";
import { namespaceLabel, type Scope, scopeKey, scopeSelector } from "../scope.ts";
import type { MemberView } from "./endpointViews.ts";

interface Sharing<T> {
  readonly selector: Selector;
  readonly things: T[];
}

/** A namespace, or what is of none: there everybody is. */
interface Realm<T> {
  /** By what their scopes say beside the namespace: of nearly each, one. */
  readonly sharing: Map<string, Sharing<T>>;
  index: SelectorIndex<MemberView> | null;
  /** Profiles whose labels the index has been told, and is told from now on. */
  readonly toldProfiles: Set<string>;
  readonly members: Set<string>;
}

const nobody: ReadonlySet<string> = new Set();

export class ScopedHere<T> {
  readonly #realms = new Map<string | null, Realm<T>>();
  readonly #members = new Map<string, MemberView>();
  readonly #profileLabels = new Map<string, Labels>();
  readonly #onOther: (id: string) => void;

  /** `onOther` hears of members for whom other things are, but not of things that come or go. */
  constructor(onOther: (id: string) => void) {
    this.#onOther = onOther;
  }

  add(scope: Scope, thing: T): void {
    const { sharing, index } = this.#realmOf(scope.namespace);
    const key = keyWithin(scope);
    const known = sharing.get(key);
    if (known) {
      known.things.push(thing);
      return;
    }
    const selector = selectorWithin(scope);
    sharing.set(key, { selector, things: [thing] });
    index?.setSelector(key, selector);
  }

  remove(scope: Scope, thing: T): void {
    const realm = this.#realmOf(scope.namespace);
    const key = keyWithin(scope);
    const things = realm.sharing.get(key)?.things ?? [];
    const at = things.indexOf(thing);
    assert(at >= 0, `nothing of ${key} is there to be removed`);
    things.splice(at, 1);
    if (things.length === 0) {
      realm.sharing.delete(key);
      realm.index?.setSelector(key, null);
    }
    this.#dropIfUnused(scope.namespace, realm);
  }

  membersOf(scope: Scope): ReadonlySet<string> {
    return this.#realms.get(scope.namespace)?.index?.itemsOf(keyWithin(scope)) ?? nobody;
  }

  *of(id: string): Iterable<T> {
    for (const namespace of realmsOf(this.#members.get(id))) {
      const realm = this.#realms.get(namespace);
      for (const key of realm?.index?.selectorsOf(id) ?? nobody) yield* realm?.sharing.get(key)?.things ?? [];
    }
  }

  /** `null` for one that is gone. */
  onMember(id: string, view: MemberView | null): void {
    const left = realmsOf(this.#members.get(id)).filter((namespace) => !realmsOf(view).includes(namespace));
    if (view) this.#members.set(id, view);
    else this.#members.delete(id);
    let isOther = false;
    for (const namespace of left) isOther = this.#leave(namespace, id) || isOther;
    for (const namespace of realmsOf(view)) isOther = this.#enter(namespace, id) || isOther;
    if (isOther) this.#onOther(id);
  }

  /** What members inherit of a profile; `null` for nothing. Answers whether that changed for any of them. */
  onProfileLabels(name: string, labels: Labels | null): boolean {
    if (labels) this.#profileLabels.set(name, labels);
    else this.#profileLabels.delete(name);
    let hasChanged = false;
    for (const { index, toldProfiles } of this.#realms.values()) {
      if (!index || !toldProfiles.has(name)) continue;
      for (const { item } of index.setParent(name, labels)) {
        this.#onOther(item);
        hasChanged = true;
      }
    }
    return hasChanged;
  }

  /** Answers whether other things are for it, as of the next. */
  #enter(namespace: string | null, id: string): boolean {
    const view = this.#members.get(id);
    if (!view) return false;
    const realm = this.#realmOf(namespace);
    const index = realm.index ?? indexOf(realm);
    realm.index = index;
    realm.members.add(id);
    for (const name of view.parents) {
      if (realm.toldProfiles.has(name)) continue;
      realm.toldProfiles.add(name);
      const labels = this.#profileLabels.get(name);
      if (labels) index.setParent(name, labels);
    }
    return index.setItem(id, view).length > 0;
  }

  #leave(namespace: string | null, id: string): boolean {
    const realm = this.#realmOf(namespace);
    const changes = realm.index?.setItem(id, null) ?? [];
    realm.members.delete(id);
    this.#dropIfUnused(namespace, realm);
    return changes.length > 0;
  }

  #realmOf(namespace: string | null): Realm<T> {
    const known = this.#realms.get(namespace);
    if (known) return known;
    const made: Realm<T> = { sharing: new Map(), index: null, toldProfiles: new Set(), members: new Set() };
    this.#realms.set(namespace, made);
    return made;
  }

  /** One that somebody was in keeps its index for whoever comes next. */
  #dropIfUnused(namespace: string | null, { sharing, members }: Realm<T>): void {
    if (sharing.size === 0 && members.size === 0) this.#realms.delete(namespace);
  }
}

function indexOf<T>({ sharing }: Realm<T>): SelectorIndex<MemberView> {
  const index = new SelectorIndex<MemberView>();
  for (const [key, { selector }] of sharing) index.setSelector(key, selector);
  return index;
}

/** A view's namespace is its own: no profile gives one (`labelled`). */
function realmsOf(view: MemberView | null | undefined): readonly (string | null)[] {
  if (!view) return [];
  const namespace = view.labels[namespaceLabel];
  return namespace === undefined ? [null] : [null, namespace];
}

/** What a scope says beside its namespace. Most have a selector and nothing more, and share it with all that are written so. */
function selectorWithin(scope: Scope): Selector {
  const { namespaceSelector, selector } = scope;
  return namespaceSelector === null && selector ? selector : scopeSelector({ ...scope, namespace: null });
}

function keyWithin(scope: Scope): string {
  const { namespaceSelector, selector } = scope;
  return namespaceSelector === null ? (selector?.canonical ?? "") : scopeKey({ ...scope, namespace: null });
}
