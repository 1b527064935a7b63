import { describe, expect, it } from "vitest";
import { renderTransactions, type TableTransaction } from "./transaction.ts";

const rows: { name: string; transactions: Omit<TableTransaction, "table">[]; lines: string[] }[] = [
  {
    name: "makes and fills chains before it hooks them in",
    transactions: [
      {
        chains: [
          {
            name: "b-in",
            rules: [
              ["-s", "10.0.0.0/8", "-j", "ACCEPT"],
              ["-j", "b-log"],
            ],
          },
          { name: "b-log", rules: [] },
        ],
        hooks: [{ op: "insert", chain: "FORWARD", rule: ["-j", "b-in"] }],
      },
    ],
    lines: [
      ...[":b-in - [0:0]", ":b-log - [0:0]"],
      ...["-A b-in -s 10.0.0.0/8 -j ACCEPT", "-A b-in -j b-log", "-I FORWARD -j b-in"],
    ],
  },
  {
    name: "unhooks and empties chains before it removes them",
    transactions: [{ hooks: [{ op: "delete", chain: "FORWARD", rule: ["-j", "b-in"] }], deletedChains: ["b-in"] }],
    lines: [":b-in - [0:0]", "-D FORWARD -j b-in", "-X b-in"],
  },
  {
    name: "keeps the last word on a chain",
    transactions: [
      { chains: [{ name: "b-a", rules: [["-j", "DROP"]] }], deletedChains: ["b-b"] },
      { chains: [{ name: "b-b", rules: [["-j", "ACCEPT"]] }], deletedChains: ["b-a"] },
    ],
    lines: [":b-b - [0:0]", ":b-a - [0:0]", "-A b-b -j ACCEPT", "-X b-a"],
  },
  {
    name: "keeps hooks of several transactions in their order",
    transactions: [
      { hooks: [{ op: "append", chain: "OUTPUT", rule: ["-j", "b-1"] }] },
      { hooks: [{ op: "delete", chain: "OUTPUT", rule: ["-j", "b-1"] }] },
    ],
    lines: ["-A OUTPUT -j b-1", "-D OUTPUT -j b-1"],
  },
  {
    name: "forgets a change of a chain that is filled anew or removed later",
    transactions: [
      { hooks: ["b-1", "b-2", "b-3"].map((chain) => ({ op: "insert", chain, rule: ["-j", "DROP"] })) },
      { chains: [{ name: "b-1", rules: [] }], deletedChains: ["b-2"] },
    ],
    lines: [":b-1 - [0:0]", ":b-2 - [0:0]", "-I b-3 -j DROP", "-X b-2"],
  },
  { name: "commits nothing as an empty table", transactions: [], lines: [] },
];

describe("renderTransactions", () => {
  for (const { name, transactions, lines } of rows) {
    it(name, () => {
      const text = renderTransactions(
        "filter",
        transactions.map((transaction) => ({ table: "filter", ...transaction })),
      );
      expect(text).toBe(`${["*filter", ...lines, "COMMIT"].join("\n")}\n`);
    });
  }
});
