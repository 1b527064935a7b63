import { readdirSync, readlinkSync } from "node:fs";
import {
  type Address,
  formatPrefix,
  isKernelError,
  type KernelChange,
  type KernelError,
  type NewLink,
  type NextHop,
  type Prefix,
  parseAddress,
  parseCidr,
  scope,
} from "@brindle/net";
import {
  DirectRoutes,
  insideNamespace,
  type KernelEvent,
  openNamespace,
  openRouteSocket,
  type RouteSocket,
  readSysctl,
  SysctlDirectory,
  warmThreadPool,
  watchLinkRemovals,
  writeSysctl,
} from "@brindle/net/shell";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const ourProtocol = 214;

function prefix(text: string): Prefix {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`${text} is no CIDR`);
  return parsed;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

async function failureOf(promise: Promise<unknown>): Promise<KernelError["failure"]> {
  try {
    await promise;
  } catch (error) {
    if (isKernelError(error)) return error.failure;
    throw error;
  }
  throw new Error("it should have failed");
}

let node: Namespace;
let pod: Namespace;
let socket: RouteSocket;
let podSocket: RouteSocket;

beforeAll(async () => {
  [node, pod] = await Promise.all([createNamespace("node"), createNamespace("pod")]);
  [socket, podSocket] = await Promise.all([
    openRouteSocket({ namespace: node.path }),
    openRouteSocket({ namespace: pod.path }),
  ]);
});

afterAll(async () => {
  socket?.close();
  podSocket?.close();
  await Promise.all([node?.[Symbol.asyncDispose](), pod?.[Symbol.asyncDispose]()]);
});

/** A veth whose other end is in the pod's namespace, both up; made anew for each test. */
async function connectPod(): Promise<{ hostIndex: number; podIndex: number }> {
  if (await socket.link("cali0")) await socket.deleteLink({ name: "cali0" });
  using namespace = openNamespace(pod.path);
  await socket.createLink({
    ...{ kind: "veth", name: "cali0", up: true, mac: "ee:ee:ee:ee:ee:ee", mtu: 1440, group: 77 },
    peer: { name: "eth0", mtu: 1440, namespaceFd: namespace.fd },
  });
  const hostIndex = (await socket.link("cali0"))?.index ?? 0;
  const podIndex = (await podSocket.link("eth0"))?.index ?? 0;
  await podSocket.setLink({ index: podIndex }, { up: true });
  return { hostIndex, podIndex };
}

