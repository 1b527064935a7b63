/** `docs/install-kubeadm.md`, word by word, on machines that kubeadm has not seen. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "vitest";
import { FixtureError } from "../fixtures/error.ts";
import { processInstance } from "../fixtures/instance.ts";
import { type OwnMachines, startMachines } from "../fixtures/kubeadm/machines.ts";
import { startFrr } from "../fixtures/routers/frr.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Command, type Excerpt, stepsOf } from "../page/page.ts";
import { readShown } from "../page/shown.ts";
import { startWalk, type Walk } from "./walk.ts";

const page = readFileSync(new URL("../../../docs/install-kubeadm.md", import.meta.url), "utf8");
const steps = stepsOf(page);

let machines: OwnMachines;
let walk: Walk;
let failedBefore = false;
beforeAll(async () => {
  machines = await startMachines({ nodes: 3 });
  walk = await startWalk(machines);
});
afterAll(async () => {
  await machines?.[Symbol.asyncDispose]();
  await (await processInstance())[Symbol.asyncDispose]();
});

describe("the page of how to install on kubeadm", () => {
  it("has something to type on every machine", () => {
    const places = new Set(steps.flatMap((step) => (step.kind === "command" ? [step.place] : [])));
    assert.deepEqual([...places].sort(), ["build", "node1", "node2", "node3", "tor"]);
  });

  for (const step of steps) {
    if (step.kind === "excerpt" && step.language !== "frr") continue;
    const what = step.kind === "excerpt" ? "the configuration of FRR does what BIRD's did" : titleOf(step);
    it(`line ${step.line}: ${what}`, async () => {
      // What follows a step that failed says nothing of its own.
      assert(!failedBefore, "a step before this one failed");
      failedBefore = true;
      await (step.kind === "excerpt" ? replaceRouter(step) : follow(step));
      failedBefore = false;
    });
  }
});

/** What only looks is typed again until it shows what the page does, as a person would. */
const looking = /^(kubectl( -n \S+)? (get|exec|logs)|curl|birdc show) /;

async function follow(step: Command): Promise<void> {
  const attempt = async (saw: (seen: unknown) => void): Promise<boolean> => {
    const { exitCode, stdout } = await walk.type(step);
    saw(`exit code ${exitCode}\n${stdout}`);
    const mayFail = step.shown.some((line) => /^curl: \(|^command terminated with/.test(line));
    if ((exitCode === 0) === mayFail) return false;
    if (step.shown.length === 0) return true;
    const names = readShown(step.shown, stdout, walk.names);
    walk.names = names ?? walk.names;
    return names !== undefined;
  };
  const what = `line ${step.line} shows\n${step.shown.join("\n")}\n`;
  if (looking.test(step.text)) await waitFor(attempt, { what, deadlineMs: 60_000, intervalMs: 300 });
  else await once(attempt, what);
}

async function once(attempt: (saw: (seen: unknown) => void) => Promise<boolean>, expected: string): Promise<void> {
  let seen: unknown;
  const isAsShown = await attempt((what) => {
    seen = what;
  });
  if (!isAsShown)
    throw new FixtureError({ code: "EXPECTED", what: "it is as the page says", expected, seen: String(seen) });
}

/** FRR in the place of BIRD, until the pod that the page looked at from the router is reached from there again. */
async function replaceRouter({ text, line }: Excerpt): Promise<void> {
  const [look] = steps.filter((step) => step.kind === "command" && step.place === "tor" && /^curl/.test(step.text));
  assert(look?.kind === "command");
  await walk.type({ place: "tor", text: "birdc down" });
  await waitFor(async () => (await walk.type(look)).exitCode !== 0, { what: "the router has forgotten the pods" });
  const frr = await startFrr({ namespace: machines.tor.namespace, config: text });
  await waitFor(
    async (saw) => {
      const sessions = await frr.sessions();
      saw(sessions);
      return sessions.filter(({ established, received }) => established && received > 0).length > 0;
    },
    { what: `the nodes' sessions with the FRR of line ${line}`, deadlineMs: 60_000 },
  );
  await follow(look);
}

function titleOf({ place, text }: Command): string {
  const [first = "", ...others] = text.split("\n");
  return `${place}# ${first}${others.length > 0 ? " …" : ""}`;
}
