import assert from "node:assert/strict";
import {
  type ApiObject,
  formatKey,
  type Item,
  type Key,
  type Kind,
  MemoryStore,
  type Stored,
  unreadRulesAnnotation,
  validate,
  type Write,
} from "@brindle/api";
import { describe, it } from "vitest";
import { type Carrying, CarryingState, objectId, type Wanted } from "./carrying.ts";
import { carriedClusterPolicies, carriedNamespaces, carriedPolicies } from "./derivedObjects.ts";
import { carriedPods } from "./endpointLabels.ts";
import { carriedNodes } from "./nodeLabels.ts";

/** What a carrier writes, with a store of its own and no world: the watch is a listing. */
class Stand<K extends Kind, W extends Wanted, H> {
  readonly #carrying: Carrying<K, W, H>;
  readonly #store = new MemoryStore();
  readonly state: CarryingState<K, W, H>;

  constructor(carrying: Carrying<K, W, H>) {
    this.#carrying = carrying;
    this.state = new CarryingState(carrying);
  }

  async stored(
    value: Stored[K] & { readonly metadata: { readonly name: string; readonly namespace?: string } },
  ): Promise<void> {
    const { name, namespace } = value.metadata;
    const key = { kind: this.#carrying.kind, name, ...(namespace !== undefined && { namespace }) };
    await this.#store.commit([{ op: "put", key, value } as unknown as Write]);
    this.state.onStored(key, value);
  }

  object(object: ApiObject): void {
    this.state.onObject(objectId(object.metadata), this.#carrying.want(object));
  }

  gone(name: ApiObject["metadata"]): void {
    this.state.onObject(objectId(name), null);
  }

  bothInSync(): void {
    this.state.inSync("wanted");
    this.state.inSync("held");
  }

  /** Does what is due, and says it. */
  async carry(): Promise<string[]> {
    const done: string[] = [];
    const { wanted: present, gone } = this.state.take();
    for (const id of [...present, ...gone]) {
      for (const { wanted, key, state } of this.state.due(id)) {
        const item = state === "held" ? await this.#store.get(key) : null;
        const write = item ? this.#carrying.change(wanted, item) : wanted && this.#carrying.create(wanted)?.write;
        if (!write) continue;
        await this.#store.commit([write]);
        done.push(`${write.op} ${formatKey(write.key)}`);
        if (write.op === "delete") this.state.onGone(write.key as Key<K>);
        else if ("value" in write) this.state.onStored(write.key as Key<K>, write.value as Stored[K]);
      }
    }
    return done;
  }

  async items(): Promise<readonly Item<K>[]> {
    return (await this.#store.list(this.#carrying.kind)).items;
  }
}

function namespace(name: string, labels: Readonly<Record<string, string>> = {}): ApiObject {
  return { metadata: { name, labels } };
}

function profile(name: string, labelsToApply: Readonly<Record<string, string>> = {}): Stored["Profile"] {
  return { apiVersion: "projectcalico.org/v3", kind: "Profile", metadata: { name }, spec: { labelsToApply } };
}

describe("what is carried of namespaces", () => {
  it("waits until both sides have been told, whichever is first", async () => {
    for (const [first, second] of [
      ["wanted", "held"],
      ["held", "wanted"],
    ] as const) {
      const stand = new Stand(carriedNamespaces);
      stand.object(namespace("a"));
      await stand.stored(profile("kns.old"));
      stand.state.inSync(first);
      assert.deepEqual(await stand.carry(), []);
      stand.state.inSync(second);
      assert.deepEqual(await stand.carry(), ["create Profile(kns.a)", "delete Profile(kns.old)"]);
    }
  });

  it("is a function of what there is, however it was told", async () => {
    const tell: readonly ((stand: Stand<"Profile", Wanted, string>) => void | Promise<void>)[] = [
      (stand) => stand.object(namespace("a", { x: "1" })),
      (stand) => stand.object(namespace("b")),
      (stand) => stand.stored(profile("kns.b")),
      (stand) => stand.stored(profile("kns.c")),
      (stand) => stand.stored(profile("mine")),
      (stand) => stand.bothInSync(),
    ];
    for (const order of [tell, tell.toReversed(), [...tell, ...tell], tell.flatMap((each) => [each, each])]) {
      const stand = new Stand(carriedNamespaces) as unknown as Stand<"Profile", Wanted, string>;
      for (const step of order) await step(stand);
      const done = await stand.carry();
      assert.deepEqual(done.sort(), ["create Profile(kns.a)", "delete Profile(kns.c)", "update Profile(kns.b)"]);
      assert.deepEqual(await stand.carry(), []);
      const names = (await stand.items()).map(({ key }) => key.name);
      assert.deepEqual(names.filter((name) => name !== "projectcalico-default-allow").sort(), [
        "kns.a",
        "kns.b",
        "mine",
      ]);
    }
  });

  it("keeps what others wrote beside it, and mends what they changed of it", async () => {
    const stand = new Stand(carriedNamespaces);
    stand.object(namespace("a", { x: "1" }));
    const before = { ...profile("kns.a"), metadata: { name: "kns.a", uid: "u", annotations: { note: "kept" } } };
    await stand.stored(before);
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), ["update Profile(kns.a)"]);
    const item = (await stand.items()).find(({ key }) => key.name === "kns.a");
    assert.deepEqual(item?.value.metadata, before.metadata);
    assert.equal(item?.value.spec.labelsToApply?.["pcns.x"], "1");
    await stand.stored({ ...before, spec: {} });
    assert.deepEqual(await stand.carry(), ["update Profile(kns.a)"]);
  });

  it("overwrites what cannot be read, and deletes none of that", async () => {
    const stand = new Stand(carriedNamespaces);
    stand.object(namespace("a"));
    stand.state.onStored({ kind: "Profile", name: "kns.a" }, null);
    stand.state.onStored({ kind: "Profile", name: "kns.b" }, null);
    stand.bothInSync();
    assert.deepEqual(
      stand.state
        .take()
        .wanted.flatMap((id) => stand.state.due(id))
        .map(({ key, state }) => `${state} ${key.name}`),
      ["unreadable kns.a"],
    );
  });

  it("is written before what is gone is deleted, whichever was told first", async () => {
    const stand = new Stand(carriedNamespaces);
    await stand.stored(profile("kns.old"));
    stand.object(namespace("new"));
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), ["create Profile(kns.new)", "delete Profile(kns.old)"]);
  });