describe("links", () => {
  it("makes a veth whose other end is born in another namespace", async () => {
    const { hostIndex, podIndex } = await connectPod();
    const host = await socket.link(hostIndex);
    expect(host).toMatchObject({
      ...{ name: "cali0", kind: "veth", up: true, mac: "ee:ee:ee:ee:ee:ee", mtu: 1440, group: 77 },
      peerIndex: podIndex,
    });
    expect(host?.peerNamespaceId).not.toBeNull();
    expect(await node.ip("-d link show cali0")).toMatch(/mtu 1440 .*\n.*ee:ee:ee:ee:ee:ee/);
    expect(await pod.ip("link show eth0")).toMatch(/mtu 1440/);
  });

  it("has as many queues as are asked for, on both ends", async () => {
    using namespace = openNamespace(pod.path);
    const peer = { name: "eth1", queues: 3, namespaceFd: namespace.fd };
    await socket.createLink({ kind: "veth", name: "cali1", queues: 3, peer });
    for (const [end, name] of [[node, "cali1"] as const, [pod, "eth1"] as const])
      expect(await end.ip(`-d link show ${name}`)).toMatch(/numtxqueues 3 numrxqueues 3/);
    await socket.deleteLink({ name: "cali1" });
  });

  it("sets by messages what has files below /proc/sys/net, too", async () => {
    const { hostIndex } = await connectPod();
    const ipv4 = { forwarding: 1, proxyArp: 1, reversePathFilter: 2, routeLocalnet: 1 };
    const tables = ([4, 6] as const).map((family): KernelChange => {
      return { op: "setNeighbourTable", table: { family, interfaceIndex: hostIndex, proxyDelayMs: 50 } };
    });
    await socket.apply([{ op: "setLink", link: { index: hostIndex }, settings: { ipv4 } }, ...tables]);
    const settings = ["forwarding", "proxy_arp", "rp_filter", "route_localnet"].map(
      (name) => `net/ipv4/conf/cali0/${name}` as const,
    );
    const delays = ([4, 6] as const).map((family) => `net/ipv${family}/neigh/cali0/proxy_delay` as const);
    using namespace = openNamespace(node.path);
    const read = insideNamespace(namespace.fd, () => [...settings, ...delays].map(readSysctl));
    // Files tell the delay in hundredths of a second (USER_HZ).
    expect(read).toEqual(["1", "1", "2", "1", "5", "5"]);
  });

  it("answers to a new one with it, to many names with each, and to each change by itself", async () => {
    using namespace = openNamespace(node.path);
    using inside = openNamespace(pod.path);
    using direct = new DirectRoutes(namespace.fd);
    const pair = (name: string): NewLink => ({ kind: "veth", name, peer: { name: "eth7", namespaceFd: inside.fd } });
    const [made, taken] = [direct.create(pair("cali7")), direct.create(pair("cali8"))];
    if (isKernelError(made)) throw made;
    expect(made.peerIndex).toBe((await podSocket.link("eth7"))?.index);
    expect(isKernelError(taken, "EXISTS")).toBe(true);
    expect(direct.links(["cali7", "cali8", made.index])).toEqual([made, null, made]);
    expect([direct.isRunning(made.index), direct.isRunning(made.index + 1_000)]).toEqual([false, null]);
    const alias = (name: string): KernelChange => ({ op: "setLink", link: { name }, settings: { alias: "seven" } });
    const outcomes = direct.tryEach([alias("cali8"), alias("cali7"), alias("cali9")]);
    expect(outcomes.map((error) => error?.failure.code ?? null)).toEqual(["NOT_FOUND", null, "NOT_FOUND"]);
    expect(direct.link("cali7")?.alias).toBe("seven");
    direct.apply([{ op: "deleteLink", link: { name: "cali7" } }]);
  });

  it("asks nothing of whatever has its descriptor's number when it is closed", async () => {
    using namespace = openNamespace(node.path);
    using inside = openNamespace(pod.path);
    const codeOf = (ask: () => unknown) => {
      try {
        ask();
        return null;
      } catch (error) {
        return isKernelError(error) ? error.failure.code : error;
      }
    };
    const direct = new DirectRoutes(namespace.fd);
    direct.close();
    using _next = new DirectRoutes(inside.fd);
    expect(codeOf(() => direct.link("lo"))).toBe("CLOSED");
    expect(codeOf(() => direct.tryEach([{ op: "setLink", link: { name: "lo" }, settings: { alias: "x" } }]))).toBe(
      "CLOSED",
    );
  });

  it("renames, moves to another namespace, and takes into a bridge and out of it", async () => {
    await connectPod();
    await socket.createLink({ kind: "bridge", name: "br0", up: true });
    const bridge = await socket.link("br0");
    await socket.setLink({ name: "cali0" }, { masterIndex: bridge?.index ?? 0 });
    expect((await socket.link("cali0"))?.masterIndex).toBe(bridge?.index);
    await socket.setLink({ name: "cali0" }, { masterIndex: null, up: false });
    const loose = await socket.link("cali0");
    expect(loose).toMatchObject({ masterIndex: null, up: false });
    await socket.setLink({ index: loose?.index ?? 0 }, { name: "cali1" });
    expect([await socket.link("cali0"), (await socket.link("cali1"))?.index]).toEqual([null, loose?.index]);
    using namespace = openNamespace(pod.path);
    await socket.setLink({ name: "cali1" }, { namespaceFd: namespace.fd });
    expect([await socket.link("cali1"), (await podSocket.link("cali1"))?.name]).toEqual([null, "cali1"]);
    await podSocket.deleteLink({ name: "cali1" });
    await socket.deleteLink({ name: "br0" });
  });

  it("makes a VXLAN interface with its forwarding entries", async () => {
    const { hostIndex } = await connectPod();
    const vxlan = { id: 4096, port: 4789, local: address("10.0.0.1"), linkIndex: hostIndex, learning: false };
    await socket.createLink({ kind: "vxlan", name: "vxlan0", vxlan });
    await socket.setLink({ name: "vxlan0" }, { addressGeneration: "none" });
    await socket.setLink({ name: "vxlan0" }, { up: true });
    const link = await socket.link("vxlan0");
    expect(link?.vxlan).toMatchObject(vxlan);
    expect(await socket.addresses({ family: 6, interfaceIndex: link?.index ?? 0 })).toEqual([]);
    const entry = { interfaceIndex: link?.index ?? 0, mac: "66:00:00:00:00:01", remote: address("10.0.0.77") };
    await socket.change({ op: "replaceForwardingEntry", entry });
    expect(await socket.forwardingEntries()).toContainEqual(entry);
    expect(await node.exec("bridge", ["fdb", "show", "dev", "vxlan0"])).toMatch(/66:00:00:00:00:01 dst 10.0.0.77/);
    await socket.change({ op: "deleteForwardingEntry", entry });
    expect(await socket.forwardingEntries()).not.toContainEqual(entry);
    await socket.deleteLink({ name: "vxlan0" });
  });

  it("deletes all links of a group at once", async () => {
    await connectPod();
    await socket.deleteLinkGroup(77);
    expect((await socket.links()).map((link) => link.name)).not.toContain("cali0");
  });

  it("says what the kernel says", async () => {
    await connectPod();
    const twice = await failureOf(socket.createLink({ kind: "bridge", name: "cali0" }));
    expect(twice).toMatchObject({ code: "EXISTS", name: "EEXIST", object: "createLink bridge cali0" });
    expect(await failureOf(socket.deleteLink({ name: "nothere" }))).toMatchObject({ code: "NOT_FOUND" });
    const tooLarge = await failureOf(socket.setLink({ name: "cali0" }, { mtu: 70_000 }));
    // The kernel's words, which no errno has.
    expect(tooLarge).toMatchObject({ code: "INVALID", text: expect.stringMatching(/mtu greater than device maximum/) });
  });
});

