/** Limits of bandwidth in a real kernel: a node and its pods are namespaces, packets are counted, `tc` shows what is left. */
import assert from "node:assert/strict";
import { Links } from "@brindle/agent/shell";
import type { QosControls } from "@brindle/api";
import { type Attachment, attachmentOf, CniError } from "@brindle/cni";
import { parseAddress } from "@brindle/net";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const nodeAddress = "192.0.2.1";
const podAddress = "10.65.0.9";
const packets = 200;
const payloadBytes = 1000;
/** Twenty thousand bytes at once, and then 125 a second: some nineteen packets, however slow the machine. */
const slow = { Bandwidth: 1000, Burst: 160_000 };
const ingress: QosControls = { ingressBandwidth: slow.Bandwidth, ingressBurst: slow.Burst };
const egress: QosControls = { egressBandwidth: slow.Bandwidth, egressBurst: slow.Burst };

/** "br" and 214, as the agent has it. */
const removalGroup = 0x6272_00d6;

let node: Namespace;
let pod: Namespace;
let links: Links;
let attachment: Attachment & { readonly netns: string };

beforeAll(async () => {
  [node, pod] = await Promise.all([createNamespace("node"), createNamespace("pod")]);
  await node.ip("link set lo up");
  await node.ip(`address add ${nodeAddress}/32 dev lo`);
  links = await Links.open({ mtu: 1450, namespace: node.path });
  const args = { podNamespace: "default", podName: "limited" };
  const environment = { containerId: "c".repeat(64), interfaceName: "eth0", netns: pod.path, args };
  attachment = { ...attachmentOf(environment, "pods"), netns: pod.path };
});
afterAll(async () => {
  links?.[Symbol.dispose]();
  await Promise.all([node, pod].map((namespace) => namespace?.[Symbol.asyncDispose]()));
});

function addresses() {
  const address = parseAddress(podAddress);
  assert(address);
  return [address];
}

const wire = (limits: QosControls | null) => links.wire({ attachment, addresses: addresses(), mtu: null, limits });
const limit = (controls: QosControls | null) =>
  links.limit(attachment.hostInterface, { wishOf: async () => ({ controls }) });

/** How many of the packets that one end sends at once reach the other, which takes a moment: until as many as must. */
async function arriving(from: Namespace, to: Namespace, address: string, countMin: number): Promise<number> {
  const before = await datagrams(to);
  const script = `const socket = require("node:dgram").createSocket("udp4");
    let done = 0;
    for (let sent = 0; sent < ${packets}; sent++)
      socket.send(Buffer.alloc(${payloadBytes}), 9, "${address}", () => ++done === ${packets} && socket.close());`;
  await from.exec(process.execPath, ["-e", script]);
  const haveArrived = async (saw: (seen: unknown) => void) => {
    const count = (await datagrams(to)) - before;
    saw(`${count} of ${packets}`);
    return count >= countMin && { count };
  };
  return (await waitFor(haveArrived, { what: `${countMin} packets have arrived` })).count;
}

/** Taken in, whether somebody listens or not. */
async function datagrams(namespace: Namespace): Promise<number> {
  const lines = (await namespace.exec("cat", ["/proc/net/snmp"])).split("\n").filter((line) => line.startsWith("Udp:"));
  const [names = [], values = []] = lines.map((line) => line.split(" "));
  return Number(values[names.indexOf("InDatagrams")]) + Number(values[names.indexOf("NoPorts")]);
}

/** As many as must. */
const [all, limited] = [packets, 10];
const toPod = (countMin: number) => arriving(node, pod, podAddress, countMin);
const fromPod = (countMin: number) => arriving(pod, node, nodeAddress, countMin);

function assertLimited(count: number): void {
  assert(count >= limited && count <= 30, `${count} of ${packets} packets came through`);
}

const queues = () => node.ip("-br link show type ifb");

