/**
 * What a Pod and its namespace ask for by Calico's annotations, with an API server and an agent: done, or refused in words. And what
 * pods get on a node that is to use its podCIDR.
 */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { removePodsOfFailedTests } from "../agent/failedTests.ts";
import { type NamespaceView, namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { type NodeStand, nodeObject, ready, startNodeStand } from "./nodeStand.ts";

let stand: NodeStand;

const calico = (annotations: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(annotations).map(([name, text]) => [`cni.projectcalico.org/${name}`, text]));

const podCidrs = ["10.244.3.0/24", "fd00:244:0:3::/64"];

const port = 8080;
const listening = `require("node:net").createServer().listen(${port}, "::");`;
/** Three at a time, and what became of each. */
const connecting = `
  const { connect } = require("node:net");
  const outcomes = [1, 2, 3].map(() => new Promise((resolve) => {
    const socket = connect(${port}, process.argv[1], () => resolve("yes"));
    socket.once("error", (error) => resolve(error.code));
  }));
  Promise.all(outcomes).then((all) => { console.log(all.join(" ")); process.exit(); });`;

function pool(name: string, spec: object): object {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec };
}

/** Says from where each datagram came. */
const hearingCode = `
  const socket = require("node:dgram").createSocket("udp6");
  socket.on("message", (_, { address }) => console.log(address.replace("::ffff:", "")));
  socket.bind(${port}, "::", () => console.log("ready"));`;
/** To the first of the arguments, from each of the others. */
const sending = `
  const [to, ...sources] = process.argv.slice(1);
  const { createSocket } = require("node:dgram");
  const send = (source) => new Promise((resolve) => {
    const socket = createSocket(to.includes(":") ? "udp6" : "udp4");
    socket.bind(0, source, () => socket.send("x", ${port}, to, () => socket.close(resolve)));
  });
  (async () => { for (const source of sources) await send(source); })();`;