  it("is not written where it turns out to be there by now", () => {
    const wanted = carriedNamespaces.want(namespace("a"));
    assert(wanted);
    const value = { ...profile("kns.a"), spec: wanted.value.spec };
    assert.equal(carriedNamespaces.change(wanted, { key: wanted.key, value, revision: "1" }), null);
  });

  it("is looked at again when all is compared anew, and when it was put back", async () => {
    const stand = new Stand(carriedNamespaces);
    stand.object(namespace("a"));
    stand.bothInSync();
    await stand.carry();
    assert.deepEqual(await stand.carry(), []);
    assert.deepEqual(stand.state.take(), { wanted: [], gone: [] });
    stand.state.doubtAll();
    assert.deepEqual(stand.state.take().wanted, ["a"]);
    stand.state.putBack("a");
    assert.deepEqual(stand.state.take().wanted, ["a"]);
  });
});

describe("what is carried of policies", () => {
  it("closes what a policy selects that cannot be read", async () => {
    const stand = new Stand(carriedPolicies);
    const spec = {
      podSelector: { matchLabels: { app: "web" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ nobodyKnows: {} }] }],
    };
    stand.object({ metadata: { name: "new", namespace: "shop" }, spec });
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), ["create NetworkPolicy(shop/knp.default.new)"]);
    const [item] = await stand.items();
    assert.equal(item?.value.spec.ingress, undefined);
    assert.match(item?.value.spec.selector ?? "", /app == 'web'/);
  });

  it("is what Calico's client would have stored", async () => {
    const stand = new Stand(carriedPolicies);
    stand.object({ metadata: { name: "closed", namespace: "shop", uid: "u" }, spec: { podSelector: {} } });
    stand.bothInSync();
    await stand.carry();
    const [item] = await stand.items();
    assert.deepEqual(item?.value.metadata.labels, { "projectcalico.org/tier": "default" });
    assert.equal(item?.value.metadata.annotations?.["projectcalico.org/metadata"], '{"name":"knp.default.closed"}');
    assert.partialDeepStrictEqual(item?.value.spec, { tier: "default", order: 1000, types: ["Ingress"] });
    const judged = validate(item?.value);
    assert.equal(judged.kind, "valid");
    if (judged.kind === "valid") assert.deepEqual(judged.resource.spec, item?.value.spec);
  });

  it("says which rules of a cluster policy could not be read, until they can", async () => {
    const stand = new Stand(carriedClusterPolicies);
    const policy = (...ingress: object[]): ApiObject => ({
      metadata: { name: "all" },
      spec: { tier: "Admin", priority: 1, subject: { namespaces: {} }, ingress },
    });
    const readable = { action: "Deny", from: [{ namespaces: {} }] };
    const unread = async (): Promise<unknown> => {
      await stand.carry();
      const [item] = await stand.items();
      return item?.value.metadata.annotations?.[unreadRulesAnnotation];
    };
    stand.object(policy(readable));
    stand.bothInSync();
    assert.equal(await unread(), undefined);
    stand.object(policy(readable, { action: "Deny", from: [{ nodes: {} }] }));
    assert.match(String(await unread()), /^spec\.ingress\[1\]/);
    stand.object(policy(readable));
    assert.equal(await unread(), undefined);
  });

  it("has another name when a cluster policy moves to another tier", async () => {
    const stand = new Stand(carriedClusterPolicies);
    const policy = (tier: string): ApiObject => ({
      metadata: { name: "all" },
      spec: { tier, priority: 1, subject: { namespaces: {} }, ingress },
    });
    const ingress = [{ action: "Deny", from: [{ namespaces: {} }] }];
    stand.object(policy("Admin"));
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), ["create GlobalNetworkPolicy(kcnp.kube-admin.all)"]);
    stand.object(policy("Baseline"));
    assert.deepEqual(await stand.carry(), [
      "create GlobalNetworkPolicy(kcnp.kube-baseline.all)",
      "delete GlobalNetworkPolicy(kcnp.kube-admin.all)",
    ]);
    ingress.length = 0;
    stand.object(policy("Baseline"));
    assert.deepEqual(await stand.carry(), ["delete GlobalNetworkPolicy(kcnp.kube-baseline.all)"]);
  });
});

