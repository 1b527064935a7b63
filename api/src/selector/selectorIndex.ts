/**
 * Which items each selector matches, kept up to date from all sides: items with labels, parents (profiles) whose labels
 * many items inherit, selectors. Each call answers with the pairs that start and stop matching.
 *
 * What holds after every call: a pair matches if and only if the selector matches the item's own labels over those of
 * its parents, an earlier parent over a later one; a parent that is not known has no labels. The answers of all calls
 * add up to that: a pair starts only when it did not match, and stops only when it did.
 *
 * What it costs: a change of an item, the selectors that one of its labels brings up, in place of all; of a parent, that
 * for each of its children; of a selector, the items that have a label which it needs. By which of its restrictions a
 * selector is found is decided when it comes, by what is rarest then: it matters for the cost alone.
 */
import { CandidateSelectors, type IndexedSelector } from "./candidateSelectors.ts";
import type { Labels } from "./expression.ts";
import { type FewNames, includes, listed, withName, withoutName } from "./fewNames.ts";
import { LabelHolders } from "./labelHolders.ts";
import type { Restriction } from "./restriction.ts";
import type { Selector } from "./selector.ts";

export interface LabelledItem {
  readonly labels: Labels;
  /** By name, those of which it inherits labels that it has not itself. */
  readonly parents?: readonly string[];
}

export interface MatchChange {
  readonly selector: string;
  readonly item: string;
  /** Whether they match from now on. */
  readonly matches: boolean;
}

interface Entry extends IndexedSelector {
  readonly id: string;
  readonly selector: Selector;
  /** Those that it matches; `null` where it never had any. */
  items: Set<string> | null;
}

interface Parent {
  labels: Labels | null;
  readonly children: Set<string>;
}

export class SelectorIndex<I extends LabelledItem = LabelledItem> {
  readonly #selectors = new Map<string, Entry>();
  readonly #candidates = new CandidateSelectors<Entry>();
  readonly #items = new Map<string, I>();
  readonly #matching = new Map<string, FewNames>();
  readonly #itemsByLabel = new LabelHolders(() => labelsOfEach(this.#items));
  readonly #parents = new Map<string, Parent>();
  readonly #parentsByLabel = new LabelHolders(() => labelsOfEach(this.#parents));

  /** `null` for one that is gone. */
  setItem(id: string, item: I | null): MatchChange[] {
    const before = this.#items.get(id);
    const hasSelectors = this.#selectors.size > 0;
    const labelsBefore = before && hasSelectors ? this.#labelsOf(before) : null;
    this.#itemsByLabel.replace(id, before?.labels ?? null, item?.labels ?? null);
    for (const name of before?.parents ?? []) this.#removeChild(name, id);
    for (const name of item?.parents ?? []) this.#parentNamed(name).children.add(id);
    if (item) this.#items.set(id, item);
    else this.#items.delete(id);
    return hasSelectors ? this.#rematch(id, labelsBefore, item && this.#labelsOf(item)) : [];
  }

