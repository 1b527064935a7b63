/** What is declared and what docs/metrics.md says, held equal. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { agentMetrics, controllersMetrics, type MetricRow } from "@brindle/agent";
import { speakerMetrics } from "@brindle/bgp";
import { describe, it } from "vitest";

type Declared = Pick<MetricRow<never>, "name" | "type" | "help" | "labelNames">;

const ofSpeaker: readonly Declared[] = speakerMetrics(null);

const sections: { title: string; metrics: readonly Declared[] }[] = [
  { title: "What an agent tells", metrics: agentMetrics },
  { title: "What its BGP speaker tells", metrics: ofSpeaker },
  { title: "What the controllers tell", metrics: controllersMetrics },
];

function line({ name, type, labelNames, help }: Declared): string {
  return `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(", ")} | ${help} |`;
}

describe("docs/metrics.md", () => {
  for (const { title, metrics } of sections) {
    it(`has a line for each metric, and no others: ${title}`, async () => {
      const page = await readFile(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
      const section = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? "";
      const lines = section.split("\n").filter((each) => each.startsWith("| `brindle_"));
      assert.deepEqual(lines, metrics.map(line));
    });
  }
});

describe("the names of metrics", () => {
  const own: readonly Declared[] = [...agentMetrics, ...controllersMetrics];
  const all: readonly Declared[] = [...own, ...ofSpeaker];

  it("are nobody else's, and each is declared once in a process", () => {
    for (const process of [[...agentMetrics, ...ofSpeaker], controllersMetrics]) {
      const names = process.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
      for (const name of names) assert.match(name, /^brindle_[a-z0-9_]+$/);
    }
  });

  it("end as Prometheus has it: counters with _total, and nothing else does", () => {
    for (const { name, type } of all) assert.equal(name.endsWith("_total"), type === "counter", name);
  });

  it("say the unit of what is measured", () => {
    for (const { name, type } of own) if (type === "histogram") assert.match(name, /_seconds$/);
  });

  it("have no labels that grow with the cluster", () => {
    const bounded = [
      "version",
      "part",
      "code",
      "state",
      "command",
      "result",
      "family",
      "kind",
      "controller",
      "op",
      "action",
    ];
    for (const { name, labelNames } of own)
      for (const label of labelNames) assert(bounded.includes(label), `${name}: ${label}`);
  });
});
