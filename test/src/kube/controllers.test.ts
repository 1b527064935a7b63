/** `brindle controllers` at a real API server: what it says of resources, and that of two replicas one acts. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { controllersMetrics } from "@brindle/agent";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { type Daemon, startDaemon } from "../fixtures/command.ts";
import { freePorts } from "../fixtures/freePorts.ts";
import { processInstance } from "../fixtures/instance.ts";
import { field, list, text } from "../fixtures/json.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Exposition, parseExposition } from "../metrics/exposition.ts";
import { applyCrds } from "./crds.ts";

const program = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
/** A lease lasts 15 s. */
const deadlineMs = 60_000;

let cluster: KubeApi;
const replicas = new Set<Daemon>();

beforeAll(async () => {
  cluster = await startKubeApi({ audit: true });
  await applyCrds(cluster);
}, 180_000);
afterEach(() => Promise.all([...replicas].map(end)));
afterAll(() => cluster?.[Symbol.asyncDispose]());

async function startReplica(options: readonly string[] = []): Promise<Daemon> {
  const instance = await processInstance();
  const args = ["--conditions=brindle-source", program, "controllers", `--kubeconfig=${cluster.adminKubeconfig}`];
  args.push(...options);
  const replica = startDaemon(process.execPath, args);
  await instance.registerProcess(replica.pid);
  replicas.add(replica);
  return replica;
}

async function end(replica: Daemon): Promise<void> {
  replicas.delete(replica);
  await replica.stop({ graceMs: 20_000 });
  await (await processInstance()).forgetProcess(replica.pid);
}

function leads(replica: Daemon): boolean {
  replica.assertRunning();
  const words = [...replica.output().matchAll(/this replica leads( no longer)?/g)];
  return words.length > 0 && words.at(-1)?.[1] === undefined;
}

async function waitUntilLeading(replica: Daemon): Promise<void> {
  await waitFor(() => leads(replica), { what: "the replica leads", deadlineMs });
}

async function apply(kind: string, name: string, spec: object): Promise<void> {
  const resource = { apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec };
  await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(resource) });
}

async function read(plural: string, name: string): Promise<unknown> {
  return JSON.parse(await cluster.kubectl(["get", `${plural}.projectcalico.org`, name, "-o", "json"]));
}

/** The condition of the generation that stands. */
async function waitForCondition(plural: string, name: string): Promise<unknown> {
  let found: unknown;
  await waitFor(
    async (saw) => {
      const object = await read(plural, name);
      saw(object);
      found = list(field(object, "status", "conditions")).find((each) => field(each, "type") === "Accepted");
      return field(found, "observedGeneration") === field(object, "metadata", "generation");
    },
    { what: `${plural}/${name} has its condition`, deadlineMs },
  );
  return found;
}

/** As Prometheus asks. */
async function scraped(host: string, port: number): Promise<Exposition> {
  const answer = await fetch(`http://${host}:${port}/metrics`);
  assert.equal(answer.status, 200);
  return parseExposition(await answer.text());
}

async function holder(): Promise<string> {
  const lease: unknown = JSON.parse(
    await cluster.kubectl(["get", "lease", "-n", "kube-system", "brindle-controllers", "-o", "json"]),
  );
  return text(field(lease, "spec", "holderIdentity"));
}

/** Of conditions, by our own program. */
async function statusWrites(): Promise<number> {
  const requests = await cluster.requests();
  return requests.filter(({ verb, uri }) => verb === "patch" && /\/status\b/.test(uri)).length;
}

