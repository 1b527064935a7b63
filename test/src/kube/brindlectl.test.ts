/** `brindlectl` on Kubernetes as the datastore, as on etcd; and a whole datastore moved there and back. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brindlectl, pool } from "../cli/brindlectl.ts";
import type { Outcome } from "../fixtures/command.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { processInstance } from "../fixtures/instance.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { recordedKeys, samples } from "../storeContract/recordings.ts";
import { applyCrds } from "./crds.ts";

let api: KubeApi;
beforeAll(async () => {
  api = await startKubeApi();
  await applyCrds(api);
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await (await processInstance())[Symbol.asyncDispose]();
});

function onKubernetes(line: string, input?: string): Promise<Outcome> {
  const args = ["--kubeconfig", api.adminKubeconfig, ...line.split(" ")];
  return brindlectl(args, input === undefined ? {} : { input });
}

function onEtcd({ endpoint }: Etcd, line: string, input?: string): Promise<Outcome> {
  return brindlectl(["--etcd", endpoint, ...line.split(" ")], input === undefined ? {} : { input });
}

async function make(...objects: readonly object[]): Promise<void> {
  await api.kubectl(["apply", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  });
}

describe("brindlectl on Kubernetes", () => {
  it("finds its cluster by a flag, by the environment and by calicoctl's file", async () => {
    const file = join(await (await processInstance()).createDirectory("config"), "calicoctl.cfg");
    const spec = { datastoreType: "kubernetes", kubeconfig: api.adminKubeconfig };
    await writeFile(
      file,
      JSON.stringify({ apiVersion: "projectcalico.org/v3", kind: "CalicoAPIConfig", metadata: {}, spec }),
    );
    const environment = { DATASTORE_TYPE: "kubernetes", KUBECONFIG: api.adminKubeconfig };
    const ways = await Promise.all([
      onKubernetes("get ippools"),
      brindlectl(["get", "ippools"], { env: environment }),
      brindlectl(["--config", file, "get", "ippools"]),
    ]);
    for (const way of ways) expect(way).toMatchObject({ exitCode: 0, stderr: "" });
    const both = await onKubernetes("--etcd http://127.0.0.1:1 get ippools");
    expect(both).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/etcd and Kubernetes/) });
  });

  it("creates, applies, replaces, shows and deletes what kubectl sees too", async () => {
    expect((await onKubernetes("create -f -", pool("plain", "10.20.0.0/16"))).exitCode).toBe(0);
    const changed = pool("plain", "10.20.0.0/16")
      .replace("}\n", "}\n")
      .replace(/spec: \{/, "spec: {disabled: true, ");
    expect(await onKubernetes("apply -f -", changed)).toMatchObject({ exitCode: 0 });
    expect(await api.kubectl(["get", "ippool", "plain", "-o", "jsonpath={.spec.disabled}"])).toBe("true");
    expect((await onKubernetes("replace -f -", pool("absent", "10.21.0.0/16"))).exitCode).toBe(1);
    await api.kubectl(["label", "ippool", "plain", "by=kubectl"]);
    expect((await onKubernetes("get ippool plain -o yaml")).stdout).toMatch(/by: kubectl/);
    expect(await onKubernetes("delete ippool plain")).toMatchObject({ exitCode: 0 });
    expect(await api.kubectl(["get", "ippools", "-o", "name"])).toBe("");
  });

  it("writes all of a set or none of it, and says what Kubernetes makes itself", async () => {
    const profile = "apiVersion: projectcalico.org/v3\nkind: Profile\nmetadata: {name: kns.default}\nspec: {}\n";
    const { exitCode, stderr } = await onKubernetes("apply -f -", `${pool("set", "10.22.0.0/16")}---\n${profile}`);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/made of a Namespace/) });
    expect(await api.kubectl(["get", "ippools", "-o", "name"])).toBe("");
  });

  it("shows nodes, pods and namespaces as Calico's kinds", async () => {
    await make({ apiVersion: "v1", kind: "Node", metadata: { name: "shown" } }, podOn("shown", "web"), {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "closed", namespace: "default" },
      spec: { podSelector: {}, policyTypes: ["Ingress"] },
    });
    await api.request("PATCH", "/api/v1/namespaces/default/pods/web/status", {
      body: { metadata: { annotations: { "cni.projectcalico.org/podIPs": "10.20.0.9/32" } } },
      contentType: "application/merge-patch+json",
    });
    expect((await onKubernetes("get nodes")).stdout).toMatch(/^shown$/m);
    expect((await onKubernetes("get profiles")).stdout).toMatch(/^kns\.default$/m);
    expect((await onKubernetes("get workloadendpoints")).stdout).toMatch(/web .*10\.20\.0\.9\/32/);
    const annotations = { "cni.projectcalico.org/podIPs": "10.20.0.10/32" };
    const metadata = { name: "forger", namespace: "default", annotations };
    await make({ ...podOn("shown", "forger"), metadata });
    expect((await onKubernetes("get workloadendpoints")).stdout, "its user's word").not.toMatch(/10\.20\.0\.10/);
    await api.kubectl(["delete", "pod", "forger", "--force"]);
    await make(podOn("shown", "proxy", "default", { hostNetwork: true }));
    await api.request("PATCH", "/api/v1/namespaces/default/pods/proxy/status", {
      body: { status: { podIPs: [{ ip: "172.30.9.1" }] } },
      contentType: "application/merge-patch+json",
    });
    const asked = "namespaces,serviceaccounts,pods,nodes,services,endpointslices,networkpolicies";
    const written = await api.kubectl(["get", asked, "-A", "-o", "yaml"]);
    const questions: [string, RegExp][] = [
      ["--from 192.0.2.1 --to default/web", /knp\.default\.closed/],
      [
        "--from proxy --to default/web",
        /^default\/proxy is in the network of its node shown.*\ntcp from 172\.30\.9\.1 /,
      ],
    ];
    for (const [ends, expected] of questions) {
      const question = `policy explain ${ends} --port 80/tcp`;
      const explained = await onKubernetes(question);
      expect(explained.stdout + explained.stderr).toMatch(expected);
      const ofManifests = await brindlectl([...question.split(" "), "-f", "-"], { input: written });
      expect(ofManifests).toMatchObject({ exitCode: 0, stderr: "", stdout: explained.stdout });
    }
    await api.kubectl(["delete", "pod", "proxy", "--force"]);
    await api.kubectl(["delete", "networkpolicy", "closed"]);
    await api.kubectl(["delete", "pod", "web", "--force"]);
    await api.kubectl(["delete", "node", "shown"]);
  });
});

/** What shows how a node, a profile of an operator's own and an endpoint of no pod fare. */
const own = [
  stored("nodes/worker-a", "Node", { name: "worker-a", labels: { rack: "r7" } }, { bgp: { asNumber: 65_007 } }),
  stored("profiles/home", "Profile", { name: "home" }, { ingress: [{ action: "Allow" }] }),
  stored(
    "workloadendpoints/default/worker--a-cni-c0de-eth0",
    "WorkloadEndpoint",
    { name: "worker--a-cni-c0de-eth0", namespace: "default" },
    { orchestrator: "cni", workload: "c0de", node: "worker-a", endpoint: "eth0", interfaceName: "calic0de" },
  ),
];

