import type { ChainContent, TableTransaction } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { inParts } from "./parts.ts";

const chain = (name: string, ...targets: string[]): ChainContent => ({
  name,
  rules: targets.map((target) => ["-m", "comment", "--comment", "of a test", "-j", target]),
});

/** Chains of policies, asked in groups, which chains of endpoints ask, which dispatches ask: of each level the first comes first. */
function many(count: number): ChainContent[] {
  const names = (prefix: string, of: number) => Array.from({ length: of }, (_, index) => `${prefix}${index}`);
  return [
    chain("FORWARD-OURS", "dispatch"),
    chain("dispatch", ...names("end", count / 10)),
    ...names("end", count / 10).map((name, index) => chain(name, `group${index}`, "kept")),
    ...names("group", count / 10).map((name, index) => chain(name, `policy${index}`, `policy${count - 1 - index}`)),
    ...names("policy", count).map((name) => chain(name, "allow", "DROP")),
    chain("allow", "MARK"),
  ];
}

describe("a commit in parts", () => {
  const kept = chain("kept", "policy0", "RETURN");
  const rest = {
    hooks: [{ op: "insert", chain: "FORWARD", rule: ["-j", "FORWARD-OURS"] }],
    deletedChains: ["gone"],
  } as const;
  const made = many(2_000);
  const transaction: TableTransaction = { table: "filter", chains: [kept, ...made], ...rest };
  const parts = inParts({ transaction, fresh: new Set(made.map(({ name }) => name)) });

  it("makes every chain once, and none before those to which its rules go", () => {
    const there = new Set(["kept", "DROP", "MARK", "RETURN"]);
    for (const { chains = [] } of parts) {
      for (const { name } of chains) there.add(name);
      for (const { rules } of chains) for (const rule of rules) expect(there).toContain(rule.at(-1));
    }
    const names = parts.flatMap(({ chains = [] }) => chains.map(({ name }) => name));
    expect(names.toSorted()).toEqual([...made, kept].map(({ name }) => name).toSorted());
    expect(parts.length).toBeGreaterThan(5);
  });

  it("leaves for the last all that packets can meet", () => {
    expect(parts.at(-1)).toEqual({ table: "filter", chains: [kept], ...rest });
    for (const part of parts.slice(0, -1)) expect([part.hooks, part.deletedChains]).toEqual([undefined, undefined]);
  });

  it("is one where little is new", () => {
    const few = inParts({ transaction, fresh: new Set(["allow"]) });
    expect(few).toEqual([transaction]);
  });
});
