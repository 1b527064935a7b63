/** What an operator makes with kubectl alone, which no validation of ours has seen, as the parts of an agent get it. */
import assert from "node:assert/strict";
import { conditionOf, type Key, type Store, type WatchEvent, whyNotActedOn } from "@brindle/api";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { readClusterView } from "@brindle/ipam";
import { PolicyGraph, type PolicyResource } from "@brindle/policy";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { field, list } from "../fixtures/json.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { Recorder } from "../storeContract/subject.ts";
import type { Sample } from "./acceptedSamples.ts";
import { applyCrds } from "./crds.ts";
import { refusedSamples } from "./refusedSamples.ts";

let cluster: KubeApi;
let store: Store;

beforeAll(async () => {
  cluster = await startKubeApi();
  await applyCrds(cluster);
}, 180_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());
beforeEach(async () => {
  const access = await findClusterAccess({ environment: { KUBECONFIG: cluster.adminKubeconfig } });
  store = openKubernetesStore({ access });
});
afterEach(() => store.close());

function resource(kind: string, name: string, spec: object): Sample {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec };
}

async function apply(sample: Sample): Promise<AsyncDisposable> {
  await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(sample) });
  return {
    [Symbol.asyncDispose]: async () => {
      await cluster.kubectl(["delete", "-f", "-"], { input: JSON.stringify(sample) });
    },
  };
}

/** As the API server has it. */
async function judged(sample: Sample): Promise<ReturnType<typeof conditionOf>> {
  const args = ["get", "-f", "-", "-o", "json"];
  const answer: unknown = JSON.parse(await cluster.kubectl(args, { input: JSON.stringify(sample) }));
  const [object] = list(field(answer, "items"));
  return conditionOf(object);
}

const uncaught = refusedSamples.filter(({ isCaughtByApiServer }) => !isCaughtByApiServer);
const policies = uncaught.filter(({ resource: { kind } }) => kind === "GlobalNetworkPolicy");
const others = uncaught.filter(({ resource: { kind } }) => kind !== "GlobalNetworkPolicy");

describe("an object that kubectl made", () => {
  it("has its defaults when the store reads it", async () => {
    await using _pool = await apply(resource("IPPool", "bare", { cidr: "10.70.0.0/16" }));
    const pool = await store.get({ kind: "IPPool", name: "bare" });
    assert.partialDeepStrictEqual(pool?.value.spec, {
      cidr: "10.70.0.0/16",
      ipipMode: "Never",
      vxlanMode: "Never",
      nodeSelector: "all()",
    });
    await using _policy = await apply(resource("GlobalNetworkPolicy", "bare", { selector: "a == 'b'" }));
    const policy = await store.get({ kind: "GlobalNetworkPolicy", name: "bare" });
    assert.partialDeepStrictEqual(policy?.value.spec, { tier: "default", selector: "a == 'b'" });
  });

  it("gives no addresses where it is a pool that is not acted on, and says why", async () => {
    const withheld = resource("IPPool", "withheld", { cidr: "10.71.0.0/16", ipipMode: "Always" });
    await using _good = await apply(resource("IPPool", "good", { cidr: "10.72.0.0/16" }));
    await using _bad = await apply(withheld);
    const { pools } = await readClusterView(store, "node1");
    assert.deepEqual(
      pools.map(({ metadata }) => metadata.name),
      ["good"],
    );
    const condition = await judged(withheld);
    assert.partialDeepStrictEqual(condition, { status: "False", reason: "NotActedOn" });
    assert.match(condition.message, /^spec\.ipipMode/);
  });

  it.each(policies)("is closed where it is a policy with $name, until it is gone", async ({ resource: policy }) => {
    const graph = new PolicyGraph({ node: "node1" });
    const watch = store.watch(["GlobalNetworkPolicy"], (event) => receive(graph, event));
    const name = `GlobalNetworkPolicy ${policy.metadata.name}`;
    const problem = () => graph.desired().problems.get(name);
    {
      await using _policy = await apply(policy);
      await waitFor(() => problem() !== undefined, { what: "the policy is told" });
      assert.match(problem() ?? "", /it is closed, (ingress|egress)/);
      const condition = await judged(policy);
      assert.partialDeepStrictEqual(condition, { status: "False", reason: "Invalid" });
      assert.match(condition.message, /^spec\./);
    }
    await waitFor(() => problem() === undefined, { what: "the policy is gone" });
    await watch.stop();
  });

  it.each(others)("is not acted on where it is of another kind with $name", async ({ resource: sample }) => {
    const kind = sample.kind as Key["kind"]; // The samples are of our kinds.
    await using _sample = await apply(sample);
    const watch = new Recorder(store, [kind]);
    await watch.until("it is in sync", (told) => told.includes(`inSync ${kind}`));
    const told = watch.events.filter((event) => nameIn(event) === sample.metadata.name);
    assert.equal(told.length, 1);
    assert.ok(told.every(isNotActedOn), watch.told.join(", "));
    assert.partialDeepStrictEqual(await judged(sample), { status: "False", reason: "Invalid" });
    await watch.stop();
  });
});

function nameIn(event: WatchEvent): string | undefined {
  if (event.type === "changed") return event.item.key.name;
  return event.type === "undecodable" ? event.key.name : undefined;
}

/** What is wrong in a field the store sets aside; what is wrong between fields, whoever acts on it. */
function isNotActedOn(event: WatchEvent): boolean {
  return event.type === "undecodable" || (event.type === "changed" && whyNotActedOn(event.item.value) !== null);
}

/** As an agent does. */
function receive(graph: PolicyGraph, event: WatchEvent): void {
  if (event.type === "changed") {
    graph.receive({ key: event.item.key as PolicyKey, value: event.item.value as PolicyResource });
  } else if (event.type === "deleted") graph.receive({ key: event.key as PolicyKey, value: null });
  else if (event.type === "undecodable") {
    graph.receive({ key: event.key as PolicyKey, value: null, unreadable: event });
  }
}

type PolicyKey = Key<PolicyResource["kind"]>;