async function hearing(namespace: NamespaceView): Promise<AsyncDisposable & { readonly lines: readonly string[] }> {
  const program = await namespace.spawn(process.execPath, ["-e", hearingCode]);
  await waitFor(() => program.output().includes("ready"), { what: "somebody listens" });
  return {
    get lines() {
      return program.output().trim().split("\n");
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

function felix(spec: object): object {
  return { apiVersion: "projectcalico.org/v3", kind: "FelixConfiguration", metadata: { name: "default" }, spec };
}

/** The agent hears of a setting when it does. */
async function untilAllowed<T>(add: () => Promise<T>): Promise<T> {
  return waitFor(
    async (saw) => {
      try {
        return await add();
      } catch (error) {
        saw(String(error));
        return undefined;
      }
    },
    { what: "the cluster's new setting is heeded", deadlineMs: 30_000 },
  );
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
removePodsOfFailedTests(
  () => stand,
  ({ api }, { name }) => api.kubectl(["delete", "pod", name, "--force"]),
);

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

  it("gets an address that no pool gives where the list allows it, and nobody else has it", async () => {
    const add = async (name: string, address: string): Promise<Pod> => {
      const metadata = { namespace: "default", name, annotations: calico({ ipAddrsNoIpam: `["${address}"]` }) };
      const containers = [{ name: "main", image: "none" }];
      const spec = { nodeName: "node1", automountServiceAccountToken: false, containers };
      await stand.apply({ apiVersion: "v1", kind: "Pod", metadata, spec });
      const uid = await stand.api.kubectl(["get", "pod", name, "-o", "jsonpath={.metadata.uid}"]);
      const told = { feature_control: { ip_addrs_no_ipam: true } };
      return stand.runtime.add({ name, node: "node1", labels: {}, uid, told });
    };
    const { namespace } = stand.fabric.machine("node1");
    const handles = () => stand.api.kubectl(["get", "ipamhandles", "-o", "name"]);
    const before = await handles();
    const pod = await add("outside", "192.0.2.9");
    assert.deepEqual(pod.addresses, ["192.0.2.9"]);
    assert.equal(await handles(), before);
    assert.equal((await namespace.run("ping", ["-n", "-c1", "-W5", "192.0.2.9"])).exitCode, 0);
    for (const [name, address, says] of [
      [
        "outsider",
        "192.0.2.9",
        /192\.0\.2\.9 is the own address of the WorkloadEndpoint default\/node1-k8s-outside-eth0/,
      ],
      ["insider", "10.244.7.9", /10\.244\.7\.9 is in the IPPool v4, which may give it to others: use ipAddrs/],
    ] as const)
      await assert.rejects(add(name, address), says);
    await stand.removePod(pod);
    const again = await waitFor(() => add("again", "192.0.2.9").catch(() => undefined), {
      what: "the agent hears that the address is nobody's any more",
      deadlineMs: 30_000,
    });
    await stand.removePod(again);
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

  it("is limited as it asks, and as it comes to ask while it runs", async () => {
    const { namespace } = stand.fabric.machine("node1");
    const peer = await stand.addPod("peer", "node1");
    const pod = await stand.addPod("limited", "node1", {}, { "qos.projectcalico.org/ingressBandwidth": "80M" });
    const queues = async () => namespace.exec("tc", ["qdisc", "show"]);
    assert.match(await queues(), /tbf d6: dev cali\S+ root .*rate 80Mbit/);
    await stand.api.kubectl([
      ...["annotate", "--overwrite", "pod", "limited", "qos.projectcalico.org/ingressBandwidth-"],
      ...["Bandwidth=40M", "PacketRate=1", "MaxConnections=2"].map((what) => `qos.projectcalico.org/egress${what}`),
      "qos.projectcalico.org/egressPacketBurst=40",
    ]);
    await waitFor(
      async (saw) => {
        const seen = { queues: await queues(), rules: await namespace.exec("iptables-save", ["-t", "filter"]) };
        saw(seen);
        const hasQueue = /tbf d6: dev brdl\S+ root .*rate 40Mbit/.test(seen.queues);
        return hasQueue && !/ dev cali\S+ root .*rate/.test(seen.queues) && seen.rules.includes("--connlimit-above 2");
      },
      { what: "the pod's new limits are in the kernel", deadlineMs: 30_000 },
    );
    const [address = ""] = peer.addresses;
    await using _server = await namespaceNamed(peer.namespace).spawn(process.execPath, ["-e", listening]);
    const connected = await waitFor(
      async (saw) => {
        const { stdout } = await namespaceNamed(pod.namespace).run(process.execPath, ["-e", connecting, address]);
        saw(stdout);
        return stdout.includes("yes") ? stdout : undefined;
      },
      { what: "a connection of the limited pod's", deadlineMs: 30_000 },
    );
    assert.deepEqual(connected.trim().split(" ").toSorted(), ["ECONNREFUSED", "yes", "yes"]);
    // Forty at once, of which the connections had some, and then one a second.
    const { stdout } = await namespaceNamed(pod.namespace).run("ping", ["-n", "-f", "-c150", "-w1", address]);
    const [, received] = /(\d+) received/.exec(stdout) ?? [];
    assert(Number(received) <= 45, stdout);
    await Promise.all([pod, peer].map((one) => stand.removePod(one)));
    // A DEL is answered before the kernel has taken the link.
    await waitFor(async () => !(await queues()).includes("tbf"), { what: "no limit is left" });
  });

  it("sends out of the cluster with the codepoint that it asks for, and to pods as ever", async () => {
    const asks = { ...calico({ ipFamilies: '["IPv4"]' }), "qos.projectcalico.org/dscp": "EF" };
    const pod = await stand.addPod("expedited", "node1", {}, asks);
    const peer = await stand.addPod("unhurried", "node2", {}, calico({ ipFamilies: '["IPv4"]' }));
    const there = stand.fabric.machine("node2").namespace;
    const [, host = ""] = /inet (\S+)\//.exec(await there.ip("-4 address show scope global")) ?? [];
    const counter = ["PREROUTING", "-p", "icmp", "-m", "dscp", "--dscp", "46"];
    await using undo = new AsyncDisposableStack();
    await there.exec("iptables", ["-t", "mangle", "-A", ...counter]);
    undo.defer(async () => void (await there.exec("iptables", ["-t", "mangle", "-D", ...counter])));
    const counted = async (): Promise<number> => {
      const listed = await there.exec("iptables", ["-t", "mangle", "-nvxL", "PREROUTING"]);
      return Number(/^\s*(\d+) .*DSCP match 0x2e/m.exec(listed)?.[1]);
    };
    const reaches = (address: string) =>
      waitFor(
        async () => {
          const { exitCode } = await namespaceNamed(pod.namespace).run("ping", ["-n", "-c1", "-W2", address]);
          return exitCode === 0;
        },
        { what: `${address} answers`, deadlineMs: 30_000 },
      );
    await reaches(peer.addresses[0] ?? "");
    assert.equal(await counted(), 0);
    await reaches(host);
    assert((await counted()) > 0);
    await stand.api.kubectl(["annotate", "pod", "expedited", "qos.projectcalico.org/dscp-"]);
    await waitFor(
      async (saw) => {
        const rules = await stand.fabric.machine("node1").namespace.exec("iptables-save", ["-t", "mangle"]);
        saw(rules);
        return !rules.includes("DSCP");
      },
      { what: "the codepoint goes with the annotation", deadlineMs: 30_000 },
    );
    await Promise.all([pod, peer].map((one) => stand.removePod(one)));
  });

  it("sends from the networks that it asks for as long as the cluster allows it, and from no others", async () => {
    await stand.apply(felix({ workloadSourceSpoofing: "Any" }));
    const asks = calico({
      ipFamilies: '["IPv4","IPv6"]',
      allowedSourcePrefixes: '["198.51.100.0/24","2001:db8:9::/64"]',
    });
    const pod = await untilAllowed(() => stand.addPod("sender", "node1", {}, asks));
    const peer = await stand.addPod("receiver", "node1", {}, calico({ ipFamilies: '["IPv4","IPv6"]' }));
    const sender = namespaceNamed(pod.namespace);
    const granted = ["198.51.100.7", "2001:db8:9::7"];
    const others = ["203.0.113.7", "2001:db8:8::7"];
    for (const address of [...granted, ...others])
      await sender.ip(`address add ${address}/${address.includes(":") ? "128 nodad" : "32"} dev eth0`);
    await using heard = await hearing(namespaceNamed(peer.namespace));
    /** From all of them, until one that always passes has, whichever others did before it. */
    const passing = async (): Promise<string> => {
      const known = heard.lines.length;
      for (const family of [4, 6] as const) {
        const to = peer.addresses.find((address) => address.includes(":") === (family === 6)) ?? "";
        const own = pod.addresses.find((address) => address.includes(":") === (family === 6)) ?? "";
        const from = [...granted, ...others].filter((address) => address.includes(":") === (family === 6));
        await sender.run(process.execPath, ["-e", sending, to, ...from, own]);
      }
      await waitFor(() => pod.addresses.every((own) => heard.lines.slice(known).includes(own)), {
        what: "its own pass",
      });
      return heard.lines
        .slice(known)
        .filter((address) => !pod.addresses.includes(address))
        .toSorted()
        .join(" ");
    };
    const filters = async () =>
      await stand.fabric.machine("node1").namespace.exec("sysctl", ["-a", "-r", "cali.*rp_filter$"]);
    const eventually = (wanted: string, loose: number) =>
      waitFor(
        async (saw) => {
          const seen = [await passing(), (await filters()).match(/\.rp_filter = 0/g)?.length ?? 0];
          saw(seen);
          return seen[0] === wanted && seen[1] === loose;
        },
        { what: `what passes is: ${wanted}`, deadlineMs: 30_000 },
      );
    await eventually(granted.join(" "), 1);
    await stand.apply(felix({ workloadSourceSpoofing: "Disabled" }));
    await eventually("", 0);
    await Promise.all([pod, peer].map((one) => stand.removePod(one)));
  });

  it("is reached by its floating addresses wherever it is, as long as the cluster has them", async () => {
    const both = { ipFamilies: '["IPv4","IPv6"]' };
    const floating = ["10.244.200.9", "fd00:244:0:ffff::9"];
    const asks = calico({ ...both, floatingIPs: JSON.stringify(floating) });
    await stand.apply(felix({ floatingIPs: "Enabled" }));
    const pod = await untilAllowed(() => stand.addPod("floated", "node1", {}, asks));
    const far = await stand.addPod("far", "node2", {}, calico(both));
    const here = stand.fabric.machine("node1").namespace;
    const there = stand.fabric.machine("node2").namespace;
    const reaches = async (from: NamespaceView): Promise<boolean> => {
      const pings = floating.map((to) => from.run("ping", ["-n", "-c1", "-W2", to]));
      return (await Promise.all(pings)).every(({ exitCode }) => exitCode === 0);
    };
    /** To the other node, as each node peers with each. */
    const announced = async (): Promise<string[]> => {
      const learned = await Promise.all(["-4", "-6"].map((family) => there.ip(`${family} route`)));
      return floating.filter((address) => learned.join("").includes(`${address} via `));
    };
    const routes = async (): Promise<number> => {
      const all = await Promise.all(["-4", "-6"].map((family) => here.ip(`${family} route`)));
      return all.join("").match(/ metric 1025\b/g)?.length ?? 0;
    };
    const eventually = (isThere: boolean) =>
      waitFor(
        async (saw) => {
          const seen = [await announced(), await routes(), await reaches(namespaceNamed(far.namespace))];
          saw(seen);
          return isThere
            ? seen[2] === true && (await announced()).length === 2
            : (await announced()).length === 0 && (await routes()) === 0 && !seen[2];
        },
        { what: `they are reached: ${isThere}`, deadlineMs: 30_000 },
      );
    await eventually(true);
    assert.equal(await routes(), 2);
    for (const from of [here, there, namespaceNamed(pod.namespace)])
      await waitFor(() => reaches(from), { what: `they are reached from ${from.name}` });
    for (const [name, annotations, says] of [
      [
        "rival",
        calico({ floatingIPs: '["10.244.200.9"]' }),
        /10\.244\.200\.9 floats to the pod default\/floated already/,
      ],
      [
        "taker",
        calico({ ipAddrs: '["10.244.200.9"]' }),
        /10\.244\.200\.9 cannot be given: it floats to the pod default\/floated/,
      ],
      ["poolless", calico({ floatingIPs: '["192.0.2.9"]' }), /192\.0\.2\.9 is in no IPPool that is enabled/],
      ["owned", calico({ floatingIPs: JSON.stringify(far.addresses.slice(0, 1)) }), /is the own address of/],
      [
        "lacking",
        calico({ ipFamilies: '["IPv4"]', floatingIPs: '["fd00:244:0:ffff::7"]' }),
        /ffff::7: the pod has no IPv6/,
      ],
    ] as const) {
      // Of node2 an address is its own range's alone.
      await assert.rejects(stand.addPod(name, name === "taker" ? "node1" : "node2", {}, annotations), says);
    }
    const status = async (): Promise<string> => JSON.stringify((await stand.status("node1")).problems);
    assert.doesNotMatch(await status(), /ipNATs/);
    await stand.apply(felix({ floatingIPs: "Disabled" }));
    await eventually(false);
    const withoutEffect = /is without effect, as floatingIPs of the FelixConfiguration is not Enabled/;
    await waitFor(async () => withoutEffect.test(await status()), { what: "the agent says why" });
    await stand.removePod(pod);
    await stand.apply(felix({ floatingIPs: "Enabled" }));
    const moved = await untilAllowed(() => stand.addPod("moved", "node2", {}, asks));
    await waitFor(() => reaches(namespaceNamed(moved.namespace)), { what: "it is reached where it is now" });
    await stand.apply(felix({ floatingIPs: "Disabled" }));
    await Promise.all([moved, far].map((one) => stand.removePod(one)));
  });

  for (const [name, annotations, says] of [
    ["noipam", calico({ ipAddrsNoIpam: '["192.0.2.9"]' }), /ipAddrsNoIpam: pods have addresses of IPPools alone/],
    ["floating", calico({ floatingIPs: '["10.244.200.7"]' }), /floatingIPs: addresses float to no pod/],
    ["qos", { "qos.projectcalico.org/ingressBandwidth": "1" }, /ingressBandwidth: 1 is less than 1k/],
    ["dscp", { "qos.projectcalico.org/dscp": "AF14" }, /dscp: .*AF14.* is no codepoint from 0 to 63/],
    [
      "spoofing",
      calico({ allowedSourcePrefixes: '["10.0.0.0/8"]' }),
      /allowedSourcePrefixes: pods send from their own/,
    ],
    ["nopool", calico({ ipv4pools: '["west"]' }), /no IPPool gives IPv4 addresses to this pod.*west/s],
  ] as const) {
    it(`that asks for what is not done gets no network, and the reason: ${name}`, async () => {
      // The agent hears of what earlier tests have set back when it does.
      await waitFor(
        async (saw) => {
          try {
            await stand.removePod(await stand.addPod(name, "node1", {}, annotations));
            return false;
          } catch (error) {
            saw(error);
            return says.test(String(error));
          }
        },
        { what: `it is refused: ${says}` },
      );
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