  /** The labels that its children inherit. `null` for one that is gone. */
  setParent(name: string, labels: Labels | null): MatchChange[] {
    const parent = this.#parentNamed(name);
    const concerned = this.#selectors.size > 0 ? [...parent.children] : [];
    const children = concerned.flatMap((id) => {
      const item = this.#items.get(id);
      return item ? [{ id, item, before: this.#labelsOf(item) }] : [];
    });
    this.#parentsByLabel.replace(name, parent.labels, labels);
    parent.labels = labels;
    this.#dropIfUnused(name, parent);
    return children.flatMap(({ id, item, before }) => this.#rematch(id, before, this.#labelsOf(item)));
  }

  /** `null` for one that is gone. */
  setSelector(id: string, selector: Selector | null): MatchChange[] {
    const before = this.#selectors.get(id);
    if (before) this.#candidates.remove(before);
    this.#selectors.delete(id);
    const after = selector && this.#enter(id, selector);
    if (!before?.items && !after?.items) return []; // Of most policies a node has nobody.
    const started = [...(after?.items ?? [])].filter((item) => !before?.items?.has(item));
    const stopped = [...(before?.items ?? [])].filter((item) => !after?.items?.has(item));
    for (const item of started) this.#matching.set(item, withName(this.#matching.get(item), id));
    for (const item of stopped) this.#setMatching(item, withoutName(this.#matching.get(item), id));
    return [
      ...started.map((item) => ({ selector: id, item, matches: true })),
      ...stopped.map((item) => ({ selector: id, item, matches: false })),
    ];
  }

  /** Before many selectors come: what they look at is looked for in one go. */
  prepare(selectors: Iterable<Selector>): void {
    const labels = new Set([...selectors].flatMap(({ restrictions }) => restrictions.map(({ label }) => label)));
    this.#itemsByLabel.prepare(labels);
    this.#parentsByLabel.prepare(labels);
  }

  /** The items that a selector matches. */
  itemsOf(selector: string): ReadonlySet<string> {
    return this.#selectors.get(selector)?.items ?? nobody;
  }

  /** The selectors that match an item. */
  selectorsOf(item: string): Iterable<string> {
    return listed(this.#matching.get(item));
  }

  /** As it was set last. */
  item(id: string): I | undefined {
    return this.#items.get(id);
  }

  #enter(id: string, selector: Selector): Entry {
    const { restrictions, labels } = selector;
    const handle = this.#rarest(restrictions);
    const entry: Entry = { id, selector, labels, handle, items: null };
    this.#selectors.set(id, entry);
    this.#candidates.add(entry);
    if (this.#items.size === 0) return entry;
    for (const name of this.#itemsWith(handle)) {
      const item = this.#items.get(name);
      if (item && selector.matches(this.#labelsOf(item, entry.labels))) join(entry, name);
    }
    return entry;
  }

  /**
   * The restriction that fewest items keep to and by which fewest selectors are found: every pod has
   * `projectcalico.org/orchestrator`, and all of Kubernetes' policies ask for it.
   */
  #rarest(restrictions: readonly Restriction[]): Restriction | null {
    if (restrictions.length <= 1) return restrictions[0] ?? null;
    let rarest: Restriction | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const restriction of restrictions) {
      const cost = this.#countItems(restriction) + this.#candidates.count(restriction);
      if (cost < least) [rarest, least] = [restriction, cost];
    }
    return rarest;
  }

  /** Policies are told before pods: while there are none, nobody is looked for. */
  #countItems({ label, values }: Restriction): number {
    if (this.#items.size === 0) return 0;
    let count = this.#itemsByLabel.count(label, values);
    for (const name of this.#parentsByLabel.with(label, values)) count += this.#parents.get(name)?.children.size ?? 0;
    return count;
  }

  *#itemsWith(handle: Restriction | null): Iterable<string> {
    if (handle === null) {
      yield* this.#items.keys();
      return;
    }
    const { label, values } = handle;
    yield* this.#itemsByLabel.with(label, values);
    for (const name of this.#parentsByLabel.with(label, values)) yield* this.#parents.get(name)?.children ?? nobody;
  }

  #rematch(id: string, before: Labels | null, after: Labels | null): MatchChange[] {
    const changed = before && after && changedLabels(before, after);
    if (changed?.size === 0) return [];
    const matchedBefore = [...listed(this.#matching.get(id))].flatMap((name) => this.#selectors.get(name) ?? []);
    const started = after ? this.#start(id, { labels: after, changed }) : [];
    const stopped = matchedBefore
      .filter((entry) => after === null || (concerns(entry, changed) && !entry.selector.matches(after)))
      .map((entry): MatchChange => {
        this.#setMatching(id, withoutName(this.#matching.get(id), entry.id));
        entry.items?.delete(id);
        return { selector: entry.id, item: id, matches: false };
      });
    return [...started, ...stopped];
  }

  #start(
    id: string,
    { labels, changed }: { readonly labels: Labels; readonly changed: ReadonlySet<string> | null },
  ): MatchChange[] {
    const started: MatchChange[] = [];
    let matching = this.#matching.get(id);
    for (const entry of this.#candidates.matching(labels, changed)) {
      if (includes(matching, entry.id) || !concerns(entry, changed) || !entry.selector.matches(labels)) continue;
      matching = withName(matching, entry.id);
      join(entry, id);
      started.push({ selector: entry.id, item: id, matches: true });
    }
    this.#setMatching(id, matching);
    return started;
  }

  #setMatching(item: string, names: FewNames | undefined): void {
    if (names === undefined) this.#matching.delete(item);
    else this.#matching.set(item, names);
  }

  /** With those that it inherits, if any of `asked` is among these: most are asked about their own alone. */
  #labelsOf({ labels, parents = [] }: LabelledItem, asked?: ReadonlySet<string>): Labels {
    if (asked && !this.#inheritsAny(parents, asked)) return labels;
    if (parents.length === 0) return labels;
    const inherited = parents.map((name) => this.#parents.get(name)?.labels ?? {}).reverse();
    return Object.assign({}, ...inherited, labels);
  }

  #inheritsAny(parents: readonly string[], asked: ReadonlySet<string>): boolean {
    for (const name of parents) {
      const labels = this.#parents.get(name)?.labels;
      if (!labels) continue;
      for (const label of asked) if (Object.hasOwn(labels, label)) return true;
    }
    return false;
  }

  #removeChild(name: string, id: string): void {
    const parent = this.#parentNamed(name);
    parent.children.delete(id);
    this.#dropIfUnused(name, parent);
  }

  #parentNamed(name: string): Parent {
    const parent = this.#parents.get(name) ?? { labels: null, children: new Set() };
    this.#parents.set(name, parent);
    return parent;
  }

  #dropIfUnused(name: string, { labels, children }: Parent): void {
    if (labels === null && children.size === 0) this.#parents.delete(name);
  }
}

const nobody: ReadonlySet<string> = new Set();

function join(entry: Entry, item: string): void {
  entry.items ??= new Set();
  entry.items.add(item);
}

function* labelsOfEach(
  all: ReadonlyMap<string, { readonly labels: Labels | null }>,
): Iterable<readonly [string, Labels]> {
  for (const [id, { labels }] of all) if (labels) yield [id, labels];
}

/** Whether a change of these labels may matter; `null` stands for all. */
function concerns({ labels }: IndexedSelector, changed: ReadonlySet<string> | null): boolean {
  if (changed === null) return true;
  for (const label of changed) if (labels.has(label)) return true;
  return false;
}

function changedLabels(before: Labels, after: Labels): Set<string> {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return new Set([...names].filter((name) => before[name] !== after[name]));
}