describe("a pod's limits of bandwidth", () => {
  it("hold for what it gets, from its first moment", async () => {
    await wire(ingress);
    assertLimited(await toPod(limited));
    assert.equal(await fromPod(all), packets);
    assert.equal(await queues(), "");
  });

  it("hold for what it sends, while it runs, and then not for what it gets", async () => {
    assert.deepEqual(await limit(egress), []);
    assertLimited(await fromPod(limited));
    assert.equal(await toPod(all), packets);
    assert.match(await queues(), new RegExp(`^brdl${attachment.hostInterface.slice(4)} `));
  });

  it("are what CHECK compares", async () => {
    const promised = {
      addresses: addresses(),
      pod: { name: "eth0", mac: attachment.mac, mtu: 1450 },
      hosts: [{ name: attachment.hostInterface, mac: "ee:ee:ee:ee:ee:ee", mtu: 1450 }],
      defaultFamilies: [4 as const],
    };
    const found = (limits: QosControls) => links.check({ attachment, promised, limits } as never);
    assert.deepEqual(await found(egress), []);
    assert.match((await found(ingress)).join(), /does not limit what the pod gets as was asked for/);
    await node.exec("tc", ["qdisc", "del", "dev", attachment.hostInterface, "ingress"]);
    assert.match((await found(egress)).join(), /does not limit what the pod sends as was asked for/);
    // Done again, though the queue is there.
    assert.deepEqual(await limit(egress), []);
    assert.deepEqual(await found(egress), []);
  });

  it("are changed and not made anew, and nothing is written where nothing changes", async () => {
    const shown = () => node.exec("tc", ["qdisc", "show"]);
    const before = await shown();
    assert.deepEqual(await limit(egress), []);
    assert.equal(await shown(), before);
    assert.deepEqual(await limit({ ...egress, egressBandwidth: 8_000_000_000, egressBurst: 4_000_000_000 }), []);
    // With those that waited.
    assert((await fromPod(all)) >= packets);
  });

  it("leave what is somebody else's, and say so", async () => {
    const foreign = ["dev", attachment.hostInterface, "root", "tbf", "rate", "1gbit", "burst", "100k", "limit", "1m"];
    await node.exec("tc", ["qdisc", "add", ...foreign]);
    assert.match((await limit(ingress)).join(), /queueing discipline \(tbf\) that is not ours: what the pod gets/);
    await limit(null);
    assert.match(await node.exec("tc", ["qdisc", "show", "dev", attachment.hostInterface]), /^qdisc tbf .*rate 1Gbit/);
    await node.exec("tc", ["qdisc", "del", "dev", attachment.hostInterface, "root"]);
    assert.equal(await queues(), "");
  });

  it("come back, or let go, where somebody has removed the queue", async () => {
    for (const wanted of [egress, null]) {
      await limit(egress);
      await node.ip(`link del brdl${attachment.hostInterface.slice(4)}`);
      assert.equal(await fromPod(0), 0);
      // As an agent that begins, which looks at all.
      assert.deepEqual((await links.limited()).pods, [attachment.hostInterface]);
      assert.deepEqual(await limit(wanted), []);
      if (wanted) assertLimited(await fromPod(limited));
      else assert.equal(await fromPod(all), packets);
    }
    assert.equal(await queues(), "");
  });

  it("take no queue that is on its way out", async () => {
    const name = `brdl${attachment.hostInterface.slice(4)}`;
    // As an agent leaves it that is killed while it removes it.
    await node.ip(`link add ${name} type ifb`);
    await node.ip(`link set ${name} group ${removalGroup}`);
    assert.deepEqual(await limit(egress), []);
    assertLimited(await fromPod(limited));
    assert.doesNotMatch(await node.ip(`link show ${name}`), new RegExp(`group ${removalGroup}`));
    await limit(null);
  });

  it("leave what others have at the same place", async () => {
    const at = ["dev", attachment.hostInterface];
    const tc = (...words: string[]) => node.exec("tc", words);
    await tc("qdisc", "add", ...at, "clsact");
    const filter = ["protocol", "all", "pref", "7", "u32", "match", "u32", "0", "0", "flowid", "1:1"];
    await tc("filter", "add", ...at, "ingress", ...filter);
    const before = await tc("filter", "show", ...at, "ingress");
    assert.deepEqual(await limit(egress), []);
    assertLimited(await fromPod(limited));
    assert.deepEqual(await limit(null), []);
    assert.equal(await fromPod(all), packets);
    assert.equal(await tc("filter", "show", ...at, "ingress"), before);
    await tc("qdisc", "del", ...at, "clsact");
  });

  it("that an agent without the mark has made are taken over, and go", async () => {
    const at = ["dev", attachment.hostInterface, "ingress"];
    const queue = `brdl${attachment.hostInterface.slice(4)}`;
    const unmarked = ["protocol", "all", "pref", "1", "u32", "match", "u32", "0", "0"];
    for (const wanted of [egress, null]) {
      assert.deepEqual(await limit(egress), []);
      await node.exec("tc", ["filter", "del", ...at, "pref", "1"]);
      await node.exec("tc", [
        "filter",
        "add",
        ...at,
        ...unmarked,
        "action",
        "mirred",
        "egress",
        "redirect",
        "dev",
        queue,
      ]);
      assert.deepEqual(await limit(wanted), []);
      if (wanted) assert.match(await node.exec("tc", ["filter", "show", ...at]), /fh 800::d6 /);
      else assert.equal(await fromPod(all), packets);
    }
    assert.equal(await queues(), "");
  });

  it("go with the pod, its queue too, whoever made them", async () => {
    await limit({ ...ingress, ...egress });
    await links.unwire(attachment);
    assert.equal(await queues(), "");
    // As an agent leaves it that is killed between.
    await node.ip("link add brdl0123456789a type ifb");
    assert.deepEqual((await links.limited()).pods, []);
    assert.equal(await queues(), "");
  });

  it("that cannot be made leave no pod", async () => {
    await node.ip(`link add brdl${attachment.hostInterface.slice(4)} type bridge`);
    await assert.rejects(wire(egress), (error) => {
      assert(error instanceof CniError);
      assert.match(error.message, /the interface brdl\S+ exists and is no queue of Brindle's: remove it/);
      return true;
    });
    assert.equal(await node.ip("-br link show type veth"), "");
    await node.ip(`link del brdl${attachment.hostInterface.slice(4)}`);
  });
});