describe("a datastore that a real Calico filled", () => {
  let first: Etcd;
  let last: Etcd;
  beforeAll(async () => {
    [first, last] = await Promise.all([startEtcd(), startEtcd()]);
    const all = [...samples, ...(recordedKeys() ?? []), ...own];
    for (const { key, text } of all) await first.etcdctl("put", key, "--", text);
    await make(
      ...["node1", "worker-a"].map((name) => ({ apiVersion: "v1", kind: "Node", metadata: { name } })),
      ...["prod", "shop"].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
      podOn("node1", "web-0", "prod"),
    );
  });

  it("goes to Kubernetes and comes back, with nothing lost but what Kubernetes has no place for, which is said", async () => {
    await onEtcd(first, "datastore lock");
    const exported = await onEtcd(first, "datastore export");
    const imported = await onKubernetes("datastore import -f -", exported.stdout);
    expect(imported).toMatchObject({ exitCode: 0 });
    // Nodes are written again, since Kubernetes holds them with what is its own.
    const repeated = await onKubernetes("datastore import -f -", exported.stdout);
    expect(repeated.stderr).toBe(imported.stderr);
    expect(repeated.stdout).toMatch(/^[12] objects imported/);

    const shown = await onEtcd(first, "ipam show --show-blocks");
    expect(await onKubernetes("ipam show --show-blocks")).toMatchObject({ exitCode: 0, stdout: shown.stdout });

    expect(imported.stderr).toMatch(/FabricPeer\(tor-a\) lacks spec\.fieldOfTomorrow: the CRD/);

    const back = await onKubernetes("datastore export");
    expect(back).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await onEtcd(last, "datastore import -f -", back.stdout)).toMatchObject({ exitCode: 0 });

    const [before, after] = [await content(first), await content(last)];
    const lost = [...before.keys()].filter((key) => !after.has(key));
    const warned = imported.stderr.split("\n").flatMap((line) => /(?:Profile|Endpoint)\((\S+)\)/.exec(line)?.[1] ?? []);
    expect(lost.map((key) => key.split("/").slice(6).join("/")).sort()).toEqual(warned.sort());
    expect(warned).toEqual(expect.arrayContaining(["home", "default/worker--a-cni-c0de-eth0"]));
    const added = [...after.keys()].filter((key) => !before.has(key)).map((key) => key.split("/").slice(5).join("/"));
    expect(added.filter((key) => !madeByKubernetes.test(key))).toEqual([]);
    for (const [key, text] of before) {
      if (!lost.includes(key) && !key.includes("/workloadendpoints/")) expect(after.get(key), key).toBe(text);
    }
    expect([...before.keys()].filter((key) => key.startsWith("/calico/ipam/"))).not.toEqual([]);
    expect(await onKubernetes("datastore unlock")).toMatchObject({ stdout: "the datastore is unlocked\n" });
  });
});

