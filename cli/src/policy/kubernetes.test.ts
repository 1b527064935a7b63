import assert from "node:assert/strict";
import { type ApiObject, readHostPod } from "@brindle/api";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";

const pod = (name: string, podIP: string, rest: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop", labels: { app: name } },
  spec: { nodeName: "node1", serviceAccountName: "default", containers: [], ...rest },
  status: { podIP, podIPs: [{ ip: podIP }], phase: "Running" },
});
const pods = [pod("web", "10.1.0.1"), pod("db", "10.1.0.2"), pod("proxy", "10.9.0.1", { hostNetwork: true })];
const shop = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { team: "a" } } };
const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: {} };
const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "web" }, spec: {} };
const networkPolicy = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: "db", namespace: "shop" },
  spec: {
    podSelector: { matchLabels: { app: "db" } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "a" } } }], ports: [{ port: 5432 }] }],
  },
};
const clusterPolicy = (...rules: object[]): object => ({
  apiVersion: "policy.networking.k8s.io/v1alpha2",
  kind: "ClusterNetworkPolicy",
  metadata: { name: "first" },
  spec: { tier: "Admin", priority: 5, subject: { namespaces: {} }, ingress: rules },
});
/** As `kubectl get -o yaml` has it. */
const list = (...items: object[]): string => JSON.stringify({ apiVersion: "v1", kind: "List", items });

/** Of a live cluster Kubernetes is asked for those alone that have no endpoint. */
describe("a pod in the network of its node, live,", () => {
  const proxy = readHostPod(pod("proxy", "10.9.0.1", { hostNetwork: true }) as ApiObject);
  const line = "policy explain --from shop/proxy --to 10.1.0.2 --port 80";

  it("is told by Kubernetes", async () => {
    assert.ok(proxy);
    const rig = new Rig();
    rig.hostPods = [proxy];
    assert.match((await rig.run(line)).out, /is in the network of its node node1.*\ntcp from 10\.9\.0\.1 /);
    rig.hostPods = [];
    assert.match((await rig.run(line)).err, /^there is no pod or workload endpoint "shop\/proxy"\n$/);
  });

  it("is asked for by its address where no Kubernetes is named", async () => {
    assert.match(
      (await new Rig().run(line)).err,
      /; of a pod in the network of its node name the node's address, or --kubeconfig/,
    );
  });
});

