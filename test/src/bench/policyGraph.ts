/**
 * The policy graph alone, in a process of its own so that its memory is its own: 250,000 pods, 200 of them here, and 10,000
 * policies by labels. The anchor is what reading as much takes any program in this language: each object parsed from its
 * text and kept by its name. Felix took 7.9 s for it where a benchmark of its own was run, 283 MB after and 1.1 GB in all.
 */
import { fileURLToPath } from "node:url";
import { exec } from "../fixtures/command.ts";
import type { Row } from "./row.ts";

const felixSeconds = 7.9;
const felixHeapMB = 283;
const felixProcessMB = 1_100;
const timeShare = 0.4;
const memoryShare = 0.7;

export interface GraphFigures {
  /** CPU time of the process for the graph's own work, garbage collection included. */
  readonly seconds: number;
  readonly anchorSeconds: number;
  readonly heapMB: number;
  readonly processMB: number;
  readonly rules: number;
}

async function measure(): Promise<GraphFigures> {
  const { anchorSeconds } = await runProcess("anchor");
  return { ...(await runProcess("graph")), anchorSeconds };
}

async function runProcess(what: "anchor" | "graph"): Promise<GraphFigures> {
  const entry = fileURLToPath(new URL("policyGraphProcess.ts", import.meta.url));
  const args = ["--expose-gc", "--conditions=brindle-source", entry, what];
  return JSON.parse(await exec(process.execPath, args, { deadlineMs: 600_000 })) as GraphFigures; // What it promises.
}

const measured = ((): (() => Promise<GraphFigures>) => {
  let figures: Promise<GraphFigures> | undefined;
  return () => {
    figures ??= measure();
    return figures;
  };
})();

const load = "250,200 pods, 200 here, 10,000 policies";

export const policyGraphRows: readonly Row[] = [
  {
    name: `policy: graph alone, ${load}: CPU time`,
    unit: "s",
    better: "lower",
    target: () => felixSeconds * timeShare,
    async measure() {
      const { seconds, anchorSeconds, rules } = await measured();
      return {
        anchor: { name: "the same parsed from JSON and kept", figure: anchorSeconds },
        ours: seconds,
        notes: [`${rules.toLocaleString("en")} rules; Felix, on another machine: ${felixSeconds} s`],
      };
    },
  },
  {
    name: `policy: graph alone, ${load}: heap after`,
    unit: "MB",
    better: "lower",
    target: (anchor) => anchor * memoryShare,
    async measure() {
      const { heapMB } = await measured();
      return { anchor: { name: "Felix, on another machine", figure: felixHeapMB }, ours: heapMB };
    },
  },
  {
    name: `policy: graph alone, ${load}: process`,
    unit: "MB",
    better: "lower",
    target: (anchor) => anchor * memoryShare,
    async measure() {
      const { processMB } = await measured();
      return { anchor: { name: "Felix, on another machine", figure: felixProcessMB }, ours: processMB };
    },
  },
];
