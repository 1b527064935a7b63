/** What the wiring makes in a real kernel: a node and its pods are namespaces, and `ip` and `ping` are the judges. */
import assert from "node:assert/strict";
import { readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Links } from "@brindle/agent/shell";
import { type Attachment, attachmentOf, CniError, type WireRequest } from "@brindle/cni";
import { isKernelError, parseAddress } from "@brindle/net";
import { DirectRoutes } from "@brindle/net/shell";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { openNamespacesOf, openSockets, socketsClosed } from "../fixtures/openDescriptors.ts";
import { waitFor } from "../fixtures/waitFor.ts";

interface Pod extends AsyncDisposable {
  readonly namespace: Namespace;
  readonly attachment: Attachment & { readonly netns: string };
  readonly request: WireRequest;
  /** As `ip` prints them, by family. */
  readonly v4: string;
  readonly v6: string;
}

interface PodOptions {
  readonly name?: string;
  /** The orchestrator is Kubernetes unless told otherwise. */
  readonly isPlain?: boolean;
  readonly v6?: boolean;
  readonly containerId?: string;
  readonly mtu?: number;
}

let node: Namespace;
let links: Links;
let sequence = 0;

beforeAll(async () => {
  node = await createNamespace("node");
  await node.ip("address add 192.0.2.1/32 dev lo");
  links = await Links.open({ mtu: 1450, namespace: node.path });
});

afterAll(async () => {
  links?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
});

/** A container that is not wired yet. Disposing unwires it and removes its namespace. */
async function createPod(options: PodOptions = {}): Promise<Pod> {
  const number = ++sequence;
  const namespace = await createNamespace(`pod${number}`);
  const containerId = options.containerId ?? `${number}`.padStart(4, "f").padEnd(64, "0");
  const args = options.isPlain ? {} : { podNamespace: "default", podName: options.name ?? `pod${number}` };
  const environment = { containerId, interfaceName: "eth0", netns: namespace.path, args };
  const attachment = { ...attachmentOf(environment, "k8s-pod-network"), netns: namespace.path };
  const v4 = `10.65.0.${number}`;
  const v6 = `fd00:65::${number.toString(16)}`;
  const addresses = [v4, ...(options.v6 === false ? [] : [v6])].map(parseAddress).filter((address) => address !== null);
  const request = { attachment, addresses, mtu: options.mtu ?? null };
  const dispose = async () => {
    await links.unwire(attachment);
    await namespace[Symbol.asyncDispose]();
  };
  return { namespace, attachment, request, v4, v6, [Symbol.asyncDispose]: dispose };
}

async function createWiredPod(options: PodOptions = {}): Promise<Pod> {
  const pod = await createPod(options);
  await links.wire(pod.request);
  return pod;
}

async function interfacesOf(namespace: Namespace): Promise<string[]> {
  const list = JSON.parse(await namespace.ip("-j link show")) as { ifname: string }[];
  return list.map((link) => link.ifname).sort();
}

