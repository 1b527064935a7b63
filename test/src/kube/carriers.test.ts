/** `brindle controllers` beside etcd: what kubectl does at a real API server stands in a real etcd, in Calico's form. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { apiVersion, type Item, type Kind, type Store, type Stored, workloadEndpointName } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { type Daemon, startDaemon } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const program = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
const rights = fileURLToPath(new URL("../../../manifests/etcd/controllers-rights.yaml", import.meta.url));
const user = "brindle-controllers";
const namespace = "brindle-system";

let cluster: KubeApi;
let kubeconfig: string;
let store: Store;
let replica: Daemon | null = null;

beforeAll(async () => {
  cluster = await startKubeApi({ controllers: true, audit: true });
  await cluster.kubectl(["create", "namespace", namespace]);
  await cluster.kubectl(["apply", "-f", rights]);
  const subject = `--user=${user}`;
  await cluster.kubectl(["create", "clusterrolebinding", user, `--clusterrole=${user}`, subject]);
  await cluster.kubectl(["create", "rolebinding", user, "-n", namespace, `--role=${user}`, subject]);
  kubeconfig = await cluster.writeKubeconfig("carriers", cluster.issueCertificate(user, []));
  store = openEtcdStore({ endpoints: [cluster.etcd.endpoint] });
}, 180_000);
afterEach(end);
afterAll(async () => {
  await store?.close();
  await cluster?.[Symbol.asyncDispose]();
});

async function start(): Promise<Daemon> {
  const instance = await processInstance();
  const args = ["controllers", `--kubeconfig=${kubeconfig}`, `--etcd=${cluster.etcd.endpoint}`];
  const daemon = startDaemon(process.execPath, [
    "--conditions=brindle-source",
    program,
    ...args,
    `--lease-namespace=${namespace}`,
    "--log-level=debug",
  ]);
  await instance.registerProcess(daemon.pid);
  replica = daemon;
  return daemon;
}

async function end(): Promise<void> {
  if (!replica) return;
  const ended = replica;
  replica = null;
  await ended.stop({ graceMs: 20_000 });
  await (await processInstance()).forgetProcess(ended.pid);
}

/** What was written, in words: `create kns.default`. */
function written(daemon: Daemon): string[] {
  const lines = daemon
    .output()
    .split("\n")
    .filter((line) => line.includes('"msg":"carried"'));
  return lines.map((line) => {
    const { op, name } = JSON.parse(line) as { readonly op: string; readonly name: string };
    return `${op} ${name}`;
  });
}

async function apply(...objects: readonly object[]): Promise<void> {
  await cluster.kubectl(["apply", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  });
}

async function find<K extends Kind>(kind: K, name: string, namespace?: string): Promise<Item<K> | null> {
  return store.get({ kind, name, ...(namespace !== undefined && { namespace }) });
}

/** The object once it is as expected. */
async function stored<K extends Kind>(
  kind: K,
  [name, namespace]: readonly [string, string?],
  isExpected: (value: Stored[K] | null) => boolean,
): Promise<Stored[K] | null> {
  return waitFor(
    async (saw) => {
      replica?.assertRunning();
      const value = (await find(kind, name, namespace))?.value ?? null;
      saw(value);
      return isExpected(value) ? { value } : undefined;
    },
    { what: `${kind} ${name} is as it should be` },
  ).then(({ value }) => value);
}

const policy = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: "closed", namespace: "shop" },
  spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] },
};

