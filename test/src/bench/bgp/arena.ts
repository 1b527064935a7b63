/** Two namespaces with a wire between them: the router that is measured, and whoever it talks to. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Instance } from "../../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../../fixtures/namespace.ts";
import { BenchProcess } from "./benchProcess.ts";
import type { PeerCalls } from "./peersProcess.ts";
import type { ScriptedPeerSpec } from "./scriptedPeer.ts";
import { type Neighbour, type StartSubject, type Subject, subjectAddress } from "./subject.ts";

export interface Arena {
  readonly subject: Subject;
  /** Those who send. */
  readonly feeders: BenchProcess<PeerCalls>;
  /** Those who only hear, in a process of their own. */
  readonly sinks: BenchProcess<PeerCalls>;
}

export interface ArenaSpec {
  readonly start: StartSubject;
  readonly neighbours: readonly Neighbour[];
  readonly instance: Instance;
}

/** Gives what `work` gives, and leaves nothing behind. */
export async function inArena<T>(
  { start, neighbours, instance }: ArenaSpec,
  work: (arena: Arena) => Promise<T>,
): Promise<T> {
  await using router = await createNamespace("router", { instance });
  await using outside = await createNamespace("peers", { instance });
  await linkNamespaces(
    { namespace: router, name: "eth0", addresses: [`${subjectAddress}/16`] },
    { namespace: outside, name: "eth0" },
  );
  await addAddresses(outside, neighbours, instance);
  await using subject = await start(router, neighbours, instance);
  await using feeders = await BenchProcess.start<PeerCalls>(outside, "peersProcess.ts");
  await using sinks = await BenchProcess.start<PeerCalls>(outside, "peersProcess.ts");
  return await work({ subject, feeders, sinks });
}

export function scripted(neighbour: Neighbour, parts: Partial<ScriptedPeerSpec> = {}): ScriptedPeerSpec {
  const { name, address, asn, holdSeconds, families } = neighbour;
  const spec = { name, localAddress: address, remoteAddress: subjectAddress, asn, holdSeconds };
  return { ...spec, ...(families && { families }), ...parts };
}

/** Neighbours with addresses of their own. */
export function makeNeighbours(prefix: string, count: number, parts: Partial<Neighbour> = {}): Neighbour[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `${prefix}${i}`,
    address: `10.99.${4 + (i >> 8) + offsets(prefix)}.${i & 255}`,
    asn: 65_001 + i,
    holdSeconds: 240,
    hears: true,
    ...parts,
  }));
}

/** So that two groups of one arena do not share addresses. */
function offsets(prefix: string): number {
  return (prefix.charCodeAt(0) % 16) * 8;
}

export async function openAll(process: BenchProcess<PeerCalls>, neighbours: readonly Neighbour[]): Promise<void> {
  const specs = neighbours.map((each) => scripted(each));
  const { up } = await process.call("open", specs, 8, 30_000);
  if (up !== neighbours.length) throw new RangeError(`${up} of ${neighbours.length} sessions came up`);
}

export async function addAddresses(at: Namespace, neighbours: readonly Neighbour[], instance: Instance): Promise<void> {
  const batch = join(await instance.createDirectory("bench"), "addresses");
  await writeFile(batch, neighbours.map(({ address }) => `address add ${address}/16 dev eth0\n`).join(""));
  await at.exec("ip", ["-batch", batch]);
}

/** Until nothing new arrives for a second. */
export async function untilSilent(
  process: BenchProcess<PeerCalls>,
  names: readonly string[],
  deadlineMs = 120_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  let before = -1;
  let since = performance.now();
  while (performance.now() - since < 1_000 || before === 0) {
    if (performance.now() > endMs) throw new RangeError(`still hearing after ${deadlineMs} ms`);
    const last = Math.max(...(await process.call("lastChunksAtMs", names)));
    if (last !== before) since = performance.now();
    before = last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