/** Namespaces become profiles, pods endpoints; both configurations of address management are one object. */
const madeByKubernetes =
  /^(profiles\/k(ns|sa)\.|workloadendpoints\/|nodes\/(node1|worker-a)$|ipamconfigurations\/default$)/;

function stored(place: string, kind: string, metadata: object, spec: object) {
  const text = JSON.stringify({ kind, apiVersion: "projectcalico.org/v3", metadata, spec });
  return { key: `/calico/resources/v3/projectcalico.org/${place}`, text };
}

/**
 * Without what each datastore gives its objects anew, a status that says nothing, of a node what Kubernetes tells, and the
 * field that no CRD knows.
 */
async function content({ etcdctl }: Etcd): Promise<Map<string, string>> {
  const lines = (await etcdctl("get", "/", "--prefix")).split("\n");
  const content = new Map<string, string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [key = "", text = ""] = [lines[i], lines[i + 1]];
    const bare = text.replace(/"uid":"[^"]*",?/, "").replace(/"creationTimestamp":"[^"]*",?/, "");
    content.set(
      key,
      (key.includes("/nodes/") ? ofNode(bare) : bare)
        .replace(',"metadata":{}', "")
        .replace(',"status":{}', "")
        .replace(/,"fieldOfTomorrow":\d+/, "")
        .replace(/,}/g, "}"),
    );
  }
  return content;
}

function ofNode(text: string): string {
  return text.replace(/,?"addresses":\[[^\]]*\]/, "").replace(/,?"orchRefs":\[[^\]]*\]/, "");
}

function podOn(nodeName: string, name: string, namespace = "default", ofSpec: object = {}): object {
  const containers = [{ name: "main", image: "none" }];
  const spec = { nodeName, serviceAccountName: "default", automountServiceAccountToken: false, containers };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { ...spec, ...ofSpec } };
}
