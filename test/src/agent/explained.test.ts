/** `brindlectl policy explain`, asked of the datastore and of a folder of what it exported, against packets and `policy hits`. */
import { fileURLToPath } from "node:url";
import type { PolicyHit } from "@brindle/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { startServer } from "../lab/tour/pods.ts";
import { Random } from "../oracle/random.ts";
import { established, resource, type Stand, startStand } from "./stand.ts";

const launcher = fileURLToPath(new URL("../../../cli/bin/brindlectl.js", import.meta.url));
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);
const questions = 3;
const exported =
  "workloadendpoints,profiles,networkpolicies,globalnetworkpolicies,tiers,networksets,globalnetworksets,nodes";
const labels = ["app == 'web'", "app == 'db'", "app in {'web', 'batch'}", "app != 'db'"] as const;

/** Rules over pods, ports and networks; each pair of pods meets some of them. */
function randomPolicies(random: Random): object[] {
  const side = (): object =>
    random.chance(0.6)
      ? { selector: random.pick(...labels) }
      : { nets: [random.pick("10.244.0.0/31", "fd00:244::/127")] };
  const rules = (): object[] =>
    random.list(1 + random.integer(3), () => ({
      action: random.pick("Allow", "Allow", "Deny", "Pass"),
      protocol: random.pick("TCP", "TCP", "UDP"),
      ...(random.chance(0.5) ? { source: side() } : {}),
      ...(random.chance(0.5) ? { destination: { ports: [random.pick<number | string>(8080, "8000:9000", 9)] } } : {}),
    }));
  const policies = random.list(3, (index) => {
    const spec = {
      tier: random.pick("default", "first"),
      order: index,
      selector: random.pick(...labels),
      types: ["Ingress", "Egress"],
      ingress: rules(),
      egress: [...rules(), { action: "Allow" }],
    };
    return resource("NetworkPolicy", `policy-${index}`, spec, { namespace: "default" });
  });
  return [resource("Tier", "first", { order: 1, defaultAction: random.pick("Pass", "Deny") }), ...policies];
}

describe(`policy explain, BRINDLE_SEED=${seed},`, () => {
  const random = new Random(seed);
  let stand: Stand;
  const pods: Pod[] = [];

  beforeAll(async () => {
    stand = await startStand();
    await established(stand, "node1");
    for (const name of ["web", "db", "batch"]) {
      const pod = await stand.runtime.add({ name, node: "node1", labels: { app: name } });
      await startServer(pod);
      pods.push(pod);
    }
    await stand.apply(...randomPolicies(random));
    await inForce();
  });
  afterAll(() => stand[Symbol.asyncDispose]());

  const hits = async (): Promise<readonly PolicyHit[]> =>
    (await stand.call("node1", "policy.hits", { all: true })) as readonly PolicyHit[];

  /** The agent has rendered all three policies. */
  async function inForce(): Promise<void> {
    const named = async (saw: (value: unknown) => void): Promise<boolean> => {
      const names = new Set((await hits()).map(({ name }) => name));
      saw([...names]);
      return [0, 1, 2].every((index) => names.has(`policy-${index}`));
    };
    await waitFor(named, { what: "all policies are in force", deadlineMs: 30_000 });
  }

  async function brindlectl(...args: string[]): Promise<string> {
    const words = [launcher, "--etcd", stand.etcd.endpoint, ...args];
    return stand.fabric.machine("node1").exec(process.execPath, words);
  }

  it("says the same live and of a folder, and what packets do, by the rule whose hits rise", {
    timeout: 120_000,
  }, async () => {
    const folder = await stand.instance.createDirectory("explained");
    const manifests = await brindlectl("get", exported, "-A", "--export", "-o", "yaml");
    await stand.fabric.machine("node1").exec("tee", [`${folder}/cluster.yaml`], { input: manifests });
    const verdicts: string[] = [];
    for (let turn = 0; turn < questions; turn++) {
      const from = random.pick(...(pods as [Pod]));
      const to = random.pick(...(pods.filter((pod) => pod !== from) as [Pod]));
      const ask = ["policy", "explain", "--from", from.name, "--to", to.name, "--port", "8080/tcp"];
      const [live, ofFolder] = await Promise.all([brindlectl(...ask), brindlectl(...ask, "-f", folder)]);
      expect(ofFolder).toBe(live);
      const explained = live.split("\n\n");
      expect(explained.length).toBe(to.addresses.length);
      for (const [index, text] of explained.entries()) {
        const before = await hits();
        const isAllowed = /: (ALLOWED|DENIED)$/m.exec(text)?.[1] === "ALLOWED";
        const connected = await connects(from, to.addresses[index] ?? "");
        const context = `${seed}: ${text}`;
        expect(connected, context).toBe(isAllowed);
        const expected = named(text);
        expect(risen(before, await hits(), expected), context).toEqual(expected);
        verdicts.push(isAllowed ? "allowed" : "denied");
      }
    }
    expect(verdicts.length).toBe(2 * questions);
  });
});

/** Whether a connection is opened. It is not tried again within that time: a packet that is denied would count twice. */
async function connects(from: Pod, address: string): Promise<boolean> {
  const script = `exec 3<>/dev/tcp/${address}/8080`;
  const { exitCode } = await namespaceNamed(from.namespace).run("timeout", ["0.8", "bash", "--norc", "-c", script]);
  return exitCode === 0;
}

/** The rules that explanations name as what decided; behind a denial at the source nothing is asked. */
function named(text: string): string[] {
  const ends = [...text.matchAll(/^(egress|ingress) of the (?:source|destination) (\S+): (allow|deny), (.*)$/gm)];
  const asked = ends[0]?.[3] === "deny" ? ends.slice(0, 1) : ends;
  return asked
    .map(([, direction = "", endpoint = "", , reason = ""]) => {
      const rule = /by rule (\d+) of (\S+ \S+?)(?:,|$)/.exec(reason);
      return rule ? `${rule[2]} ${direction} ${rule[1]}` : `Endpoint ${endpoint} ${direction}`;
    })
    .sort();
}

/** The rules that decided since; an end that pods share by the pod of it that is `expected`. */
function risen(before: readonly PolicyHit[], after: readonly PolicyHit[], expected: readonly string[]): string[] {
  const counts = new Map(before.map((hit) => [keyOf(hit), hit.hits]));
  const more = after.filter((hit) => hit.action !== "pass" && hit.hits > (counts.get(keyOf(hit)) ?? 0));
  return more
    .map((hit) => {
      const names = namesOf(hit);
      return names.find((name) => expected.includes(name)) ?? names.join(" or ");
    })
    .sort();
}

/** An end denies for several reasons, each of which is counted. */
function keyOf(hit: PolicyHit): string {
  return `${namesOf(hit).join()} ${hit.text}`;
}

function namesOf({ kind, namespace, name, others = [], direction, rule }: PolicyHit): string[] {
  const first = namespace === undefined ? name : `${namespace}/${name}`;
  return [first, ...others].map((each) => `${kind} ${each} ${direction}${rule === null ? "" : ` ${rule}`}`);
}