describe("what is carried of pods", () => {
  const pod = (labels: Readonly<Record<string, string>>, uid = "u1"): ApiObject => ({
    metadata: { name: "web-0", namespace: "shop", uid, labels },
    spec: { nodeName: "n1", serviceAccountName: "till" },
  });
  const endpoint = (interfaceName: string, uid?: string): Stored["WorkloadEndpoint"] => ({
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: {
      name: `n1-k8s-web--0-${interfaceName}`,
      namespace: "shop",
      ...(uid !== undefined && { annotations: { "brindle.network/pod-uid": uid } }),
    },
    spec: { orchestrator: "k8s", node: "n1", pod: "web-0", endpoint: interfaceName, ipNetworks: ["10.0.0.1/32"] },
  });

  it("goes to every endpoint of the pod, and to none of an earlier pod of its name", async () => {
    const stand = new Stand(carriedPods);
    stand.object(pod({ app: "web" }));
    await stand.stored(endpoint("eth0"));
    await stand.stored(endpoint("net1", "u1"));
    await stand.stored(endpoint("net2", "u0"));
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), [
      "update WorkloadEndpoint(shop/n1-k8s-web--0-eth0)",
      "update WorkloadEndpoint(shop/n1-k8s-web--0-net1)",
    ]);
    const [item] = await stand.items();
    assert.equal(item?.value.metadata.labels?.app, "web");
    assert.equal(item?.value.metadata.labels?.["projectcalico.org/serviceaccount"], "till");
    assert.deepEqual(item?.value.spec.profiles, ["kns.shop", "ksa.shop.till"]);
    assert.deepEqual(item?.value.spec.ipNetworks, ["10.0.0.1/32"]);
  });

  it("makes no endpoint and deletes none", async () => {
    const stand = new Stand(carriedPods);
    stand.object(pod({}));
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), []);
    await stand.stored(endpoint("eth0"));
    await stand.carry();
    stand.gone(pod({}).metadata);
    assert.deepEqual(await stand.carry(), []);
  });
});

