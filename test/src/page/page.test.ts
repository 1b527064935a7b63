import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { stepsOf } from "./page.ts";
import { readShown, withNames } from "./shown.ts";

const page = [
  "# A page",
  "```console",
  "node1# kubectl apply -f - <<'EOF'",
  "kind: Pod",
  "EOF",
  "pod/web created",
  "tor# birdc show route",
  "```",
  "words",
  "```frr",
  "router bgp 64999",
  "```",
].join("\n");

describe("stepsOf", () => {
  it("takes commands with their here-documents, where they are typed, what they show, and blocks for others", () => {
    assert.deepEqual(stepsOf(page), [
      {
        kind: "command",
        place: "node1",
        text: "kubectl apply -f - <<'EOF'\nkind: Pod\nEOF",
        shown: ["pod/web created"],
        line: 3,
      },
      { kind: "command", place: "tor", text: "birdc show route", shown: [], line: 7 },
      { kind: "excerpt", language: "frr", text: "router bgp 64999\n", line: 10 },
    ]);
  });

  const bad = [
    { name: "a block without an end", lines: ["```console", "node1# ls"], told: /line 1: a block without an end/ },
    { name: "output of nothing", lines: ["```console", "total 0", "```"], told: /line 2: no command before/ },
    {
      name: "a here-document without an end",
      lines: ["```console", "node1# cat <<'EOF'", "text", "```"],
      told: /line 2: a here-document without its EOF/,
    },
  ];
  for (const { name, lines, told } of bad)
    it(`refuses ${name}`, () => assert.throws(() => stepsOf(lines.join("\n")), told));
});

describe("readShown", () => {
  const rows: {
    name: string;
    shown: string[];
    output: string;
    known?: [string, string][];
    names: [string, string][] | null;
  }[] = [
    { name: "takes the same words in wider columns", shown: ["NAME  READY"], output: "NAME     READY\n", names: [] },
    { name: "refuses another word", shown: ["NAME  READY"], output: "NAME  GONE", names: null },
    { name: "refuses a line too many", shown: ["one"], output: "one\ntwo", names: null },
    { name: "refuses a line too few", shown: ["one", "two"], output: "one", names: null },
    {
      name: "takes any lines for the sign of it, and goes on behind them",
      shown: ["…", "end"],
      output: "1\n2\nend",
      names: [],
    },
    { name: "takes no line for it too", shown: ["…", "end"], output: "end", names: [] },
    { name: "takes another age for an age", shown: ["node1 Ready 7m3s"], output: "node1   Ready   21s", names: [] },
    { name: "takes no word for an age", shown: ["node1 Ready 7m3s"], output: "node1 Ready never", names: null },
    {
      name: "notes what an address is here",
      shown: ["web 10.244.1.2 node2"],
      output: "web 10.244.7.200 node2",
      names: [["10.244.1.2", "10.244.7.200"]],
    },
    {
      name: "holds a name to what it was before",
      shown: ["web 10.244.1.2"],
      output: "web 10.244.9.9",
      known: [["10.244.1.2", "10.244.7.200"]],
      names: null,
    },
    {
      name: "takes nothing but an address for an address",
      shown: ["web 10.244.1.2"],
      output: "web <none>",
      names: null,
    },
  ];
  for (const { name, shown, output, known = [], names } of rows) {
    it(name, () => {
      const found = readShown(shown, output, new Map(known));
      assert.deepEqual(found === undefined ? null : [...found], names);
    });
  }
});

describe("withNames", () => {
  it("puts what a thing is called here, and takes no longer name for a shorter", () => {
    const names = new Map([["10.244.1.2", "10.244.7.7"]]);
    assert.equal(withNames("curl http://10.244.1.2/ 10.244.1.20", names), "curl http://10.244.7.7/ 10.244.1.20");
  });
});
