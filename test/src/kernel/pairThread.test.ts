/** The thread that wires pods: whose orders it does, in which order, and what it leaves. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Links, PairThread } from "@brindle/agent/shell";
import { type Attachment, attachmentOf } from "@brindle/cni";
import { type Address, isKernelError, parseAddress } from "@brindle/net";
import { openNamespace, warmThreadPool } from "@brindle/net/shell";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../fixtures/command.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { namespacesClosed, openNamespacesOf, openSockets, socketsClosed } from "../fixtures/openDescriptors.ts";
import { importsOf, parseSource, resolveImport, root } from "../tidy/source.ts";

const podsMax = 9;

let nodes: [Namespace, Namespace];
let pods: readonly Namespace[];

beforeAll(async () => {
  await warmThreadPool();
  const created = (name: string) => createNamespace(name);
  nodes = [await created("nodea"), await created("nodeb")];
  pods = await Promise.all(Array.from({ length: podsMax }, (_, i) => created(`paired${i}`)));
});

afterAll(async () => {
  for (const namespace of [...(pods ?? []), ...(nodes ?? [])]) await namespace[Symbol.asyncDispose]();
});

function attachmentIn({ path }: Namespace, name: string): Attachment & { readonly netns: string } {
  const args = { podNamespace: "default", podName: name };
  const environment = { containerId: name.padEnd(64, "0"), interfaceName: "eth0", netns: path, args };
  return { ...attachmentOf(environment, "k8s-pod-network"), netns: path };
}

function addressesOf(...texts: readonly string[]): Address[] {
  return texts.map(parseAddress).filter((address) => address !== null);
}

/** Also where undoing failed for the same reason. */
function isClosed(error: unknown): boolean {
  return isKernelError(error instanceof SuppressedError ? error.suppressed : error, "CLOSED");
}

async function indexOf(name: string, namespace: Namespace): Promise<number> {
  const [link] = JSON.parse(await namespace.ip(`-j link show dev ${name}`)) as { ifindex: number }[];
  if (!link) throw new Error(`no interface ${name}`);
  return link.ifindex;
}

async function namesIn(namespace: Namespace): Promise<string[]> {
  const list = JSON.parse(await namespace.ip("-j link show")) as { ifname: string }[];
  return list.map(({ ifname }) => ifname).filter((name) => name !== "lo");
}

it("serves several nodes, and one that leaves takes what is under way for it along, and nothing of the other", async () => {
  const before = { namespaces: openNamespacesOf("self"), sockets: openSockets() };
  await using firstPod = await createNamespace("leavingpod");
  await using secondPod = await createNamespace("stayingpod");
  const [first, second] = [attachmentIn(firstPod, "one"), attachmentIn(secondPod, "two")];
  {
    using thread = await PairThread.start();
    const leaving = await Links.open({ mtu: 1_450, namespace: nodes[0].path, thread });
    using staying = await Links.open({ mtu: 1_450, namespace: nodes[1].path, thread });
    const given = Promise.withResolvers<Address[]>();
    const under = leaving.wire({ attachment: first, addresses: given.promise, mtu: null });
    await expect.poll(() => namesIn(nodes[0])).toEqual([first.hostInterface]);
    leaving[Symbol.dispose]();
    given.resolve(addressesOf("10.66.0.1"));
    await expect(under).rejects.toSatisfy(isClosed);
    const wired = await staying.wire({ attachment: second, addresses: addressesOf("10.66.0.2"), mtu: null });
    expect(wired.isNew).toBe(true);
    expect([await namesIn(nodes[0]), await namesIn(nodes[1])]).toEqual([[first.hostInterface], [second.hostInterface]]);
    expect(await firstPod.ip("-4 address show eth0")).not.toContain("10.66.0.1");
    await staying.unwire(second);
    // The next agent goes on with what it finds.
    using next = await Links.open({ mtu: 1_450, namespace: nodes[0].path, thread });
    expect((await next.wire({ attachment: first, addresses: addressesOf("10.66.0.3"), mtu: null })).isNew).toBe(false);
    await next.unwire(first);
  }
  await namespacesClosed(before.namespaces);
  await socketsClosed(before.sockets);
});

