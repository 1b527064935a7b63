/** What kube-proxy does for Services on the network of pods, from wherever they are called, whatever mode its rules are in. */
import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { describe, it } from "vitest";
import { field, list, text } from "../fixtures/json.ts";
import { type Cluster, nodeOf } from "../fixtures/kubeadm/cluster.ts";
import { underlay } from "../fixtures/kubeadm/plan.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { clientOf, fetchFrom, networkOfNode, type Place } from "./places.ts";
import { addressWhenReady, apply, lonePod, networkOf, podOfNode, url } from "./pods.ts";
import { callerPath, nodePorts, type WebPod, webService } from "./web.ts";

/** A cluster of both families with `webManifest` on it, and a route of its router to the pods. */
export interface Stand {
  readonly cluster: Cluster;
  readonly pods: readonly WebPod[];
}

export function describeServices(stand: () => Stand): void {
  describe("a Service", () => {
    it("is rules of the mode that kube-proxy was told", async () => {
      const { cluster } = stand();
      const node = nodeOf(cluster, 2);
      const ofIptables = await node.exec("iptables-save", ["-t", "nat"]);
      const tables = await node.exec("nft", ["list", "tables"]);
      assert.equal(/KUBE-SVC-/.test(ofIptables), cluster.plan.proxy === "iptables");
      assert.equal(/kube-proxy/.test(tables), cluster.plan.proxy === "nftables");
    });

    it("answers a pod, a node and the client outside, at its address and at the port of every node, in both families", async () => {
      const { cluster, pods } = stand();
      const inside = [await networkOf(cluster, podOfNode(pods, "node1")), networkOfNode(nodeOf(cluster, 1))];
      const ports = cluster.nodes.flatMap(({ ipv4, ipv6 }) => [url(ipv4, nodePorts.web), url(ipv6, nodePorts.web)]);
      const addresses = await clusterAddresses(cluster, "web");
      assert.deepEqual(addresses.map(isIPv6), [false, true]);
      for (const place of inside) {
        for (const target of [...addresses.map((address) => url(address)), ...ports])
          await answers(place, target, pods);
      }
      for (const target of ports) await answers(clientOf(cluster), target, pods);
    });

    it("is answered by every pod of it in turn", async () => {
      const { cluster, pods } = stand();
      const from = await networkOf(cluster, podOfNode(pods, "node2"));
      for (const address of await clusterAddresses(cluster, "web")) {
        const answered = new Set<string>();
        await waitFor(
          async (saw) => {
            answered.add((await fetchFrom(from, url(address))) ?? "");
            saw([...answered]);
            return pods.every(({ name }) => answered.has(name));
          },
          { what: "every pod has answered" },
        );
      }
    });

    it("with externalTrafficPolicy Local is answered by the node's own pod, which sees the client, or not at all", async () => {
      const { cluster, pods } = stand();
      const client = clientOf(cluster);
      for (const node of cluster.nodes) {
        for (const [index, address] of [node.ipv4, node.ipv6].entries()) {
          const target = url(address, nodePorts.local);
          assert.equal(await fetchFrom(client, target), podOfNode(pods, node.name).name);
          assert.equal(await fetchFrom(client, target + callerPath), underlay.clientAddresses[index]?.split("/")[0]);
        }
      }
      const only = { app: "only", nodePort: 30082, externalTrafficPolicy: "Local" } as const;
      await apply(cluster, webService("only", only), lonePod({ name: "only", node: "node2", labels: { app: "only" } }));
      await addressWhenReady(cluster, "only");
      const [elsewhere, there] = [nodeOf(cluster, 1), nodeOf(cluster, 2)];
      await waitFor(async () => (await fetchFrom(client, url(there.ipv4, only.nodePort))) === "only", {
        what: "the node with the pod answers",
      });
      assert.equal(await fetchFrom(client, url(elsewhere.ipv4, only.nodePort)), undefined);
      await cluster.kubectl(["delete", "pod,service", "only"]);
    });

    it("is no more needed where a pod has a port of its node: that answers as long as the pod is there", async () => {
      const { cluster, pods } = stand();
      await apply(cluster, lonePod({ name: "ported", node: "node2", hostPort: 8081 }));
      await addressWhenReady(cluster, "ported");
      const { ipv4, ipv6 } = nodeOf(cluster, 2);
      const places = [clientOf(cluster), networkOfNode(nodeOf(cluster, 1))];
      for (const place of [...places, await networkOf(cluster, podOfNode(pods, "node1"))]) {
        for (const address of [ipv4, ipv6]) assert.equal(await fetchFrom(place, url(address, 8081)), "ported");
      }
      await cluster.kubectl(["delete", "pod", "ported"]);
      assert.equal(await fetchFrom(clientOf(cluster), url(ipv4, 8081)), undefined);
    });
  });
}

async function answers(place: Place, target: string, pods: readonly WebPod[]): Promise<void> {
  const answer = await fetchFrom(place, target);
  assert(
    pods.some(({ name }) => name === answer),
    `${target} asked from ${place.name}: ${answer ?? "no answer"}`,
  );
}

async function clusterAddresses({ kubectl }: Cluster, service: string): Promise<string[]> {
  const object = JSON.parse(await kubectl(["get", "service", service, "-o", "json"]));
  return list(field(object, "spec", "clusterIPs")).map(text);
}
