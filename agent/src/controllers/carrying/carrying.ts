/**
 * Objects of one kind in etcd which say what objects of Kubernetes say. What Kubernetes wants and what etcd holds come in
 * as they are told, in any order; what differs comes out. Nothing does before both have been told completely, so that
 * what is not known yet is never taken for gone.
 */
import { hash } from "node:crypto";
import {
  type ApiName,
  type ApiObject,
  type ApiResource,
  formatJson,
  formatKey,
  type Item,
  isRecord,
  type Key,
  type Kind,
  type Stored,
  type Write,
} from "@brindle/api";

/** What follows from which objects, and how; pure. `W` is what is kept of an object, `H` of what is stored. */
export interface Carrying<K extends Kind = Kind, W extends Wanted = Wanted, H = unknown> {
  readonly kind: K;
  /** Of which objects of Kubernetes. */
  readonly resource: ApiResource;
  /** `null` where the object asks for nothing. */
  want(object: ApiObject): W | null;
  /** The object that an item follows; `null` for an item that is none of ours. `value` is `null` where it is unreadable. */
  ownerOf(key: Key<K>, value: Stored[K] | null): ApiName | null;
  hold(value: Stored[K]): H;
  /** Whether `change` would have something to say. */
  isDue(wanted: W | null, held: Held<K, H>): boolean;
  /** What is to be written over the item, or `null`; `wanted` is `null` when the object is gone. */
  change(wanted: W | null, item: Item<K>): Write | null;
  /** What is to be written where nothing is stored, or what is stored cannot be read. */
  create(wanted: W): { readonly key: Key<K>; readonly write: Write } | null;
}

export interface Wanted {
  /** Equal for objects that want the same. */
  readonly digest: string;
}

export interface Held<K extends Kind, H> {
  readonly key: Key<K>;
  /** `null` for what is stored and cannot be read. */
  readonly held: H | null;
}

/** Something that may be due. */
export interface Task<K extends Kind, W> {
  readonly wanted: W | null;
  readonly key: Key<K>;
  readonly state: "missing" | "unreadable" | "held";
}

/** Ids of objects. */
export interface Taken {
  readonly wanted: readonly string[];
  readonly gone: readonly string[];
}

export class CarryingState<K extends Kind, W extends Wanted, H> {
  readonly #carrying: Carrying<K, W, H>;
  readonly #awaited = new Set<"wanted" | "held">(["wanted", "held"]);
  /** By the object's name. */
  readonly #wanted = new Map<string, W>();
  /** By the object's name, and by key. */
  readonly #held = new Map<string, Map<string, Held<K, H>>>();
  /** By key, the object's name: what an item says may change its owner. */
  readonly #owners = new Map<string, string>();
  readonly #doubtful = new Set<string>();

  constructor(carrying: Carrying<K, W, H>) {
    this.#carrying = carrying;
  }

  get isInSync(): boolean {
    return this.#awaited.size === 0;
  }

  /** All that existed has been told. */
  inSync(side: "wanted" | "held"): void {
    this.#awaited.delete(side);
  }

  /** By `objectId`; `null` when it is gone, or wants nothing. */
  onObject(id: string, wanted: W | null): void {
    if (wanted?.digest === this.#wanted.get(id)?.digest) return;
    if (wanted) this.#wanted.set(id, wanted);
    else this.#wanted.delete(id);
    this.#doubtful.add(id);
  }

  /** `value` is `null` where what is stored cannot be read. */
  onStored(key: Key<K>, value: Stored[K] | null): void {
    const owner = this.#carrying.ownerOf(key, value);
    const id = owner && objectId(owner);
    const name = formatKey(key);
    if (this.#owners.get(name) !== id) this.onGone(key);
    if (id === null) return;
    this.#owners.set(name, id);
    const items = this.#held.get(id) ?? new Map<string, Held<K, H>>();
    items.set(name, { key, held: value === null ? null : this.#carrying.hold(value) });
    this.#held.set(id, items);
    this.#doubtful.add(id);
  }

  onGone(key: Key<K>): void {
    const name = formatKey(key);
    const id = this.#owners.get(name);
    if (id === undefined) return;
    this.#owners.delete(name);
    const items = this.#held.get(id);
    items?.delete(name);
    if (items?.size === 0) this.#held.delete(id);
    this.#doubtful.add(id);
  }

  /** Everything is to be looked at again. */
  doubtAll(): void {
    for (const id of [...this.#wanted.keys(), ...this.#held.keys()]) this.#doubtful.add(id);
  }

  /**
   * The objects whose items may not be as they should; of each, `due` tells. Whoever takes them looks at all, and at those
   * that are gone last: a policy in place of another closes before the other opens.
   */
  take(): Taken {
    if (!this.isInSync) return { wanted: [], gone: [] };
    const taken = [...this.#doubtful];
    this.#doubtful.clear();
    const isWanted = (id: string): boolean => this.#wanted.has(id);
    return { wanted: taken.filter(isWanted), gone: taken.filter((id) => !isWanted(id)) };
  }

  /** Of one that was taken and not dealt with. */
  putBack(id: string): void {
    this.#doubtful.add(id);
  }

  due(id: string): readonly Task<K, W>[] {
    const wanted = this.#wanted.get(id) ?? null;
    const items = this.#held.get(id);
    const tasks: Task<K, W>[] = [];
    const created = wanted && this.#carrying.create(wanted);
    if (created && !items?.has(formatKey(created.key))) tasks.push({ wanted, key: created.key, state: "missing" });
    for (const held of items?.values() ?? []) {
      if (this.#carrying.isDue(wanted, held)) {
        tasks.push({ wanted, key: held.key, state: held.held === null ? "unreadable" : "held" });
      }
    }
    return tasks;
  }
}

/** As the API server's watch names an object. */
export function objectId({ namespace, name }: ApiName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The same for values that say the same, whatever the order of their members. */
export function digestOf(value: unknown): string {
  return hash("sha1", formatJson(sorted(value)), "base64");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]),
  );
}
