import assert from "node:assert/strict";
import { KernelError, parseSetElement, type SetChange, type SetElement } from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import { describe, it } from "vitest";
import type { Plan } from "../plan/plan.ts";
import type { PlannedChange } from "../plan/sets.ts";
import { applyPlan, type Kernel } from "./kernel.ts";

const elements = [parseSetElement("10.0.0.1/32")].filter((element): element is SetElement => element !== null);
const add = (name: string): PlannedChange => ({ op: "add", name, elements });
const plan: Plan = {
  names: new Map(),
  before: [
    add("made"),
    add("made too"),
    { ...add("tightens"), waits: true },
    add("tightens too"),
    { ...add("loosens"), waits: true },
  ],
  commits: [],
  after: [{ op: "destroy", name: "stray" }, add("comes")],
};

function refusal(object: string): KernelError {
  return new KernelError({ code: "BUSY", object, errno: 4108, name: "IPSET_ERR_REFERENCED", text: "in use" });
}

/** Sets of which some are refused; what was asked for together stands together. */
function sets(refused: readonly string[]): { calls: string[][]; kernel: Kernel } {
  const calls: string[][] = [];
  const nameOf = (change: SetChange): string => (change.op === "create" ? change.set.name : change.name);
  const apply = async (changes: readonly SetChange[]): Promise<(KernelError | null)[]> => {
    const names = changes.map(nameOf);
    calls.push(names);
    return names.map((name) => (refused.includes(name) ? refusal(name) : null));
  };
  return { calls, kernel: { tables: [], sets: { list: async () => [], apply } } };
}

describe("applying a plan", () => {
  it("sends together what need not wait", async () => {
    const { calls, kernel } = sets([]);
    assert.deepEqual(await applyPlan(plan, kernel), new Set());
    assert.deepEqual(calls, [["made", "made too"], ["tightens", "tightens too"], ["loosens"], ["stray", "comes"]]);
  });
  it("loosens nothing where something that tightens was refused", async () => {
    const { calls, kernel } = sets(["tightens"]);
    await assert.rejects(applyPlan(plan, kernel), /tightens/);
    assert.deepEqual(calls.at(-1), ["tightens", "tightens too"]);
  });
  it("tells of sets that the kernel has not let go of, and fails for all else", async () => {
    assert.deepEqual(await applyPlan(plan, sets(["stray"]).kernel), new Set(["stray"]));
    await assert.rejects(applyPlan(plan, sets(["comes"]).kernel), /comes/);
  });

  it("fills sets while chains are made that no packet meets, and commits the rest once they are full", async () => {
    const { log, apply } = ahead({
      onSets: async (what, { committed }) => {
        // The kernel takes its time: chains that name a set may not be there before it.
        if (what === "made") await new Promise(setImmediate);
        else await committed;
      },
    });
    await apply();
    assert.deepEqual(log, ["made", "chains ahead", "chains ahead", "filled", "the rest"]);
  });

  it("commits nothing by which packets meet a set that the kernel refused to fill", async () => {
    const { log, apply } = ahead({ refused: "filled" });
    await assert.rejects(apply(), /made/);
    assert.deepEqual(log.toSorted(), ["chains ahead", "chains ahead", "filled", "made"]);
  });

  it.each([
    { part: 0, done: ["made"] },
    { part: 1, done: ["chains ahead", "made"] },
  ])("makes no chains ahead that name a set which the kernel refused to make: of the part $part", async (one) => {
    const { log, apply } = ahead({ refused: "made", naming: one.part });
    await assert.rejects(apply(), /made/);
    assert.deepEqual(log, one.done);
  });

  it("has iptables-legacy read rules while many sets are filled that are there, and commit them afterwards", async () => {
    const { log, apply } = beside();
    await apply();
    assert.deepEqual(log, ["made", "reads", "filled", "commits"]);
  });

  it.each([
    { refused: "made", done: ["made"] },
    { refused: "filled", done: ["made", "reads", "filled"] },
  ] as const)("has it commit nothing where a set was refused that is to be $refused", async ({ refused, done }) => {
    const { log, apply } = beside({ refused });
    await assert.rejects(apply(), new RegExp(refused));
    assert.deepEqual(log, done);
  });

  it("lets others have the lock of legacy tables while sets are filled that take long", async () => {
    const { log, apply } = beside({ each: 4_001 });
    await apply();
    assert.deepEqual(log, ["filled", "reads", "commits"]);
  });

  it("fills sets also where the one family has nothing to be committed", async () => {
    const { log, apply } = beside({ family: 6 });
    await apply();
    assert.deepEqual(log, ["filled"]);
  });

  it("begins with chains whose sets are there while the sets of others are made", async () => {
    const onSets = async (what: string): Promise<void> => {
      if (what === "made") await new Promise(setImmediate);
    };
    const { log, apply } = ahead({ naming: 1, onSets });
    await apply();
    assert.deepEqual(log.slice(0, 2), ["chains ahead", "made"]);
    assert.deepEqual(log.slice(2).toSorted(), ["chains ahead", "filled", "the rest"]);
    assert.equal(log.at(-1), "the rest");
  });
});

