/**
 * What a Pod and its namespace ask for by Calico's annotations, with an API server and an agent: done, or refused in words. And what
 * pods get on a node that is to use its podCIDR.
 */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type NodeStand, nodeObject, ready, startNodeStand } from "./nodeStand.ts";

let stand: NodeStand;

const calico = (annotations: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(annotations).map(([name, text]) => [`cni.projectcalico.org/${name}`, text]));

const podCidrs = ["10.244.3.0/24", "fd00:244:0:3::/64"];

function pool(name: string, spec: object): object {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec };
}

beforeAll(async () => {
  stand = await startNodeStand();
  await stand.apply(
    nodeObject("node1"),
    { ...nodeObject("node2"), spec: { podCIDR: podCidrs[0], podCIDRs: podCidrs } },
    pool("v4", { cidr: "10.244.0.0/16" }),
    pool("v6", { cidr: "fd00:244::/48" }),
    // Of which nobody gets an address who does not ask for it.
    pool("east", { cidr: "10.9.0.0/24", nodeSelector: "!all()", assignmentMode: "Manual" }),
  );
  stand.launch("node1");
  stand.launch("node2", { environment: { USE_POD_CIDR: "true" } });
  await Promise.all(["node1", "node2"].map((node) => ready(stand, node)));
});
afterAll(() => stand?.[Symbol.asyncDispose]());

describe("a pod", () => {
  it("gets the addresses and the hardware address that it asks for", async () => {
    const asked = calico({ ipAddrs: '["10.244.7.7","fd00:244::77"]', hwAddr: "02:00:00:00:00:77" });
    const pod = await stand.addPod("fixed", "node1", {}, asked);
    assert.deepEqual(pod.addresses, ["10.244.7.7", "fd00:244::77"]);
    assert.match(await namespaceNamed(pod.namespace).ip("link show eth0"), /02:00:00:00:00:77/);
    await assert.rejects(
      stand.addPod("second", "node1", {}, calico({ ipAddrs: '["10.244.7.7"]' })),
      /the address 10\.244\.7\.7 cannot be given: /,
    );
    await stand.removePod(pod);
    const again = await stand.addPod("third", "node1", {}, calico({ ipAddrs: '["10.244.7.7"]' }));
    assert.deepEqual(again.addresses, ["10.244.7.7"]);
  });

  it("gets addresses of the families that it asks for", async () => {
    const pod = await stand.addPod("six", "node1", {}, calico({ ipFamilies: '["IPv6"]' }));
    assert.match(pod.addresses.join(), /^fd00:244:[^,]*$/);
  });

  it("gets an address of the pool that it asks for, also where its namespace asks for another", async () => {
    const metadata = { name: "default", annotations: calico({ ipv4pools: '["v4"]', ipFamilies: '["IPv4"]' }) };
    await stand.apply({ apiVersion: "v1", kind: "Namespace", metadata });
    const asks = { ...calico({ ipv4pools: '["10.244.0.0/16"]' }) };
    let attempt = 0;
    // The agent hears of the namespace when it does.
    await waitFor(
      async (saw) => {
        attempt++;
        const pod = await stand.addPod(`pooled${attempt}`, "node1", {}, asks);
        saw(pod.addresses);
        return pod.addresses.length === 1 && pod.addresses[0]?.startsWith("10.244.") === true;
      },
      { what: "the namespace's families count", deadlineMs: 30_000 },
    );
  });

  for (const [name, annotations, says] of [
    ["noipam", calico({ ipAddrsNoIpam: '["10.244.7.9"]' }), /ipAddrsNoIpam: addresses come from IPPools alone/],
    ["floating", calico({ floatingIPs: '["192.0.2.9"]' }), /floatingIPs: floating addresses are not translated/],
    ["qos", { "qos.projectcalico.org/ingressBandwidth": "1M" }, /ingressBandwidth: it is not enforced/],
    ["spoofing", calico({ allowedSourcePrefixes: '["10.0.0.0/8"]' }), /allowedSourcePrefixes: a pod sends/],
    ["nopool", calico({ ipv4pools: '["west"]' }), /no IPPool gives IPv4 addresses to this pod.*west/s],
  ] as const) {
    it(`that asks for what is not done gets no network, and the reason: ${name}`, async () => {
      await assert.rejects(stand.addPod(name, "node1", {}, annotations), says);
    });
  }
});

describe("a node that uses its podCIDR", () => {
  // The namespace says otherwise by now.
  const both = calico({ ipFamilies: '["IPv4","IPv6"]' });
  const routes = async (node: string): Promise<string> =>
    (await Promise.all(["-4", "-6"].map((family) => stand.fabric.machine(node).namespace.ip(`${family} route`)))).join(
      "",
    );

  it("announces that before it has a pod, and what is for none of its pods ends there", async () => {
    await waitFor(
      async (saw) => {
        const [here, there] = await Promise.all([routes("node2"), routes("node1")]);
        saw({ here, there });
        return podCidrs.every((cidr) => here.includes(`blackhole ${cidr} `) && there.includes(`${cidr} via `));
      },
      { what: "node1 has routes to the podCIDRs of node2", deadlineMs: 30_000 },
    );
  });

  it("gives pods addresses of it alone, which they keep out of no other node's, and which are reached", async () => {
    const pod = await stand.addPod("ranged", "node2", {}, both);
    assert.match(pod.addresses.join(), /^10\.244\.3\.\d+,fd00:244:0:3:[^,]*$/);
    const other = await stand.addPod("other", "node1", {}, both);
    for (const address of pod.addresses) {
      const { exitCode, stdout } = await namespaceNamed(other.namespace).run("ping", ["-n", "-c1", "-W5", address]);
      assert.equal(exitCode, 0, stdout);
    }
    // The blocks in it are announced by it.
    assert.doesNotMatch(await routes("node1"), /10\.244\.3\.\d+\/26/);
    await assert.rejects(
      stand.addPod("elsewhere", "node2", {}, calico({ ipAddrs: '["10.244.9.9"]' })),
      /10\.244\.9\.9 cannot be given: this node's own range is 10\.244\.3\.0\/24/,
    );
  });

  it("frees them with the pod, all in one place", async () => {
    const show = async (): Promise<string> => stand.api.kubectl(["get", "ipamhandles", "-o", "name"]);
    const before = await show();
    const pod = await stand.addPod("leaving", "node2");
    assert.notEqual(await show(), before);
    await stand.removePod(pod);
    assert.equal(await show(), before);
  });
});
