import { fileURLToPath } from "node:url";
import { convertClusterPolicy, type Node, type PolicyHit } from "@brindle/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import type { Pod } from "../lab/runtime.ts";
import { connectCommand, startServer } from "../lab/tour/pods.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, ready, resource, type Stand, says, sees, startStand } from "./stand.ts";

const server = fileURLToPath(new URL("../lab/podServer.ts", import.meta.url));

describe("policy on a node", () => {
  let stand: Stand;
  let pod: Pod;
  /** Of the node, as its pods reach it. */
  let ofNode: readonly string[];

  beforeAll(async () => {
    stand = await startStand();
    await established(stand, "node1");
    pod = await stand.runtime.add({ name: "web", node: "node1", labels: { app: "web" } });
    await startServer(pod);
    const [node] = stand.fabric.plan.nodes;
    ofNode = node ? [node.ip, node.ip6] : [];
    const daemon = stand.fabric.machine("node1").spawn(process.execPath, [server, "node1"]);
    await says(daemon, "listening", "the server of node1 listens");
  });
  afterAll(() => stand[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  /** At which of the addresses somebody is greeted. */
  const greeted = async (from: "pod" | "tor", addresses: readonly string[]): Promise<readonly string[]> => {
    const place = from === "pod" ? namespaceNamed(pod.namespace) : stand.fabric.machine(from);
    const greetings = await Promise.all(
      addresses.map(async (address) => {
        const { stdout } = await place.run("bash", ["--norc", "-c", connectCommand(address)]);
        return stdout.startsWith("hello from") ? [address] : [];
      }),
    );
    return greetings.flat();
  };

  describe("that cannot be read", () => {
    const key = "/calico/resources/v3/projectcalico.org/networkpolicies/default/broken";
    let calm: Pod;
    const greeters = (): Promise<readonly string[]> => greeted("tor", [...pod.addresses, ...calm.addresses]);
    const problems = async (): Promise<readonly string[]> => (await stand.status("node1")).problems;
    const written = (spec: unknown): string =>
      JSON.stringify({
        kind: "NetworkPolicy",
        apiVersion: "projectcalico.org/v3",
        metadata: { name: "broken", namespace: "default" },
        spec,
      });
    const webAlone = { selector: "app == 'web'", types: ["Ingress"] };

    beforeAll(async () => {
      calm = await stand.runtime.add({ name: "calm", node: "node1", labels: { app: "calm" } });
      await startServer(calm);
    });

    it("closes what its text still selects, lets the rest be, and opens once it is mended", async () => {
      await sees("where the router is greeted", greeters, [...pod.addresses, ...calm.addresses]);
      await stand.etcd.etcdctl("put", key, written({ ...webAlone, ingress: "all" }));
      await sees("where the router is greeted", greeters, calm.addresses);
      const [problem = ""] = await problems();
      expect(problem).toMatch(/^NetworkPolicy default\/broken: spec\.ingress/);
      expect(problem).toContain("; it is closed, ingress, for the endpoints with app == 'web' of namespace default");

      const other = resource("NetworkPolicy", "calm", { selector: "app == 'calm'", types: ["Ingress"] }, inDefault);
      await stand.apply(other);
      await sees("where the router is greeted", greeters, []);

      await stand.etcd.etcdctl("put", key, written({ ...webAlone, ingress: [{ action: "Allow" }] }));
      await sees("where the router is greeted", greeters, pod.addresses);
      expect(await problems()).toEqual([]);
    });

    it("closes its namespace where it does not say for whom it is", async () => {
      await stand.etcd.etcdctl("put", key, written({ ...webAlone, selector: "app ==" }));
      await stand.etcd.etcdctl("del", "/calico/resources/v3/projectcalico.org/networkpolicies/default/calm");
      await sees("where the router is greeted", greeters, []);
      expect((await problems()).join()).toContain("; it is closed, ingress, for all endpoints of namespace default");

      await stand.etcd.etcdctl("del", key);
      await sees("where the router is greeted", greeters, [...pod.addresses, ...calm.addresses]);
      await stand.etcd.etcdctl("put", key, "no policy");
      await sees("where the router is greeted", greeters, []);
      const [problem = ""] = await problems();
      expect(problem).toMatch(/^NetworkPolicy default\/broken: is no JSON/);
      expect(problem).toContain("; it is closed, ingress and egress, for all endpoints of namespace default");

      await stand.etcd.etcdctl("del", key);
      await sees("where the router is greeted", greeters, [...pod.addresses, ...calm.addresses]);
    });
  });

  describe("that somebody flushed", () => {
    const ofPod = (): Promise<readonly string[]> => greeted("tor", pod.addresses);
    const hooked = async (backend: string): Promise<readonly string[]> => {
      const saved = await stand.fabric.machine("node1").exec(`iptables-${backend}-save`, ["-t", "filter"]);
      const hooks = saved.matchAll(/^-A (?:FORWARD|INPUT|OUTPUT) .*-j (BRDL-\S+)/gm);
      return [...hooks].flatMap(([, chain]) => chain ?? []).sort();
    };
    const all = ["BRDL-FORWARD", "BRDL-FORWARD-END", "BRDL-INPUT", "BRDL-OUTPUT"];

    beforeAll(async () => {
      await sees("where the router is greeted", ofPod, pod.addresses);
      const deny = resource("NetworkPolicy", "web", { selector: "app == 'web'", types: ["Ingress"] }, inDefault);
      await stand.apply(deny);
      await sees("where the router is greeted", ofPod, []);
    });

    /** Much less than the 90 s after which everything is looked at. */
    const soonMs = 15_000;
    it.each(["nft", "legacy"])("stands again soon, backend %s", async (backend) => {
      await stand.apply(resource("FelixConfiguration", "default", { iptablesBackend: backend }));
      await sees("where the hooks are", () => hooked(backend), all, soonMs);
      const node = stand.fabric.machine("node1");
      // As a firewall does that reloads.
      for (const tables of ["iptables", "ip6tables"]) {
        await node.exec(`${tables}-${backend}`, ["-F"]);
        await node.exec(`${tables}-${backend}`, ["-X"]);
      }
      await sees("where the hooks are", () => hooked(backend), all, soonMs);
      await sees("where the router is greeted", ofPod, []);
      await node.exec(`iptables-${backend}`, ["-F", "INPUT"]);
      await sees("where the hooks are", () => hooked(backend), all, soonMs);
      // The other hook in FORWARD stays.
      await node.exec(`iptables-${backend}`, ["-D", "FORWARD", "-j", "BRDL-FORWARD"]);
      await sees("where the hooks are", () => hooked(backend), all, soonMs);
      // As that one does when the last in the chain goes.
      await node.exec(`iptables-${backend}`, ["-D", "FORWARD", "2"]);
      await sees("where the hooks are", () => hooked(backend), all, soonMs);
    });
  });

  it("keeps a pod from its node, unless a FelixConfiguration or the agent is told otherwise", async () => {
    const ofHost = (): Promise<readonly string[]> => greeted("pod", ofNode);
    await sees("where the pod is greeted by its node", ofHost, []);
    await stand.apply(resource("FelixConfiguration", "default", { defaultEndpointToHostAction: "Accept" }));
    await sees("where the pod is greeted by its node", ofHost, ofNode);
    await stand.apply(resource("FelixConfiguration", "node.node1", { defaultEndpointToHostAction: "Drop" }));
    await sees("where the pod is greeted by its node", ofHost, []);

    const first = stand.agent("node1");
    first.kill("SIGTERM");
    await first.exited;
    stand.launch("node1", ["--endpoint-to-host-action", "Accept"]);
    await ready(stand, "node1");
    await sees("where the pod is greeted by its node", ofHost, ofNode);
  });

  it("denies what a ClusterNetworkPolicy says of nodes, by the labels and addresses that they have by then", async () => {
    const ofHost = (): Promise<readonly string[]> => greeted("pod", ofNode);
    await stand.apply(resource("FelixConfiguration", "node.node1", { defaultEndpointToHostAction: "Accept" }));
    await sees("where the pod is greeted by its node", ofHost, ofNode);
    const egress = [{ name: "nodes", action: "Deny", to: [{ nodes: { matchLabels: { role: "closed" } } }] }];
    const converted = convertClusterPolicy({
      apiVersion: "policy.networking.k8s.io/v1alpha2",
      kind: "ClusterNetworkPolicy",
      metadata: { name: "nodes" },
      spec: { tier: "Admin", priority: 1, subject: { namespaces: {} }, egress },
    });
    if (converted.kind === "invalid") throw new Error(JSON.stringify(converted.faults));
    const { kind, metadata, spec } = converted.policy;
    await stand.apply({ apiVersion: "projectcalico.org/v3", kind, metadata, spec });
    const label = async (role: string): Promise<void> => {
      const { metadata: before, spec: own } = (await stand.get("Node", "node1")) as Node;
      await stand.apply(resource("Node", "node1", own, { labels: { ...before.labels, role } }));
    };
    await label("closed");
    await sees("where the pod is greeted by its node", ofHost, []);
    const [hit] = ((await stand.call("node1", "policy.hits", { all: false })) as readonly PolicyHit[]).filter(
      ({ name }) => name === metadata.name,
    );
    expect(hit?.text).toMatch(/^Deny to nodes with role == 'closed' \(IPv[46]\)$/);
    await label("open");
    await sees("where the pod is greeted by its node", ofHost, ofNode);
  });
});

const inDefault = { namespace: "default" };
