/** The index of selectors beside a plain scan of all of them, which keeps for each endpoint what it matches. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type LabelledItem, type Labels, type Selector, SelectorIndex, selectorOf } from "@brindle/api";
import { elapsedMs, median, type Row } from "./row.ts";

const count = 10_000;
const applications = 2_000;
const namespaces = 200;
const changes = 100;
const rounds = 5;
const size = `${count.toLocaleString("en")} selectors x ${count.toLocaleString("en")} endpoints`;
const anchorName = "plain scan";

interface Subject {
  change(endpoint: string, item: LabelledItem): void;
}

export const selectorIndexRows: readonly Row[] = [
  {
    name: `store: selector index, change of an endpoint, ${size} (target 10 x a scan)`,
    unit: "µs",
    better: "lower",
    async measure() {
      const anchor = await changeMicroseconds(new Scan());
      return { anchor: { name: anchorName, figure: anchor }, ours: await changeMicroseconds(indexed()) };
    },
  },
  {
    name: `store: selector index, memory, ${size}`,
    unit: "MiB",
    better: "lower",
    async measure() {
      selectors(); // Their texts and trees belong to neither.
      return { anchor: { name: anchorName, figure: heapMiB(() => new Scan()) }, ours: heapMiB(indexed) };
    },
  },
];

/** Evaluates every selector at every change. */
class Scan implements Subject {
  readonly #selectors = new Map(selectors());
  readonly #profiles = new Map(profiles());
  readonly #items = new Map<string, LabelledItem>();
  readonly #matching = new Map<string, Set<string>>();

  constructor() {
    for (let i = 0; i < count; i++) this.change(`endpoint-${i}`, endpoint(i));
  }

  change(id: string, item: LabelledItem): void {
    const inherited = (item.parents ?? []).map((name) => this.#profiles.get(name) ?? {});
    const labels: Labels = Object.assign({}, ...inherited, item.labels);
    const matching = new Set<string>();
    for (const [name, selector] of this.#selectors) if (selector.matches(labels)) matching.add(name);
    this.#items.set(id, item);
    this.#matching.set(id, matching);
  }
}

function indexed(): Subject {
  const index = new SelectorIndex();
  for (const [name, labels] of profiles()) index.setParent(name, labels);
  for (let i = 0; i < count; i++) index.setItem(`endpoint-${i}`, endpoint(i));
  for (const [name, selector] of selectors()) index.setSelector(name, selector);
  return { change: (id, item) => void index.setItem(id, item) };
}

/** An endpoint goes to another application, and is told of often enough to be timed. */
async function changeMicroseconds(subject: Subject): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const tookMs = await elapsedMs(async () => {
      for (let i = 0; i < changes; i++) subject.change(`endpoint-${i}`, endpoint(i, i + round + 1));
    });
    times.push((tookMs * 1_000) / changes);
  }
  return median(times.slice(1));
}

function heapMiB(build: () => object): number {
  const before = usedBytes();
  const built = build();
  const used = usedBytes() - before;
  kept.add(built); // Alive until it was measured.
  kept.clear();
  return used / 2 ** 20;
}

const kept = new Set<object>();

function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().heapUsed;
}

function endpoint(i: number, application: number = i): LabelledItem {
  const labels = {
    app: `app-${application % applications}`,
    version: `v${i % 7}`,
    tier: ["front", "back", "cache"][i % 3] ?? "front",
    "pod-template-hash": `${i.toString(36)}abc`,
    "projectcalico.org/orchestrator": "k8s",
    "projectcalico.org/namespace": `ns-${i % namespaces}`,
  };
  return { labels, parents: [`kns.ns-${i % namespaces}`] };
}

function profiles(): [string, Labels][] {
  return Array.from({ length: namespaces }, (_, i) => [
    `kns.ns-${i}`,
    { "pcns.projectcalico.org/name": `ns-${i}`, "pcns.team": `team-${i % 20}` },
  ]);
}

/** As policies have them: most for an application, a tenth for a team's, one in fifty for a prefix, one in a hundred for all but some. */
function selectors(): [string, Selector][] {
  return Array.from({ length: count }, (_, i) => [`selector-${i}`, selectorOf(selectorText(i))]);
}

function selectorText(i: number): string {
  const application = `app-${i % applications}`;
  if (i % 100 === 0) return `tier != 'front' && version not in {'v${i % 7}'} && !has(x-${i})`;
  if (i % 10 === 1)
    return `pcns.team == 'team-${i % 20}' && app in {'${application}', 'app-${(i + 1) % applications}'}`;
  if (i % 50 === 2) return `has(app) && app starts with 'app-${i % applications}' && version == 'v${i % 7}'`;
  if (i % 2 === 0) return `projectcalico.org/namespace == 'ns-${i % namespaces}' && app == '${application}'`;
  return `projectcalico.org/orchestrator == 'k8s' && app == '${application}' && tier == 'back'`;
}
