/** The page on policy, typed line by line: what it shows is what is shown. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../fixtures/command.ts";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { type Command, stepsOf } from "../page/page.ts";
import { readShown, withNames } from "../page/shown.ts";
import { established, type Stand, startStand } from "./stand.ts";

const launcher = fileURLToPath(new URL("../../../cli/bin/brindlectl.js", import.meta.url));
const pageUrl = new URL("../../../docs/policy.md", import.meta.url);
const deadlineMs = 30_000;

describe("docs/policy.md", () => {
  let stand: Stand;
  let folder: string;
  let names: Map<string, string>;
  const pods = new Map<string, Pod>();

  beforeAll(async () => {
    stand = await startStand();
    await established(stand, "node1");
    for (const name of ["web", "db"]) {
      pods.set(name, await stand.runtime.add({ name, node: "node1", labels: { app: name } }));
    }
    folder = await stand.instance.createDirectory("policy-page");
    names = new Map([["10.244.0.1", pods.get("db")?.addresses[0] ?? ""]]);
  });
  afterAll(() => stand[Symbol.asyncDispose]());

  async function typed({ place, text }: Command): Promise<string> {
    const datastore = place === "node1" ? `--etcd ${stand.etcd.endpoint}` : "";
    const brindlectl = `brindlectl() { ${process.execPath} ${launcher} ${datastore} "$@"; }`;
    const script = `cd ${folder}\nexec 2>&1\n${brindlectl}\n${withNames(text, names)}`;
    const pod = pods.get(place);
    if (pod) return (await namespaceNamed(pod.namespace).run("bash", ["--norc", "-c", script])).stdout;
    if (place === "node1") return (await stand.fabric.machine("node1").run("bash", ["--norc", "-c", script])).stdout;
    return (await run("bash", ["--norc", "-c", script])).stdout;
  }

  it("shows what is shown", { timeout: 180_000 }, async () => {
    const commands = stepsOf(await readFile(pageUrl, "utf8")).filter((step) => step.kind === "command");
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      await waitFor(
        async (saw) => {
          const output = await typed(command);
          saw(output);
          const read = readShown(command.shown, output, names);
          if (read) names = read;
          return read !== undefined;
        },
        { what: `line ${command.line} of the page: ${command.text}`, deadlineMs },
      );
    }
  });
});