it("finishes who has addresses before it makes what was ordered later, and earlier, too", async () => {
  using thread = await PairThread.start();
  using node = openNamespace(nodes[0].path);
  using pairs = await thread.enter(node.fd);
  const settings = { mtu: 1_450, queues: 1, families: [4 as const], sendsBeyond: false };
  const ordered = pods.map((pod, i) => pairs.pair({ attachment: attachmentIn(pod, `pod${i}`), ...settings }));
  const [first, ...others] = ordered as [(typeof ordered)[number], ...typeof ordered];
  const made = await first.make();
  if (made.kind !== "made") throw new Error("the name is taken");
  const order: string[] = [];
  const making = others.map((pair) => pair.make().then(() => order.push("made")));
  const ending = { host: made.host, addresses: addressesOf("10.66.0.1"), preparation: null };
  await Promise.all([...making, first.finish(ending).then(() => order.push("finished"))]);
  expect(order).toHaveLength(podsMax);
  expect(order.indexOf("finished")).toBeLessThan(podsMax - 1);
  expect(await namesIn(nodes[0])).toHaveLength(podsMax);
  await expect(first.finish(ending)).rejects.toSatisfy(isClosed);
  for (const pair of ordered) pair[Symbol.dispose]();
});

it("deletes no interface that has the index of one which went while its ADD was answered", async () => {
  await using pod = await createNamespace("briefpod");
  using thread = await PairThread.start();
  using links = await Links.open({ mtu: 1_450, namespace: nodes[1].path, thread });
  const attachment = attachmentIn(pod, "brief");
  const { hostInterface } = attachment;
  const ip = `ip -n ${nodes[1].name}`;
  const blocked = (script: string) => execFileSync("/bin/sh", ["-c", script], { timeout: 10_000 });
  const given = Promise.withResolvers<Address[]>();
  const wiring = links.wire({ attachment, addresses: given.promise, mtu: null, families: [4] });
  await expect.poll(() => namesIn(nodes[1])).toContain(hostInterface);
  const index = await indexOf(hostInterface, nodes[1]);
  await nodes[1].ip("link add foreign0 type bridge");
  // This thread hears of another end first, and with it of the pair's, before it hears that the pair is wired.
  blocked(`${ip} link delete foreign0`);
  given.resolve(addressesOf("10.66.0.4"));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve(); // It is ordered, and no message has been read.
  blocked(
    `until ${ip} route show | grep -q 10.66.0.4; do sleep 0.01; done; sleep 0.1; ${ip} link delete ${hostInterface}`,
  );
  await wiring;
  await nodes[1].ip(`link add foreign0 index ${index} type bridge`);
  await links.unwire(attachment);
  expect(await namesIn(nodes[1])).toContain("foreign0");
  await nodes[1].ip("link delete foreign0");
});

it("keeps a process that waits for an answer, and none that has nothing else to do", async () => {
  const script = `
    import { PairThread } from "@brindle/agent/shell";
    import { makeNamespace, warmThreadPool } from "@brindle/net/shell";
    await warmThreadPool();
    const thread = await PairThread.start();
    await thread.enter(makeNamespace().fd);
    console.log("entered");`;
  const args = ["--conditions=brindle-source", "--input-type=module", "--eval", script];
  expect(await run(process.execPath, args, { cwd: root, deadlineMs: 20_000 })).toMatchObject({
    exitCode: 0,
    stdout: "entered\n",
  });
});

it("is made of the kernel's part alone, since what it loads each agent holds twice", () => {
  const workspaces = new Set<string>();
  const seen = new Set<string>();
  const look = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const source = parseSource(path, readFileSync(join(root, path), "utf8"));
    for (const { specifier, typeOnly } of importsOf(source.tree)) {
      if (typeOnly || specifier.startsWith("node:")) continue;
      if (specifier.startsWith(".")) look(resolveImport(source, specifier));
      else workspaces.add(specifier);
    }
  };
  look("agent/src/shell/wiring/pairThread.ts");
  expect([...workspaces].sort()).toEqual(["@brindle/net", "@brindle/net/shell"]);
});

it("tells why a namespace is none, and asks nothing more once it is closed", async () => {
  const thread = await PairThread.start();
  using node = openNamespace(nodes[0].path);
  using pairs = await thread.enter(node.fd);
  const attachment = { ...attachmentIn(pods[0] as Namespace, "lost"), netns: "/proc/self/ns/uts" };
  const order = { attachment, mtu: 1_450, queues: 1, families: [], sendsBeyond: false };
  using pair = pairs.pair(order);
  await expect(pair.make()).rejects.toMatchObject({
    name: "CniError",
    failure: { code: "INVALID_NETNS", message: "/proc/self/ns/uts is no network namespace" },
  });
  await expect(thread.enter(-1)).rejects.toSatisfy((error) => isKernelError(error, "NOT_FOUND"));
  thread[Symbol.dispose]();
  await expect(pair.make()).rejects.toSatisfy(isClosed);
});
