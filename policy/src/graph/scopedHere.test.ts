import { type Labels, selectorOf } from "@brindle/api";
import { expect, it } from "vitest";
import { inScope, namespaceLabel, type Scope } from "../scope.ts";
import { seededNumbers } from "../seededNumbers.ts";
import type { MemberView } from "./endpointViews.ts";
import { ScopedHere } from "./scopedHere.ts";

const namespaces = [null, "red", "blue"];
const selectors = [null, "a == '1'", "a in {'1', '2'} && has(b)", "!has(b)", "b == '2' || a == '2'"];
const namespaceSelectors = [null, null, "global", "team == 'x'"] as const;
const profiles = ["kns.red", "kns.blue", "spare"];
const labelNames = ["a", "b", "pcns.team"];
const labelValues = ["1", "2", "x"];

type Below = (n: number) => number;

function pick<T>(below: Below, items: readonly T[]): T {
  return items[below(items.length)] as T;
}

function labelsOf(below: Below): Labels {
  return Object.fromEntries(labelNames.filter(() => below(2) === 0).map((name) => [name, pick(below, labelValues)]));
}

function randomScope(below: Below): Scope {
  const [selector, within] = [pick(below, selectors), pick(below, namespaceSelectors)];
  return {
    namespace: pick(below, namespaces),
    namespaceSelector: within === null || within === "global" ? within : selectorOf(within),
    selector: selector === null ? null : selectorOf(selector),
  };
}

function randomView(below: Below): MemberView {
  const namespace = pick(below, namespaces);
  const labels = { ...labelsOf(below), ...(namespace !== null && { [namespaceLabel]: namespace }) };
  return { labels, parents: profiles.filter(() => below(2) === 0), networks: [], ports: [] };
}

/** What the index should find, by trying all. */
class Model {
  readonly scopes = new Map<string, Scope>();
  readonly members = new Map<string, MemberView>();
  readonly profiles = new Map<string, Labels>();

  of(id: string): string[] {
    const view = this.members.get(id);
    if (!view) return [];
    const inherited = view.parents.map((name) => this.profiles.get(name) ?? {}).reverse();
    const labels: Labels = Object.assign({}, ...inherited, view.labels);
    const namespace = view.labels[namespaceLabel] ?? null;
    const names = [...this.scopes].filter(([, scope]) => inScope(scope, { namespace, labels }));
    return names.map(([name]) => name).sort();
  }
}

it("finds what is for each member as trying all does, and tells of whom that changed, but for things that come or go", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const below = seededNumbers(seed);
    const told = new Set<string>();
    const scoped = new ScopedHere<string>((id) => told.add(id));
    const model = new Model();
    const all = (): Map<string, string[]> => new Map([...model.members.keys()].map((id) => [id, model.of(id)]));
    for (let step = 0; step < 120; step++) {
      const before = all();
      told.clear();
      const kind = below(3);
      if (kind === 0) changeThing(below, scoped, model);
      else if (kind === 1) changeMember(below, scoped, model);
      else changeProfile(below, scoped, model);
      for (const [id, expected] of all()) {
        const where = `${id} at step ${step} of seed ${seed}`;
        expect([...scoped.of(id)].sort(), where).toEqual(expected);
        const isOther = String(before.get(id) ?? []) !== String(expected);
        if (kind > 0) expect(told.has(id), `${where} is told of`).toBe(isOther);
      }
      for (const [name, scope] of model.scopes) {
        const members = [...scoped.membersOf(scope)].sort();
        const expected = [...model.members.keys()].filter((id) => model.of(id).includes(name)).sort();
        expect(members, `members of ${name} at step ${step} of seed ${seed}`).toEqual(expected);
      }
    }
  }
});

it("takes nothing for another thing of the same scope", () => {
  const scoped = new ScopedHere<string>(() => {});
  const scope: Scope = { namespace: null, namespaceSelector: null, selector: null };
  scoped.onMember("pod", { labels: {}, parents: [], networks: [], ports: [] });
  scoped.add(scope, "one");
  expect(() => scoped.remove(scope, "other")).toThrow("is there to be removed");
  expect([...scoped.of("pod")]).toEqual(["one"]);
});

function changeThing(below: Below, scoped: ScopedHere<string>, { scopes }: Model): void {
  const name = `thing-${below(8)}`;
  const before = scopes.get(name);
  const after = below(3) === 0 ? null : randomScope(below);
  if (after) {
    scoped.add(after, name);
    scopes.set(name, after);
  } else scopes.delete(name);
  if (before) scoped.remove(before, name);
}

function changeMember(below: Below, scoped: ScopedHere<string>, { members }: Model): void {
  const id = `member-${below(5)}`;
  const view = below(3) === 0 ? null : randomView(below);
  if (view) members.set(id, view);
  else members.delete(id);
  scoped.onMember(id, view);
}

function changeProfile(below: Below, scoped: ScopedHere<string>, { profiles: known }: Model): void {
  const name = pick(below, profiles);
  const labels = below(3) === 0 ? null : labelsOf(below);
  if (labels) known.set(name, labels);
  else known.delete(name);
  scoped.onProfileLabels(name, labels);
}