describe("addresses", () => {
  it("are made, told and deleted in both families", async () => {
    const { podIndex } = await connectPod();
    await podSocket.addAddress({ interfaceIndex: podIndex, address: prefix("10.65.0.1/32"), scope: scope.global });
    const inet6 = { interfaceIndex: podIndex, address: prefix("fd00:65::1/128"), noDad: true, noPrefixRoute: true };
    await podSocket.addAddress(inet6);
    const told = await podSocket.addresses({ interfaceIndex: podIndex });
    expect(told.map((one) => formatPrefix(one.address))).toEqual(expect.arrayContaining(["10.65.0.1/32"]));
    expect(told).toContainEqual(expect.objectContaining({ ...inet6, tentative: false, permanent: true }));
    expect(await pod.ip("-6 address show dev eth0")).toContain("fd00:65::1/128 scope global nodad");
    expect(await failureOf(podSocket.addAddress(inet6))).toMatchObject({ code: "EXISTS" });
    await podSocket.deleteAddress(inet6);
    expect(await failureOf(podSocket.deleteAddress(inet6))).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("routes", () => {
  let hostIndex = 0;
  beforeEach(async () => {
    ({ hostIndex } = await connectPod());
    for (const own of ["192.0.2.1/24", "2001:db8::1/64"]) {
      await socket.addAddress({ interfaceIndex: hostIndex, address: prefix(own), noDad: true });
    }
  });

  const rows: { name: string; destination: string; hops: (index: number) => NextHop[]; shown: RegExp }[] = [
    {
      name: "to a neighbour",
      destination: "10.65.0.1/32",
      hops: (interfaceIndex) => [{ interfaceIndex }],
      shown: /^10.65.0.1 dev cali0 proto 214 scope link/m,
    },
    {
      name: "by an IPv4 gateway",
      destination: "10.65.0.64/26",
      hops: () => [{ gateway: address("192.0.2.9") }],
      shown: /^10.65.0.64\/26 via 192.0.2.9 dev cali0 proto 214/m,
    },
    {
      name: "by a gateway that is outside of every network",
      destination: "10.65.1.0/26",
      hops: (interfaceIndex) => [{ gateway: address("169.254.1.1"), interfaceIndex, onLink: true }],
      shown: /^10.65.1.0\/26 via 169.254.1.1 dev cali0 proto 214 onlink/m,
    },
    {
      name: "of IPv4 by an IPv6 gateway",
      destination: "10.65.2.0/26",
      hops: (interfaceIndex) => [{ gateway: address("fe80::1"), interfaceIndex }],
      shown: /^10.65.2.0\/26 via inet6 fe80::1 dev cali0 proto 214/m,
    },
    {
      name: "by two gateways of different weight",
      destination: "10.65.3.0/26",
      hops: (interfaceIndex) => [
        { gateway: address("192.0.2.9"), interfaceIndex, weight: 3 },
        { gateway: address("192.0.2.10"), interfaceIndex },
      ],
      shown: /^10.65.3.0\/26 proto 214 *\n\s+nexthop via 192.0.2.9 .*weight 3 *\n\s+nexthop via 192.0.2.10 .*weight 1/m,
    },
    {
      name: "by gateways of both families",
      destination: "10.65.4.0/26",
      hops: (interfaceIndex) => [
        { gateway: address("192.0.2.9"), interfaceIndex },
        { gateway: address("fe80::1"), interfaceIndex },
      ],
      shown: /^10.65.4.0\/26 proto 214 *\n\s+nexthop via 192.0.2.9 .*\n\s+nexthop via inet6 fe80::1/m,
    },
    {
      name: "of IPv6 to a neighbour",
      destination: "fd00:65::1/128",
      hops: (interfaceIndex) => [{ interfaceIndex }],
      shown: /^fd00:65::1 dev cali0 proto 214/m,
    },
    {
      name: "of IPv6 by two gateways",
      destination: "fd00:65::/122",
      hops: (interfaceIndex) => [
        { gateway: address("2001:db8::9"), interfaceIndex },
        { gateway: address("fe80::1"), interfaceIndex },
      ],
      shown:
        /^fd00:65::\/122 proto 214 .*\n\s+nexthop via (2001:db8::9|fe80::1) .*\n\s+nexthop via (2001:db8::9|fe80::1)/m,
    },
    {
      name: "of everything",
      destination: "0.0.0.0/0",
      hops: () => [{ gateway: address("192.0.2.9") }],
      shown: /^default/m,
    },
  ];
  for (const { name, destination, hops, shown } of rows) {
    it(`are made ${name}, replaced by themselves without a change, and deleted`, async () => {
      const route = { destination: prefix(destination), protocol: ourProtocol, nextHops: hops(hostIndex) };
      const { family } = route.destination.address;
      await socket.replaceRoute(route);
      const told = await socket.routes({ family, protocol: ourProtocol });
      expect(told).toHaveLength(1);
      expect(told[0]?.nextHops).toHaveLength(route.nextHops.length);
      expect(await node.ip(`-${family} route show`)).toMatch(shown);
      // What the kernel tells can be given back to it as it is.
      await socket.replaceRoute(told[0] ?? route);
      expect(await socket.routes({ family, protocol: ourProtocol })).toEqual(told);
      expect(await failureOf(socket.addRoute(route))).toMatchObject({ code: "EXISTS" });
      await socket.deleteRoute(told[0] ?? route);
      expect(await socket.routes({ family, protocol: ourProtocol })).toEqual([]);
      expect(await failureOf(socket.deleteRoute(route))).toMatchObject({ code: "NOT_FOUND" });
    });
  }

  it("that lead nowhere are told apart", async () => {
    for (const kind of ["blackhole", "unreachable", "prohibit"] as const) {
      for (const destination of ["10.65.0.0/26", "fd00:65::/122"]) {
        const route = { destination: prefix(destination), kind, protocol: ourProtocol };
        await socket.replaceRoute(route);
        const [told] = await socket.routes({ family: route.destination.address.family, protocol: ourProtocol });
        expect(told).toMatchObject({ destination: route.destination, kind, nextHops: [] });
        await socket.deleteRoute(route);
      }
    }
  });

  it("are told by table and protocol", async () => {
    const via = [{ gateway: address("192.0.2.9") }];
    const destination = prefix("10.66.0.0/16");
    await socket.addRoute({ destination, table: 1000, protocol: ourProtocol, nextHops: via });
    await socket.addRoute({ destination, metric: 5, protocol: 99, nextHops: via });
    expect(await socket.routes({ table: 1000 })).toMatchObject([{ table: 1000, protocol: ourProtocol }]);
    expect(await socket.routes({ family: 4, protocol: 99 })).toMatchObject([{ metric: 5, table: 254 }]);
  });

  it("are looked up as the kernel does it", async () => {
    await socket.addRoute({ destination: prefix("10.67.0.0/16"), nextHops: [{ gateway: address("192.0.2.9") }] });
    expect(await socket.routeTo(address("10.67.1.2"))).toMatchObject({
      ...{ kind: "unicast", interfaceIndex: hostIndex, gateway: address("192.0.2.9"), source: address("192.0.2.1") },
    });
    expect(await socket.routeTo(address("2001:db8::77"))).toMatchObject({ interfaceIndex: hostIndex, gateway: null });
    expect(await socket.routeTo(address("192.0.2.1"))).toMatchObject({ kind: "local" });
    expect(await failureOf(socket.routeTo(address("203.0.113.1")))).toMatchObject({ code: "UNREACHABLE" });
  });

  it("fail with the kernel's own words", async () => {
    const route = { destination: prefix("10.68.0.0/16"), nextHops: [{ gateway: address("203.0.113.1") }] };
    const failure = await failureOf(socket.addRoute(route));
    expect(failure).toMatchObject({ code: "UNREACHABLE", text: "Nexthop has invalid gateway" });
    expect(failure.code === "UNREACHABLE" && failure.object).toBe("addRoute 10.68.0.0/16 via 203.0.113.1");
  });

  it("are made by the ten thousand, each with its own outcome", async () => {
    const changes: KernelChange[] = Array.from({ length: 10_000 }, (_, i) => ({
      op: "replaceRoute",
      route: {
        destination: { address: { family: 4, value: (11n << 24n) + BigInt(i) * 256n }, length: 24 },
        protocol: ourProtocol,
        // Every thousandth gateway is none.
        nextHops: [{ gateway: address(i % 1000 === 999 ? "203.0.113.1" : "192.0.2.9") }],
      },
    }));
    const outcomes = await socket.apply(changes);
    const failed = outcomes.flatMap((outcome, i) => (outcome.kind === "failed" ? [i] : []));
    expect(failed).toEqual([999, 1999, 2999, 3999, 4999, 5999, 6999, 7999, 8999, 9999]);
    expect(await socket.routes({ protocol: ourProtocol })).toHaveLength(9_990);
    const shown = await node.ip(`route show proto ${ourProtocol}`);
    expect(shown.trim().split("\n")).toHaveLength(9_990);
  });
});

describe("neighbours", () => {
  it("are permanent or proxies, in both families", async () => {
    const { hostIndex } = await connectPod();
    for (const text of ["10.65.0.1", "fd00:65::1"]) {
      const neighbour = { interfaceIndex: hostIndex, address: address(text), mac: "66:00:00:00:00:02" };
      await socket.addNeighbour(neighbour);
      expect(await socket.neighbours()).toContainEqual({ ...neighbour, state: "permanent", proxy: false });
      await socket.deleteNeighbour(neighbour);
      const proxy = { interfaceIndex: hostIndex, address: address(text), proxy: true };
      await socket.addNeighbour(proxy);
      expect(await socket.neighbours({ proxy: true })).toContainEqual(expect.objectContaining(proxy));
      expect(await node.ip("neigh show proxy")).toContain(text);
      await socket.deleteNeighbour(proxy);
      expect(await socket.neighbours({ proxy: true })).toEqual([]);
    }
  });
});

describe("watching", () => {
  it("tells links, addresses and routes as they come and go", async () => {
    const { hostIndex } = await connectPod();
    const events: KernelEvent[] = [];
    using _watch = socket.watch(["link", "address", "route"], (event) => void events.push(event));
    await socket.addAddress({ interfaceIndex: hostIndex, address: prefix("192.0.2.1/32") });
    const route = { destination: prefix("10.65.9.0/26"), nextHops: [{ interfaceIndex: hostIndex }] };
    await socket.addRoute(route);
    await socket.deleteRoute(route);
    await socket.deleteLink({ name: "cali0" });
    await waitFor(() => events.some((event) => event.type === "link" && event.change === "deleted"), {
      what: "the deletion of the link is told",
    });
    const seen = events.flatMap((event) => {
      if (event.type === "route" && formatPrefix(event.route.destination) === "10.65.9.0/26") return [event.change];
      if (event.type === "address" && formatPrefix(event.address.address) === "192.0.2.1/32") return [event.type];
      return event.type === "link" && event.change === "deleted" ? [event.name] : [];
    });
    expect(seen.slice(0, 3)).toEqual(["address", "set", "deleted"]);
    expect(seen.at(-1)).toBe("cali0");
  });

  it("leaves out links of a name's beginning, and nothing else", async () => {
    const heard: string[] = [];
    const note = (event: KernelEvent): void => {
      if (event.type === "link") heard.push(`${event.name} ${event.change}`);
      else if (event.type === "route" && event.route.destination.address.family === 4)
        heard.push(`route ${formatPrefix(event.route.destination)}`);
    };
    using _watch = socket.watch(["link", "route"], note, { linksCalled: "cali" });
    const { hostIndex } = await connectPod();
    await socket.addRoute({ destination: prefix("10.65.9.0/26"), nextHops: [{ interfaceIndex: hostIndex }] });
    await socket.deleteLink({ name: "cali0" });
    for (const name of ["calx0", "cal"]) {
      await node.ip(`link add ${name} type bridge`);
      await node.ip(`link del ${name}`);
    }
    await waitFor(() => heard.includes("cal deleted"), { what: "the last deletion is told" });
    expect(new Set(heard)).toEqual(
      new Set(["route 10.65.9.0/26", ...["calx0", "cal"].flatMap((name) => [`${name} set`, `${name} deleted`])]),
    );
  });

  it("tells which links are gone, of all that happens to links", async () => {
    const gone: number[] = [];
    using _watch = watchLinkRemovals(node.path, (index) => void gone.push(index));
    const { hostIndex } = await connectPod();
    await node.ip("link add other type bridge");
    await node.ip("link add port0 type veth peer name port1");
    await node.ip("link set port0 master other");
    await node.ip("link set port0 nomaster"); // Told as a deletion, of the bridge's family.
    await socket.deleteLink({ name: "cali0" });
    await waitFor(() => gone.length > 0, { what: "the removal is told" });
    expect(gone).toContain(hostIndex);
    const links = await socket.links();
    expect(links.filter(({ index }) => gone.includes(index))).toEqual([]);
  });
});

describe("settings by a directory that stays open", () => {
  it("are those of the namespace in which it was opened, and of interfaces that came since", async () => {
    using namespace = openNamespace(node.path);
    using directory = insideNamespace(namespace.fd, () => new SysctlDirectory("net/ipv4/conf"));
    await connectPod();
    insideNamespace(namespace.fd, () => directory.write("net/ipv4/conf/cali0/rp_filter", 2));
    expect(insideNamespace(namespace.fd, () => readSysctl("net/ipv4/conf/cali0/rp_filter"))).toBe("2");
    const write = () => insideNamespace(namespace.fd, () => directory.write("net/ipv4/conf/cali1/rp_filter", 2));
    expect(write).toThrow(expect.objectContaining({ failure: expect.objectContaining({ code: "NOT_FOUND" }) }));
  });
});

describe("namespaces", () => {
  function namespacesOfThreads(): string[] {
    return readdirSync("/proc/self/task").map((thread) => readlinkSync(`/proc/self/task/${thread}/ns/net`));
  }

  it("are left by every thread, after sockets, settings and work of the thread pool", async () => {
    const own = readlinkSync("/proc/thread-self/ns/net");
    await warmThreadPool();
    for (let i = 0; i < 20; i++) {
      using inner = await openRouteSocket({ namespace: pod.path });
      expect((await inner.links()).map((link) => link.name)).toContain("lo");
    }
    expect(insideNamespace(pod.path, () => readlinkSync("/proc/thread-self/ns/net"))).not.toBe(own);
    const { readFile } = await import("node:fs/promises");
    await Promise.all(Array.from({ length: 16 }, () => readFile("/proc/self/stat")));
    expect(new Set(namespacesOfThreads())).toEqual(new Set([own]));
  });

  it("are left also when the work inside throws, or promises something", async () => {
    await warmThreadPool();
    const own = readlinkSync("/proc/thread-self/ns/net");
    const failing = (): void => {
      throw new Error("inside");
    };
    expect(() => insideNamespace(pod.path, failing)).toThrow("inside");
    expect(() => insideNamespace(pod.path, async () => {})).toThrow("synchronous");
    expect(() => insideNamespace("/run/netns/nothere", () => {})).toThrow(/NOT_FOUND|no such object/);
    expect(new Set(namespacesOfThreads())).toEqual(new Set([own]));
  });

  it("have settings of their own", async () => {
    await warmThreadPool();
    const path = "net/ipv4/conf/all/proxy_arp";
    insideNamespace(pod.path, () => writeSysctl(path, 1));
    expect(insideNamespace(pod.path, () => readSysctl(path))).toBe("1");
    expect(insideNamespace(node.path, () => readSysctl(path))).toBe("0");
    const missing = (): string => readSysctl("net/ipv4/conf/nothere/proxy_arp");
    expect(() => insideNamespace(pod.path, missing)).toThrow(/nothere/);
  });
});
