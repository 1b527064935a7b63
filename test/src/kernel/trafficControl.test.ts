/** Token buckets and redirections as the kernel takes them, with `tc` as the judge. */
import { isOurRedirect, type KernelChange, type TokenBucket } from "@brindle/net";
import { openRouteSocket, type RouteSocket } from "@brindle/net/shell";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";

let node: Namespace;
let socket: RouteSocket;

beforeAll(async () => {
  node = await createNamespace("node");
  socket = await openRouteSocket({ namespace: node.path });
});
afterAll(async () => {
  socket?.close();
  await node?.[Symbol.asyncDispose]();
});

async function change(...changes: KernelChange[]): Promise<void> {
  for (const one of changes) await socket.change(one);
}

const tc = (...words: string[]) => node.exec("tc", words);

async function interfaceNamed(name: string): Promise<number> {
  const link = await socket.link(name);
  if (!link) throw new Error(`no interface ${name}`);
  return link.index;
}

const slow: TokenBucket = { bytesPerSecond: 1_250_000n, burstBytes: 20_000, limitBytes: 51_250, peak: null };

it("makes, changes and removes a token bucket, and reads it as it was said", async () => {
  await change({ op: "createLink", link: { kind: "bridge", name: "br0", up: true } });
  const interfaceIndex = await interfaceNamed("br0");
  const root = async () => (await socket.qdiscs()).find((one) => one.interfaceIndex === interfaceIndex && one.isRoot);
  for (const bucket of [
    slow,
    { ...slow, burstBytes: 5_000_000, limitBytes: 9_000_000 },
    { ...slow, peak: { bytesPerSecond: 2_500_000n, burstBytes: 1_514 } },
    // More than fits 32 bits.
    { ...slow, bytesPerSecond: 12_500_000_000n, burstBytes: 4_000_000 },
  ]) {
    await change({ op: "replaceQdisc", qdisc: { kind: "tbf", interfaceIndex, handle: 0x00d6_0000, bucket } });
    const [shown] = JSON.parse(await tc("-j", "qdisc", "show", "dev", "br0")) as { options: Record<string, number> }[];
    expect(shown).toMatchObject({ kind: "tbf", handle: "d6:", root: true });
    expect(shown?.options.rate).toBe(Number(bucket.bytesPerSecond));
    expect((await tc("qdisc", "show", "dev", "br0")).includes("peakrate 20Mbit")).toBe(bucket.peak !== null);
    const found = await root();
    expect(found?.handle).toBe(0x00d6_0000);
    expect(found?.bucket?.bytesPerSecond).toBe(bucket.bytesPerSecond);
    expect(found?.bucket?.limitBytes).toBe(bucket.limitBytes);
    expect(Math.abs((found?.bucket?.burstBytes ?? 0) - bucket.burstBytes) / bucket.burstBytes).toBeLessThan(0.01);
    expect(found?.bucket?.peak?.bytesPerSecond).toBe(bucket.peak?.bytesPerSecond);
  }
  await change({ op: "deleteQdisc", qdisc: { interfaceIndex, isRoot: true } });
  expect(await root()).toMatchObject({ kind: "noqueue", handle: 0, bucket: null });
});

/** An interface and where what comes in by it is to go. */
async function pairAndQueue(name: string): Promise<{ readonly interfaceIndex: number; readonly toIndex: number }> {
  await change(
    { op: "createLink", link: { kind: "veth", name, peer: { name: `${name}peer` } } },
    { op: "createLink", link: { kind: "ifb", name: `${name}queue` } },
  );
  const [interfaceIndex, toIndex] = await Promise.all([interfaceNamed(name), interfaceNamed(`${name}queue`)]);
  return { interfaceIndex, toIndex };
}

it("redirects what comes in, and tells when the other interface is gone", async () => {
  const redirect = await pairAndQueue("v0");
  const { interfaceIndex, toIndex } = redirect;
  const ingress: KernelChange = { op: "replaceQdisc", qdisc: { kind: "ingress", interfaceIndex } };
  await change(ingress, ingress, { op: "addRedirect", redirect });
  await expect(socket.change({ op: "addRedirect", redirect })).rejects.toThrow();
  const [found, ...others] = await socket.ingressFilters(interfaceIndex);
  expect(found).toMatchObject({ interfaceIndex, redirectsTo: toIndex, kind: "u32", priority: 1 });
  expect([found && isOurRedirect(found), others]).toEqual([true, []]);
  const filters = await tc("filter", "show", "dev", "v0", "ingress");
  expect(filters.match(/mirred \(Egress Redirect to device v0queue\)/g)).toHaveLength(1);
  expect(filters).toMatch(/protocol all pref 1 u32/);
  await change({ op: "deleteLink", link: { index: toIndex } });
  expect(await socket.ingressFilters(interfaceIndex)).toMatchObject([{ redirectsTo: 0, priority: 1 }]);
  await change({ op: "deleteQdisc", qdisc: { interfaceIndex, isRoot: false } });
  expect(await socket.ingressFilters(interfaceIndex)).toEqual([]);
});

it("redirects beside others' filters, and takes its own away alone", async () => {
  const redirect = await pairAndQueue("v1");
  const { interfaceIndex, toIndex } = redirect;
  const match = ["u32", "match", "u32", "0", "0", "flowid", "1:1"];
  await tc("qdisc", "add", "dev", "v1", "clsact");
  for (const preference of ["1", "7"])
    await tc("filter", "add", "dev", "v1", "ingress", "protocol", "all", "pref", preference, ...match);
  const before = await socket.ingressFilters(interfaceIndex);
  expect(before.map(({ priority, redirectsTo }) => [priority, redirectsTo])).toEqual([
    [1, null],
    [7, null],
  ]);
  await change({ op: "addRedirect", redirect });
  const own = (await socket.ingressFilters(interfaceIndex)).filter(isOurRedirect);
  expect(own.map(({ redirectsTo }) => redirectsTo)).toEqual([toIndex]);
  for (const filter of own) await change({ op: "deleteRedirect", filter });
  expect(await socket.ingressFilters(interfaceIndex)).toEqual(before);
});
