import assert from "node:assert/strict";
import type { WorkloadEndpoint } from "@brindle/api";
import { describeChange, formatPrefix, type Link, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { desiredPodRoutes, floatingRouteMetric } from "./podRoutes.ts";
import { planRoutes } from "./routes.ts";

function link(index: number, options: { alias?: string | null; up?: boolean } = {}): Link {
  const { alias = "brindle c1 eth0", up = true } = options;
  return {
    index,
    name: "cali1",
    kind: "veth",
    up,
    running: up,
    loopback: false,
    mtu: 1500,
    mac: "ee:ee:ee:ee:ee:ee",
    group: 0,
    alias,
    masterIndex: null,
    peerIndex: 2,
    peerNamespaceId: 0,
    vxlan: null,
  };
}

const spec = {
  orchestrator: "k8s",
  node: "node1",
  endpoint: "eth0",
  containerID: "c1",
  ipNetworks: ["10.244.0.5/32", "fd00:244::5/128"],
};

function endpoint(change: Partial<WorkloadEndpoint["spec"]> = {}): WorkloadEndpoint {
  const metadata = { name: "node1-k8s-a-eth0", namespace: "default" };
  return { apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata, spec: { ...spec, ...change } };
}

const cases: { name: string; endpoint?: WorkloadEndpoint; link?: Link; expected: readonly string[] }[] = [
  {
    name: "one for each address, over the pod's interface",
    expected: ["addRoute 10.244.0.5/32 interface 7 metric 1024", "addRoute fd00:244::5/128 interface 7 metric 1024"],
  },
  { name: "none for a pod of another node", endpoint: endpoint({ node: "node2" }), expected: [] },
  { name: "none before the pod has addresses", endpoint: endpoint({ ipNetworks: [] }), expected: [] },
  {
    name: "none over an interface that is down: it is being made or removed",
    link: link(7, { up: false }),
    expected: [],
  },
  { name: "none over another container's interface", link: link(7, { alias: "brindle c0 eth0" }), expected: [] },
  { name: "none over an interface without our mark", link: link(7, { alias: null }), expected: [] },
];

describe("of the routes to local pods there is to be", () => {
  for (const { name, expected, ...given } of cases) {
    it(name, () => {
      const desired = desiredPodRoutes({
        node: "node1",
        endpoints: [given.endpoint ?? endpoint()],
        links: [given.link ?? link(7)],
      });
      assert.deepEqual(planRoutes(desired, new Map(), { mayDelete: false }).map(describeChange), expected);
    });
  }

  it("one for each address that floats to the pod, behind its own", () => {
    const [floating, own] = ["10.244.200.9", "10.244.0.5"].map(parseAddress);
    assert(floating && own);
    const to = (id: string) => [{ floating, own, endpoint: id }];
    const routes = (id: string) =>
      [
        ...desiredPodRoutes({ node: "node1", endpoints: [endpoint()], links: [link(7)], floating: to(id) }).values(),
      ].map(
        ({ destination, metric, nextHops }) =>
          `${formatPrefix(destination)} ${nextHops?.[0]?.interfaceIndex} ${metric}`,
      );
    const ownRoutes = ["10.244.0.5/32 7 1024", "fd00:244::5/128 7 1024"];
    assert.deepEqual(routes("default/node1-k8s-a-eth0"), [...ownRoutes, `10.244.200.9/32 7 ${floatingRouteMetric}`]);
    assert.deepEqual(routes("default/node1-k8s-b-eth0"), ownRoutes);
  });

  it("nothing new where all are there", () => {
    const desired = desiredPodRoutes({ node: "node1", endpoints: [endpoint()], links: [link(7)] });
    assert.deepEqual(planRoutes(desired, desired, { mayDelete: false }), []);
  });
});