describe("what is carried of nodes", () => {
  const node = (labels: Readonly<Record<string, string>>, annotations = {}): Stored["Node"] => ({
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name: "calico-1", labels, annotations },
    spec: { orchRefs: [{ nodeName: "n1", orchestrator: "k8s" }] },
  });

  it("are labels, beside those that people set and instead of those that were carried", async () => {
    const stand = new Stand(carriedNodes);
    stand.object({ metadata: { name: "n1", labels: { zone: "x" } } });
    const noted = { "projectcalico.org/kube-labels": '{"zone":"w","disk":"fast"}' };
    await stand.stored(node({ rack: "a", zone: "w", disk: "fast" }, noted));
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), ["update Node(calico-1)"]);
    const [item] = await stand.items();
    assert.deepEqual(item?.value.metadata.labels, { rack: "a", zone: "x" });
    assert.deepEqual(item?.value.metadata.annotations, { "projectcalico.org/kube-labels": '{"zone":"x"}' });
    assert.deepEqual(await stand.carry(), []);
  });

  it("are those of the node that it says to be, and no longer those of another", async () => {
    const stand = new Stand(carriedNodes);
    stand.object({ metadata: { name: "n1", labels: { zone: "x" } } });
    stand.object({ metadata: { name: "n2", labels: { zone: "y" } } });
    await stand.stored(node({}));
    stand.bothInSync();
    await stand.carry();
    const [item] = await stand.items();
    assert(item);
    await stand.stored({ ...item.value, spec: { orchRefs: [{ nodeName: "n2", orchestrator: "k8s" }] } });
    assert.deepEqual(await stand.carry(), ["update Node(calico-1)"]);
    stand.object({ metadata: { name: "n1", labels: { zone: "z" } } });
    assert.deepEqual(await stand.carry(), []);
    assert.equal((await stand.items())[0]?.value.metadata.labels?.zone, "y");
  });

  it("are the ranges that Kubernetes gave it, once it has", async () => {
    const stand = new Stand(carriedNodes);
    stand.object({ metadata: { name: "n1" } });
    await stand.stored({ ...node({}), status: { wireguardPublicKey: "key" } });
    stand.bothInSync();
    await stand.carry();
    assert.deepEqual((await stand.items())[0]?.value.status, { wireguardPublicKey: "key" });
    const podCIDRs = ["10.244.3.0/24", "fd00:244:0:3::/64"];
    stand.object({ metadata: { name: "n1" }, spec: { podCIDR: podCIDRs[0], podCIDRs } });
    assert.deepEqual(await stand.carry(), ["update Node(calico-1)"]);
    assert.deepEqual((await stand.items())[0]?.value.status, { wireguardPublicKey: "key", podCIDRs });
    assert.deepEqual(await stand.carry(), []);
    stand.object({ metadata: { name: "n1" } });
    assert.deepEqual(await stand.carry(), []);
  });

  it("are nothing to a node that Kubernetes does not have", async () => {
    const stand = new Stand(carriedNodes);
    stand.object({ metadata: { name: "calico-1", labels: { zone: "x" } } });
    await stand.stored({ ...node({}), spec: {} });
    stand.bothInSync();
    assert.deepEqual(await stand.carry(), []);
  });
});