describe("objects of Kubernetes in manifests", () => {
  const ask = (port: string, ...items: object[]) =>
    new Rig().run(`policy explain --from shop/web --to shop/db --port ${port} -f -`, list(...items));
  const verdict = (out: string): string | undefined => /port \d+: (ALLOWED|DENIED)/.exec(out)?.[1];

  it("are a cluster to ask: pods, namespaces, policies", async () => {
    const all = [...pods, shop, networkPolicy];
    const asked = await Promise.all(["5432/tcp", "22/tcp"].map((port) => ask(port, ...all)));
    assert.deepEqual(
      asked.map(({ exitCode, err, out }) => [exitCode, err, verdict(out)]),
      [
        [0, "", "ALLOWED"],
        [0, "", "DENIED"],
      ],
    );
  });

  it("have a namespace and a service account, whether these are told or not", async () => {
    const { out } = await ask("22/tcp", ...pods);
    assert.equal(verdict(out), "ALLOWED");
    assert.doesNotMatch(out, /does not exist/);
    // Of a namespace that nobody tells, nobody tells the labels.
    assert.equal(verdict((await ask("5432/tcp", ...pods, networkPolicy)).out), "DENIED");
  });

  it("are asked about as their node where they are in its network, with its host endpoints", async () => {
    const fenced = {
      apiVersion: "projectcalico.org/v3",
      kind: "HostEndpoint",
      metadata: { name: "fence" },
      spec: { node: "node1", interfaceName: "eth0" },
    };
    const asked = async (from: string, to: string, ...more: object[]): Promise<string> =>
      (
        await new Rig().run(
          `policy explain --from ${from} --to ${to} --port 8080 -n shop -f -`,
          list(...pods, shop, ...more),
        )
      ).out;
    const note = "shop/proxy is in the network of its node node1, and policy knows it as that";
    assert.match(
      await asked("proxy", "shop/db"),
      new RegExp(
        `^${note}:\ntcp from 10.9.0.1 to 10.1.0.2 port 8080: ALLOWED\n(.*\n)*ingress .* a node always reaches its own pods`,
      ),
    );
    assert.match(
      await asked("web", "proxy"),
      new RegExp(`^${note}:\ntcp from 10.1.0.1 to 10.9.0.1 port 8080: DENIED\n.*endpointToHostAction is Drop`),
    );
    assert.match(await asked("203.0.113.7", "shop/proxy"), /: ALLOWED\n/);
    assert.match(
      await asked("203.0.113.7", "shop/proxy", fenced),
      /: DENIED\n(.*\n)*ingress of HostEndpoint fence: deny/,
    );
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "front", namespace: "shop" },
      spec: { clusterIP: "10.96.0.9", selector: { app: "proxy" }, ports: [{ port: 8080, targetPort: 9090 }] },
    };
    assert.match(
      await asked("web", "front", service),
      /^behind Service shop\/front:\ntcp from 10\.1\.0\.1 to 10\.9\.0\.1 port 9090: DENIED\n/,
    );
    const { err, exitCode } = await new Rig().run("policy effective shop/proxy -f -", list(...pods));
    assert.match(
      err,
      /shop\/proxy is in the network of its node node1: policy speaks of it by host endpoints of that alone/,
    );
    assert.equal(exitCode, 1);
  });

  it("are left out with a word where they say nothing of policy", async () => {
    const { exitCode, err, out } = await ask("22/tcp", ...pods, deployment, deployment, ingress);
    assert.equal(err, "left out, as they say nothing of policy: 2 Deployment, 1 Ingress\n");
    assert.deepEqual([exitCode, verdict(out)], [0, "ALLOWED"]);
  });

  it("are refused where they are a policy that is not known", async () => {
    const old = {
      apiVersion: "policy.networking.k8s.io/v1alpha1",
      kind: "AdminNetworkPolicy",
      metadata: { name: "a" },
    };
    const { exitCode, err } = await ask("22/tcp", ...pods, old);
    assert.match(err, /^input, document 1, item 4, line 1: kind: "AdminNetworkPolicy" is no kind/);
    assert.equal(exitCode, 1);
  });

  it("are refused where nothing of them is about policy", async () => {
    assert.equal((await ask("22/tcp", deployment)).err, "there is nothing about policy in -\n");
  });

  const anybody = { from: [{ namespaces: {} }] };

  it("may be ClusterNetworkPolicies, and what of these cannot be read is told", async () => {
    const accept = { action: "Accept", ...anybody };
    const good = await ask("22/tcp", ...pods, networkPolicy, clusterPolicy(accept));
    assert.deepEqual([good.err, verdict(good.out)], ["", "ALLOWED"]);
    const unread = await ask("22/tcp", ...pods, clusterPolicy({ action: "Deny", from: [{ nodes: {} }] }, accept));
    assert.match(
      unread.err,
      /^GlobalNetworkPolicy kcnp\.kube-admin\.first is not enforced as it is written: spec\.ingress\[0\]\.from\[0\]/,
    );
    assert.equal(verdict(unread.out), "DENIED");
  });

  it("may speak of nodes, which are found by their labels, also where the policy comes later", async () => {
    const worker = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "node2", labels: { role: "worker" } },
      status: { addresses: [{ type: "InternalIP", address: "10.9.0.2" }] },
    };
    const guard = {
      ...clusterPolicy(),
      spec: {
        tier: "Admin",
        priority: 5,
        subject: { namespaces: {} },
        egress: [{ action: "Deny", to: [{ nodes: { matchLabels: { role: "worker" } } }] }],
      },
    };
    const line = "policy explain --from shop/web --to 10.9.0.2 --port 80 -f -";
    const { out, err } = await new Rig().run(line, list(...pods, worker, guard));
    assert.match(out, /: DENIED\n(.*\n)* {6}0 Deny to nodes with role == 'worker' \(IPv4\): decides\n/);
    assert.equal(err, "");
    const lacking = await new Rig().run(line, list(...pods, guard));
    assert.match(lacking.err, /^GlobalNetworkPolicy kcnp\.kube-admin\.first is about nodes, and no Node is told/);
    const open = {
      apiVersion: "projectcalico.org/v3",
      kind: "HostEndpoint",
      metadata: { name: "open" },
      spec: { node: "node2", interfaceName: "eth0", profiles: ["projectcalico-default-allow"] },
    };
    const files = { "cluster.json": list(...pods, worker, open), "new.json": list(guard) };
    const diff = await new Rig().run("policy diff -f new.json --cluster cluster.json", files);
    assert.match(diff.out, /-web-eth0 +Node node2 +tcp .*denied\n/);
  });

  it("may be what a diff is about", async () => {
    const files = {
      "cluster.json": list(...pods),
      "new.json": list(clusterPolicy({ action: "Deny", ...anybody })),
      "later.json": list({
        ...clusterPolicy(),
        spec: { tier: "Admin", priority: 5, subject: { nodes: {} }, ingress: [{ action: "Deny", ...anybody }] },
      }),
    };
    const { out } = await new Rig().run("policy diff -f new.json --cluster cluster.json", files);
    assert.match(out, /that is denied then: 2\n$/);
    const later = await new Rig().run("policy diff -f later.json --cluster cluster.json", files);
    assert.match(later.err, /^GlobalNetworkPolicy kcnp\.kube-admin\.first cannot be read: .*spec\.subject/);
    assert.match(later.out, /that is denied then: 2\n$/);
  });
});