interface BesideCase {
  readonly family?: 4 | 6;
  readonly refused?: "made" | "filled";
  /** Elements of each set. */
  readonly each?: number;
}

/** Many sets, of which one may be refused, and a table of iptables-legacy. What is done is noted once it is done, or begun. */
function beside({ family = 4, refused, each = 1 }: BesideCase = {}): {
  log: string[];
  apply: () => Promise<Set<string>>;
} {
  const names = Array.from({ length: 50 }, (_, index) => `set ${index}`);
  const create = (name: string): PlannedChange => ({ op: "create", set: { name, type: "hash:net", family: 4 } });
  const members = Array.from({ length: each }, () => elements).flat();
  const before = names.flatMap((name) => [create(name), { op: "add" as const, name, elements: members }]);
  const log: string[] = [];
  const tables: Tables = {
    family,
    backend: "legacy",
    save: () => assert.fail("nothing is read"),
    commit: async (_transactions, complete) => {
      log.push("reads");
      await complete;
      log.push("commits");
    },
  };
  const apply = async (changes: readonly SetChange[]): Promise<(KernelError | null)[]> => {
    const what = changes.every(({ op }) => op === "create") ? "made" : "filled";
    await new Promise(setImmediate);
    log.push(what);
    return changes.map((_, index) => (what === refused && index === 7 ? refusal(what) : null));
  };
  const transaction = { table: "filter", chains: [{ name: "BRDL-pi-0", rules: [] }] } as const;
  const commits = [{ family: 4, transaction, fresh: new Set<string>() }] as const;
  const toDo: Plan = { names: new Map(), before, commits, after: [] };
  return { log, apply: () => applyPlan(toDo, { tables: [tables], sets: { list: async () => [], apply } }) };
}

interface AheadCase {
  readonly onSets?: (what: "made" | "filled", over: { readonly committed: Promise<void> }) => Promise<void>;
  readonly refused?: "made" | "filled";
  /** Which of the parts has a chain that names the set; the first, unless told. */
  readonly naming?: number;
}

/** One set, and twice as many new chains as go into one part, which a hook leads to. What is done is noted once it is done. */
function ahead({ onSets = async () => {}, refused, naming = 0 }: AheadCase): {
  log: string[];
  apply: () => Promise<Set<string>>;
} {
  const fresh = ["BRDL-pi-0", "BRDL-pi-1"];
  const rule = ["-m", "set", "--match-set", "made", "src", "-j", "DROP"];
  const chains = fresh.map((name, part) => ({ name, rules: part === naming ? [rule] : [] }));
  const hook = ["-j", "BRDL-FORWARD"];
  const transaction = { table: "filter", chains, hooks: [{ op: "insert", chain: "FORWARD", rule: hook }] } as const;
  const create: PlannedChange = { op: "create", set: { name: "made", type: "hash:net", family: 4 } };
  const log: string[] = [];
  const { promise: committed, resolve } = Promise.withResolvers<void>();
  const tables: Tables = {
    family: 4,
    backend: "nft",
    save: () => assert.fail("nothing is read"),
    commit: async ([one]) => {
      log.push(one?.hooks ? "the rest" : "chains ahead");
      if (log.filter((what) => what === "chains ahead").length === fresh.length) resolve();
    },
  };
  const applySets = async (changes: readonly SetChange[]): Promise<(KernelError | null)[]> => {
    const what = changes.every(({ op }) => op === "create") ? "made" : "filled";
    await onSets(what, { committed });
    log.push(what);
    return changes.map(() => (what === refused ? refusal("made") : null));
  };
  const commits = [{ family: 4, transaction, fresh: new Set(fresh) }] as const;
  const toDo: Plan = { names: new Map(), before: [create, add("made")], commits, after: [] };
  const sets = { list: async () => [], apply: applySets };
  return { log, apply: () => applyPlan(toDo, { tables: [tables], sets, partMax: 1 }) };
}