describe("brindle controllers", () => {
  it("says of a resource that validation refuses which field is wrong and why, and takes it back once it is mended", async () => {
    await apply("GlobalNetworkPolicy", "mended", { selector: "a == ", types: ["Ingress"] });
    await startReplica();
    const bad = await waitForCondition("globalnetworkpolicies", "mended");
    assert.partialDeepStrictEqual(bad, { status: "False", reason: "Invalid" });
    assert.match(text(field(bad, "message")), /^spec\.selector: /);
    assert.match(await cluster.kubectl(["get", "globalnetworkpolicies", "mended"]), /\bFalse\b/);

    await apply("GlobalNetworkPolicy", "mended", { selector: "a == 'b'", types: ["Ingress"] });
    const good = await waitForCondition("globalnetworkpolicies", "mended");
    assert.partialDeepStrictEqual(good, { status: "True", reason: "Valid" });
  });

  it("says of what is stored and not acted on that it is not", async () => {
    await apply("IPPool", "encapsulated", { cidr: "10.60.0.0/16", ipipMode: "Always" });
    await startReplica();
    const condition = await waitForCondition("ippools", "encapsulated");
    assert.partialDeepStrictEqual(condition, { status: "False", reason: "NotActedOn" });
    assert.match(text(field(condition, "message")), /spec\.ipipMode/);
  });

  it("writes nothing where nothing changes, also not when it starts anew", async () => {
    await apply("IPPool", "steady", { cidr: "10.61.0.0/16" });
    const first = await startReplica();
    await waitForCondition("ippools", "steady");
    await end(first);
    const before = [await read("ippools", "steady"), await statusWrites()];
    const second = await startReplica();
    await waitUntilLeading(second);
    // What comes after it is told after it: a label, and then a pool that needs a condition.
    await cluster.kubectl(["label", "ippools", "steady", "a=b"]);
    await apply("IPPool", "later", { cidr: "10.62.0.0/16" });
    await waitForCondition("ippools", "later");
    assert.deepEqual(field(await read("ippools", "steady"), "status"), field(before[0], "status"));
    // The server notes a request after it has answered it.
    const expected = Number(before[1]) + 1;
    await waitFor(async () => (await statusWrites()) >= expected, { what: "the write is noted" });
    assert.equal(await statusWrites(), expected);
  });

  it("is led by one of two replicas, and by the other when that one is killed", async () => {
    const first = await startReplica();
    await waitUntilLeading(first);
    const firstHolder = await holder();
    const second = await startReplica();
    await waitFor(() => /another replica leads/.test(second.output()), { what: "the other one waits", deadlineMs });
    assert.deepEqual([leads(first), leads(second)], [true, false]);

    first.kill("SIGKILL");
    await end(first);
    await waitUntilLeading(second);
    assert.notEqual(await holder(), firstHolder);
    await apply("IPPool", "after-the-fall", { cidr: "10.63.0.0/16" });
    await waitForCondition("ippools", "after-the-fall");
  });

  it("hands over at once when it is told to end", async () => {
    const first = await startReplica();
    await waitUntilLeading(first);
    await end(first);
    assert.equal(await holder(), "");
    assert.match(first.output(), /this replica leads no longer/);
  });

  it("goes on after the API server was away", async () => {
    const replica = await startReplica();
    await waitUntilLeading(replica);
    await cluster.restart();
    await apply("IPPool", "after-restart", { cidr: "10.64.0.0/16" });
    await waitForCondition("ippools", "after-restart");
    assert.ok(leads(replica));
  });

  it("tells Prometheus who leads and what it did, at an address of its own and the port of the cluster", async () => {
    const [port = 0] = await freePorts(1);
    const configured = (prometheusMetricsPort: number): Promise<void> =>
      apply("KubeControllersConfiguration", "default", { prometheusMetricsPort, controllers: {} });
    await configured(port);
    const first = await startReplica(["--metrics-host=127.0.0.1"]);
    await waitUntilLeading(first);
    await startReplica(["--metrics-host=127.0.0.2"]);
    const silent = await startReplica();
    await apply("IPPool", "metered", { cidr: "10.65.0.0/16" });
    await waitForCondition("ippools", "metered");

    const waiting = { what: "the replica that waits answers as well", deadlineMs };
    const follower = await waitFor(() => scraped("127.0.0.2", port), waiting);
    const { types, value } = await scraped("127.0.0.1", port);
    for (const { name } of controllersMetrics) assert(types.has(name), name);
    assert.deepEqual([value("brindle_controllers_leader"), follower.value("brindle_controllers_leader")], [1, 0]);
    assert(value("brindle_conditions_written_total") >= 1);
    assert.equal(value('brindle_controller_runs_total{controller="conditions"}'), 1);
    assert(value("process_resident_memory_bytes") > 0);
    silent.assertRunning();
    await assert.rejects(scraped("127.0.0.3", port));

    await configured(0);
    const isSilent = async (): Promise<boolean> => (await scraped("127.0.0.1", port).catch(() => null)) === null;
    await waitFor(isSilent, { what: "nobody answers at port 0", deadlineMs });
    assert.ok(leads(first));
    await cluster.kubectl(["delete", "kubecontrollersconfigurations.projectcalico.org", "default"]);
  });
});