describe("beside etcd, brindle controllers", () => {
  it("make profiles of namespaces and service accounts, with their labels, and follow them", async () => {
    await start();
    await apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { team: "red" } } },
      {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "till", namespace: "shop", labels: { role: "pay" } },
      },
    );
    const space = await stored("Profile", ["kns.shop"], (profile) => profile !== null);
    assert.equal(space?.spec.labelsToApply?.["pcns.team"], "red");
    assert.equal(space?.spec.labelsToApply?.["pcns.projectcalico.org/name"], "shop");
    assert.deepEqual(space?.spec.egress, [{ action: "Allow" }]);
    const account = await stored("Profile", ["ksa.shop.till"], (profile) => profile !== null);
    assert.deepEqual(account?.spec.labelsToApply, { "pcsa.role": "pay", "pcsa.projectcalico.org/name": "till" });

    await cluster.kubectl(["label", "namespace", "shop", "team=blue", "--overwrite"]);
    await stored("Profile", ["kns.shop"], (profile) => profile?.spec.labelsToApply?.["pcns.team"] === "blue");
    await cluster.kubectl(["delete", "serviceaccount", "-n", "shop", "till"]);
    await stored("Profile", ["ksa.shop.till"], (profile) => profile === null);
  });

  it("make policies of NetworkPolicies, change them, mend what somebody changed, and take them away", async () => {
    await start();
    await apply(policy);
    const at = ["knp.default.closed", "shop"] as const;
    const made = await stored("NetworkPolicy", at, (value) => value !== null);
    assert.deepEqual(made?.spec.types, ["Ingress"]);
    assert.match(made?.spec.selector ?? "", /app == 'web'/);

    await apply({ ...policy, spec: { ...policy.spec, policyTypes: ["Ingress", "Egress"] } });
    await stored("NetworkPolicy", at, (value) => value?.spec.types?.length === 2);

    const item = await find("NetworkPolicy", ...at);
    assert(item);
    const opened = { ...item.value, spec: { ...item.value.spec, ingress: [{ action: "Allow" as const }] } };
    await store.commit([{ op: "update", key: item.key, value: opened, revision: item.revision }]);
    await stored("NetworkPolicy", at, (value) => value !== null && !value.spec.ingress?.length);

    await cluster.kubectl(["delete", "networkpolicy", "-n", "shop", "closed"]);
    await stored("NetworkPolicy", at, (value) => value === null);
  });

  it("carry labels and the service account of a pod to its endpoint, and to none of an earlier pod of its name", async () => {
    const spec = { nodeName: "node-1", serviceAccountName: "default", containers: [{ name: "main", image: "none" }] };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web-0", namespace: "shop", labels: { app: "web" } },
      spec,
    };
    await apply(pod);
    const uid = await cluster.kubectl(["get", "pod", "-n", "shop", "web-0", "-o", "jsonpath={.metadata.uid}"]);
    const endpointOf = async (endpoint: string, podUid: string): Promise<string> => {
      const identity = { node: "node-1", orchestrator: "k8s", pod: "web-0", endpoint };
      const key = { kind: "WorkloadEndpoint", namespace: "shop", name: workloadEndpointName(identity) } as const;
      const metadata = { name: key.name, namespace: "shop", annotations: { "brindle.network/pod-uid": podUid } };
      const value = {
        apiVersion,
        kind: "WorkloadEndpoint",
        metadata,
        spec: { ...identity, profiles: ["kns.shop"] },
      } as const;
      await store.commit([{ op: "put", key, value }]);
      return key.name;
    };
    await start();
    const name = await endpointOf("eth0", uid);
    const former = await endpointOf("net1", "0f3b7c5e-0000-4000-8000-000000000000");
    const carried = await stored("WorkloadEndpoint", [name, "shop"], (value) => value?.metadata.labels?.app === "web");
    assert.equal(carried?.spec.serviceAccountName, "default");
    assert.deepEqual(carried?.spec.profiles, ["kns.shop", "ksa.shop.default"]);
    assert.equal(carried?.metadata.labels?.["projectcalico.org/namespace"], "shop");

    await cluster.kubectl(["label", "pod", "-n", "shop", "web-0", "app=db", "--overwrite"]);
    await stored("WorkloadEndpoint", [name, "shop"], (value) => value?.metadata.labels?.app === "db");
    assert.equal((await find("WorkloadEndpoint", former, "shop"))?.value.metadata.labels, undefined);
  });

  it("carry labels and podCIDRs of a node, and leave the labels that people set at Calico's", async () => {
    const value: Stored["Node"] = {
      apiVersion,
      kind: "Node",
      metadata: { name: "calico-1", labels: { rack: "a" } },
      spec: { orchRefs: [{ nodeName: "node-1", orchestrator: "k8s" }] },
    };
    await store.commit([{ op: "put", key: { kind: "Node", name: "calico-1" }, value }]);
    await start();
    const metadata = { name: "node-1", labels: { zone: "x", disk: "fast" } };
    await apply({ apiVersion: "v1", kind: "Node", metadata, spec: { podCIDR: "10.244.3.0/24" } });
    await stored("Node", ["calico-1"], (node) => node?.status?.podCIDRs?.join() === "10.244.3.0/24");
    const made = await stored("Node", ["calico-1"], (node) => node?.metadata.labels?.disk === "fast");
    assert.equal(made?.metadata.labels?.rack, "a");
    await cluster.kubectl(["label", "node", "node-1", "disk-", "zone=y", "--overwrite"]);
    const changed = await stored("Node", ["calico-1"], (node) => node?.metadata.labels?.zone === "y");
    assert.equal(changed?.metadata.labels?.disk, undefined);
    assert.equal(changed?.metadata.labels?.rack, "a");
  });

  it("write nothing when they start anew, touch nothing that people made, and bring back and take away what changed meanwhile", async () => {
    const own = { apiVersion, kind: "Profile", metadata: { name: "mine" }, spec: {} } as const;
    await store.commit([{ op: "put", key: { kind: "Profile", name: "mine" }, value: own }]);
    await apply(policy, { ...policy, metadata: { ...policy.metadata, name: "second" } });
    await start();
    await stored("NetworkPolicy", ["knp.default.second", "shop"], (value) => value !== null);
    await end();

    const item = await find("NetworkPolicy", "knp.default.closed", "shop");
    assert(item);
    await store.commit([{ op: "delete", key: item.key, revision: item.revision }]);
    await cluster.kubectl(["delete", "networkpolicy", "-n", "shop", "second"]);
    const daemon = await start();
    await stored("NetworkPolicy", ["knp.default.closed", "shop"], (value) => value !== null);
    await stored("NetworkPolicy", ["knp.default.second", "shop"], (value) => value === null);
    // Whoever is begun last has been in sync by the time that something new is carried.
    await cluster.kubectl(["label", "node", "node-1", "seen=yes"]);
    await stored("Node", ["calico-1"], (node) => node?.metadata.labels?.seen === "yes");
    // The log tells of a write once the datastore has answered.
    await waitFor(() => written(daemon).includes("update calico-1"), { what: "the log tells of the node" });
    assert.deepEqual(written(daemon).sort(), [
      "create knp.default.closed",
      "delete knp.default.second",
      "update calico-1",
    ]);
    assert(await find("Profile", "mine"));
  });

  it("run those alone that KubeControllersConfiguration has", async () => {
    const spec = { controllers: { policy: {} } };
    const configuration = {
      apiVersion,
      kind: "KubeControllersConfiguration",
      metadata: { name: "default" },
      spec,
    } as const;
    const key = { kind: "KubeControllersConfiguration", name: "default" } as const;
    await store.commit([{ op: "put", key, value: configuration }]);
    const daemon = await start();
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "late" } });
    await apply({ ...policy, metadata: { name: "closed", namespace: "late" } });
    await stored("NetworkPolicy", ["knp.default.closed", "late"], (value) => value !== null);
    assert.equal(await find("Profile", "kns.late"), null);
    await store.commit([
      { op: "put", key, value: { ...configuration, spec: { controllers: { policy: {}, namespace: {} } } } },
    ]);
    await stored("Profile", ["kns.late"], (profile) => profile !== null);
    assert.doesNotMatch(daemon.output(), /service accounts/);
    const item = await store.get(key);
    assert(item);
    await store.commit([{ op: "delete", key, revision: item.revision }]);
  });

  // A server that was started anew refuses everybody until it has read its own roles: so before the next one.
  it("were never refused: the manifest's rights are enough", async () => {
    const requests = (await cluster.requests()).filter((request) => request.user === user);
    assert.deepEqual(
      requests.filter(({ status }) => status === 401 || status === 403),
      [],
    );
    assert(requests.length > 20);
  });

  it("go on after the API server was away, and after etcd was", async () => {
    await start();
    await cluster.restart();
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "after" } });
    await stored("Profile", ["kns.after"], (profile) => profile !== null);
    const { etcd } = cluster;
    await etcd.stop();
    await etcd.start();
    await waitFor(
      () =>
        apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "later" } }).then(
          () => true,
          () => false,
        ),
      {
        what: "the API server takes objects again",
        deadlineMs: 30_000,
      },
    );
    await stored("Profile", ["kns.later"], (profile) => profile !== null);
  });
});