async function lines(text: Promise<string>): Promise<string[]> {
  return (await text)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

async function sysctl(namespace: Namespace, path: string): Promise<string> {
  return (await namespace.exec("cat", [`/proc/sys/net/${path}`])).trim();
}

async function ping(from: Namespace, to: string): Promise<string> {
  return from.exec("ping", ["-n", "-c", "1", "-W", "10", to]);
}

describe("a wired pod", () => {
  it("has its addresses, the gateway's routes and a permanent gateway, and nothing else", async () => {
    await using pod = await createWiredPod();
    assert.deepEqual(await lines(pod.namespace.ip("-4 route show")), [
      "default via 169.254.1.1 dev eth0",
      "169.254.1.1 dev eth0 scope link",
    ]);
    const routes = await lines(pod.namespace.ip("-6 route show default"));
    assert.deepEqual(routes, ["default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024 pref medium"]);
    const neighbours = await lines(pod.namespace.ip("neigh show nud permanent"));
    assert.deepEqual(neighbours.sort(), [
      "169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT",
      "fe80::ecee:eeff:feee:eeee dev eth0 lladdr ee:ee:ee:ee:ee:ee PERMANENT",
    ]);
    const addresses = await pod.namespace.ip("-o address show dev eth0 scope global");
    assert.match(addresses, new RegExp(`inet ${pod.v4}/32 scope global eth0`));
    assert.match(addresses, new RegExp(`inet6 ${pod.v6}/128 scope global nodad`));
    assert.doesNotMatch(addresses, /tentative/);
  });

  it("stands on the node as Calico's pods do: name, hardware address, mark, routes, kernel settings", async () => {
    await using pod = await createWiredPod({ name: "named" });
    const name = pod.attachment.hostInterface;
    const [link] = JSON.parse(await node.ip(`-j -d link show dev ${name}`)) as Record<string, unknown>[];
    assert.equal(link?.ifalias, `brindle ${pod.attachment.containerId} eth0 k8s-pod-network`);
    assert.equal(link?.address, "ee:ee:ee:ee:ee:ee");
    assert.equal(link?.mtu, 1450);
    assert.deepEqual(await lines(node.ip(`-4 route show dev ${name}`)), [`${pod.v4} proto 214 scope link metric 1024`]);
    const v6Routes = await lines(node.ip(`-6 route show dev ${name} proto 214`));
    assert.deepEqual(v6Routes, [`${pod.v6} metric 1024 pref medium`]);
    // Known before anything was sent: no first packet waits for ARP or neighbour discovery.
    const neighbours = await lines(node.ip(`neigh show dev ${name}`));
    const known = [pod.v4, pod.v6].map((address) => `${address} lladdr ${pod.attachment.mac} STALE`);
    assert.deepEqual(neighbours.sort(), known.sort());
    // The kernel makes it when it notices the carrier, for which it takes up to a second.
    const hasGateway = async () =>
      (await node.ip(`-6 address show dev ${name}`)).includes("fe80::ecee:eeff:feee:eeee/64");
    await waitFor(hasGateway, { what: "the node's end has the gateway's address" });
    const settings: Record<string, string> = {
      [`ipv4/conf/${name}/proxy_arp`]: "1",
      [`ipv4/neigh/${name}/proxy_delay`]: "0",
      [`ipv4/conf/${name}/forwarding`]: "1",
      [`ipv4/conf/${name}/rp_filter`]: "1",
      [`ipv6/conf/${name}/forwarding`]: "1",
      [`ipv6/conf/${name}/accept_ra`]: "0",
      [`ipv6/conf/${name}/proxy_ndp`]: "1",
      "ipv4/ip_forward": "1",
    };
    for (const [path, value] of Object.entries(settings)) assert.equal(await sysctl(node, path), value, path);
  });

  it("takes what comes for its IPv6 address from the moment it is wired, however busy the kernel is", async () => {
    await using pods = new AsyncDisposableStack();
    const crowd = await Promise.all(Array.from({ length: 8 }, async () => pods.use(await createPod())));
    const kinds = await Promise.all(
      crowd.map(async ({ request, namespace, v6 }) => {
        await links.wire(request);
        const address = parseAddress(v6);
        using inside = new DirectRoutes(namespace.path);
        return address && inside.lookup(address)?.kind;
      }),
    );
    assert.deepEqual(kinds, Array(8).fill("local"));
  });

  it("speaks no IPv6 with the node when it has no IPv6 address", async () => {
    await using pod = await createWiredPod({ v6: false });
    assert.equal(await sysctl(node, `ipv6/conf/${pod.attachment.hostInterface}/disable_ipv6`), "1");
    assert.equal(await pod.namespace.ip("-6 route show default"), "");
    await ping(node, pod.v4);
  });

  it("gets IPv6 in a sandbox whose runtime has disabled it", async () => {
    await using pod = await createPod();
    await pod.namespace.sysctl({ "net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1 });
    await links.wire(pod.request);
    await ping(node, pod.v6);
  });

  it("has the MTU that its network asks for", async () => {
    await using pod = await createPod({ mtu: 9000 });
    assert.equal((await links.wire(pod.request)).mtu, 9000);
    assert.match(await pod.namespace.ip("link show eth0"), /mtu 9000/);
  });
});

describe("two wired pods", () => {
  // The node here has no default route: proxy ARP would not answer for the gateway.
  for (const family of ["v4", "v6"] as const) {
    it(`reach each other over IP${family} with the first packet, at once`, async () => {
      await using web = await createWiredPod();
      await using client = await createWiredPod();
      const printed = await ping(client.namespace, web[family]);
      const roundTripMs = Number(/time=([\d.]+) ms/.exec(printed)?.[1]);
      assert.ok(roundTripMs < 100, printed);
    });
  }

  it("cannot use each other's addresses as a source", async () => {
    await using web = await createWiredPod();
    await using client = await createWiredPod();
    await client.namespace.ip("address add 10.99.0.1/32 dev lo");
    await node.ip(`route add 10.99.0.1/32 dev ${web.attachment.hostInterface}`);
    const outcome = await client.namespace.run("ping", ["-n", "-c", "1", "-W", "0.3", "-I", "10.99.0.1", web.v4]);
    assert.equal(outcome.exitCode, 1, outcome.stdout);
    const dropped = await web.namespace.exec("cat", ["/proc/net/snmp"]);
    assert.match(dropped, /\nIcmp: 0 /, "the packet must not have arrived");
  });
});

describe("wiring again", () => {
  it("answers that all is there, and repairs what is not", async () => {
    await using pod = await createWiredPod();
    await pod.namespace.ip("route del default");
    await node.ip(`route del ${pod.v4}`);
    assert.equal((await links.wire(pod.request)).isNew, false);
    await ping(node, pod.v4);
  });

  it("replaces the interface of a dead container of the same pod, and its late removal leaves the new one", async () => {
    await using dead = await createWiredPod({ name: "restarted" });
    await using alive = await createWiredPod({ name: "restarted" });
    assert.deepEqual(await interfacesOf(dead.namespace), ["lo"]);
    await links.unwire(dead.attachment);
    await ping(node, alive.v4);
  });

  it("replaces what an agent died over while it made it", async () => {
    await using pod = await createPod();
    const name = pod.attachment.hostInterface;
    await node.ip(`link add ${name} address ee:ee:ee:ee:ee:ee type veth peer name unfinished`);
    assert.equal((await links.wire(pod.request)).isNew, true);
    assert.deepEqual(await interfacesOf(node), [name, "lo"].sort());
    await ping(node, pod.v4);
  });

  it("starts anew when the container came back with another namespace", async () => {
    const containerId = "came-back";
    await using first = await createWiredPod({ name: "again", containerId });
    await using second = await createPod({ name: "again", containerId });
    assert.equal((await links.wire(second.request)).isNew, true);
    assert.deepEqual(await interfacesOf(first.namespace), ["lo"]);
    await ping(node, second.v4);
  });
});

describe("wiring is refused, and leaves nothing behind,", () => {
  const code = (expected: string) => (error: unknown) =>
    error instanceof CniError && error.failure.code === expected ? true : assert.fail(String(error));

  it("when the container has an interface of that name", async () => {
    await using pod = await createPod();
    await pod.namespace.ip("link add eth0 type bridge");
    await assert.rejects(links.wire(pod.request), code("CONFLICT"));
    assert.deepEqual(await interfacesOf(node), ["lo"]);
  });

  it("when the node has an interface of that name which is not ours", async () => {
    await using pod = await createPod();
    const name = pod.attachment.hostInterface;
    await node.ip(`link add ${name} type bridge`);
    try {
      await assert.rejects(links.wire(pod.request), code("CONFLICT"));
      await links.unwire(pod.attachment);
      assert.deepEqual(await interfacesOf(node), [name, "lo"].sort());
    } finally {
      await node.ip(`link del ${name}`);
    }
  });

  it("when a living container outside Kubernetes has the name", async () => {
    await using first = await createWiredPod({ isPlain: true, containerId: "0123456789a-first" });
    await using second = await createPod({ isPlain: true, containerId: "0123456789a-second" });
    await assert.rejects(links.wire(second.request), code("CONFLICT"));
    await ping(node, first.v4);
  });

  it("when the namespace does not exist, is no namespace, or is the node's own", async () => {
    await using pod = await createPod();
    const at = (netns: string): WireRequest => ({ ...pod.request, attachment: { ...pod.attachment, netns } });
    await assert.rejects(links.wire(at("/run/netns/there-is-none")), code("INVALID_NETNS"));
    await assert.rejects(links.wire(at("/etc/hostname")), code("INVALID_NETNS"));
    const pipe = join(tmpdir(), `brindle-pipe-${process.pid}`);
    await using undo = new AsyncDisposableStack();
    undo.defer(() => rm(pipe));
    await node.exec("mkfifo", [pipe]);
    await assert.rejects(links.wire(at(pipe)), code("INVALID_NETNS"));
    await assert.rejects(links.wire(at(node.path)), code("INVALID_NETNS"));
    assert.deepEqual(await interfacesOf(node), ["lo"]);
  });

  it("when a step in the middle fails", async () => {
    await using pod = await createPod();
    const [address] = await pod.request.addresses;
    assert.ok(address);
    // The kernel refuses a multicast address on an interface.
    const multicast = parseAddress("ff02::1");
    assert.ok(multicast);
    await assert.rejects(links.wire({ ...pod.request, addresses: [address, multicast] }));
    assert.deepEqual(await interfacesOf(node), ["lo"]);
    assert.deepEqual(await interfacesOf(pod.namespace), ["lo"]);
    assert.deepEqual(await lines(node.ip("route show table all proto 214")), []);
  });
});

describe("unwiring", () => {
  it("leaves nothing in either namespace, and may be repeated", async () => {
    await using pod = await createWiredPod();
    await links.unwire(pod.attachment);
    await links.unwire(pod.attachment);
    assert.deepEqual(await interfacesOf(node), ["lo"]);
    assert.deepEqual(await interfacesOf(pod.namespace), ["lo"]);
    assert.deepEqual(await lines(node.ip("route show table all proto 214")), []);
    assert.deepEqual(await lines(node.ip("-6 route show table all proto 214")), []);
  });

  it("succeeds when the container's namespace went first", async () => {
    const pod = await createWiredPod();
    await pod.namespace[Symbol.asyncDispose]();
    // The kernel tears a namespace down when it gets to it.
    await waitFor(async () => (await interfacesOf(node)).length === 1, { what: "the node's end is gone" });
    await links.unwire(pod.attachment);
  });

  it("takes away what an earlier agent has wired", async () => {
    await using pod = await createWiredPod();
    using later = await Links.open({ mtu: 1_500, namespace: node.path });
    await later.unwire(pod.attachment);
    assert.deepEqual(await interfacesOf(node), ["lo"]);
  });

  it("fails where the agent ends before it has begun, and is left to the next agent", async () => {
    await using pod = await createWiredPod();
    const later = await Links.open({ mtu: 1_500, namespace: node.path });
    const under = later.unwire(pod.attachment);
    await Promise.resolve(); // It has its turn, and is gathered with others.
    later[Symbol.dispose]();
    const isClosed = (error: unknown) => isKernelError(error, "CLOSED");
    await assert.rejects(under, isClosed);
    await assert.rejects(later.unwire(pod.attachment), isClosed);
    await assert.rejects(later.wire(pod.request), isClosed);
    assert.deepEqual(await interfacesOf(node), [pod.attachment.hostInterface, "lo"].sort());
  });

  it("leaves what somebody else has put in the place of what was wired", async () => {
    await using pod = await createWiredPod();
    const name = pod.attachment.hostInterface;
    await node.ip(`link del ${name}`);
    await node.ip(`link add ${name} type bridge`);
    try {
      await links.unwire(pod.attachment);
      await links.unwire(pod.attachment);
      assert.deepEqual(await interfacesOf(node), [name, "lo"].sort());
    } finally {
      await node.ip(`link del ${name}`);
    }
  });

  it("leaves what has moved in with the index of what was wired", async () => {
    await using pod = await createWiredPod();
    await using moved = new AsyncDisposableStack();
    moved.defer(async () => void (await node.run("ip", ["link", "del", "moved"])));
    await using elsewhere = await createNamespace("elsewhere");
    const { hostInterface } = pod.attachment;
    const shown = JSON.parse(await node.ip(`-j link show ${hostInterface}`)) as { ifindex: number }[];
    const index = shown[0]?.ifindex ?? 0;
    // The namespace of the container went with its runtime, and nobody has said DEL.
    await node.ip(`link del ${hostInterface}`);
    await elsewhere.ip(`link add moved index ${index} type ifb`);
    await elsewhere.ip(`link set moved netns ${node.name}`);
    await node.ip("link set moved up");
    assert.match(await node.ip("-o link show moved"), new RegExp(`^${index}: `));
    await links.unwire(pod.attachment);
    assert.match(await node.ip("link show moved"), /[<,]UP[,>]/);
  });

  it("gathers what comes together, so that sixteen do not take sixteen times as long", async () => {
    await using undo = new AsyncDisposableStack();
    const pods = await Promise.all(Array.from({ length: 16 }, async () => undo.use(await createWiredPod())));
    const took = async (unwire: () => Promise<unknown>): Promise<number> => {
      for (const pod of pods) await links.wire(pod.request);
      const startMs = performance.now();
      await unwire();
      const tookMs = performance.now() - startMs;
      assert.deepEqual(await interfacesOf(node), ["lo"]);
      return tookMs;
    };
    const together = () => Promise.all(pods.map((pod) => links.unwire(pod.attachment)));
    const apartMs = await took(async () => {
      for (const pod of pods) await links.unwire(pod.attachment);
    });
    // One of several: whoever else works on the machine may be in the way of any.
    const togetherMs: number[] = [];
    do togetherMs.push(await took(together));
    while (togetherMs.length < 5 && Math.min(...togetherMs) > apartMs / 2);
    assert.ok(Math.min(...togetherMs) <= apartMs / 2, `${togetherMs} ms together, ${apartMs} ms one after the other`);
  });
});

describe("unwiring, as it answers,", () => {
  it("has taken each away that came while others went", async () => {
    await using undo = new AsyncDisposableStack();
    const pods = await Promise.all(Array.from({ length: 12 }, async () => undo.use(await createWiredPod())));
    const unwireAfter = async ({ attachment }: Pod, turns: number): Promise<boolean> => {
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await links.unwire(attachment);
      return (await interfacesOf(node)).includes(attachment.hostInterface);
    };
    const stillThere = await Promise.all(pods.map((pod, index) => unwireAfter(pod, 20 * index)));
    assert.ok(!stillThere.includes(true), String(stillThere));
  });

  it("has told before that the interface is down, and has no routes", async () => {
    await using pod = await createWiredPod();
    const down = Promise.withResolvers<string>();
    const gone = links.unwire(pod.attachment, () => down.resolve(""));
    await down.promise;
    assert.deepEqual(await lines(node.ip("route show table all proto 214")), []);
    await gone;
  });
});

it("an interface that a killed agent was removing is not used again", async () => {
  await using pod = await createWiredPod();
  await node.ip(`link set ${pod.attachment.hostInterface} down group ${0x6272_00d6}`);
  assert.equal((await links.wire(pod.request)).isNew, true);
  await ping(node, pod.v4);
});

it("an agent that cannot make the node a router holds nothing of it", async () => {
  await using machine = await createNamespace("unwritable");
  await machine.exec("sysctl", ["-w", "net.ipv4.ip_forward=0"]);
  const before = { namespaces: openNamespacesOf("self"), sockets: openSockets() };
  const options = { mtu: 1_500, namespace: machine.path, sysctlRecord: "/proc/self/status/sysctls.json" };
  await assert.rejects(Links.open(options));
  assert.deepEqual(openNamespacesOf("self"), before.namespaces);
  await socketsClosed(before.sockets);
});

it("no thread of this process stays in a pod's namespace", async () => {
  const own = await readlink("/proc/self/ns/net");
  for (const task of await readdir("/proc/self/task")) {
    const namespace = await readlink(`/proc/self/task/${task}/ns/net`).catch(() => own); // A thread that ended.
    assert.equal(namespace, own);
  }
});
