import assert from "node:assert/strict";
import type { DeniedFlowLine } from "@brindle/api";
import { decodeIpPacket, type LoggedPacket } from "@brindle/net";
import type { LogSocketOptions } from "@brindle/net/shell";
import { describe, it } from "vitest";
import { DeniedFlows } from "./deniedFlows.ts";

/** A datagram from 10.0.0.1 to 10.0.0.2, port 9, as the kernel hands it over. */
function logged(sourcePort: number): LoggedPacket {
  const payload = Buffer.alloc(28);
  payload.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
  payload.writeUInt16BE(sourcePort, 20);
  payload.writeUInt16BE(9, 22);
  return {
    group: 214,
    hook: null,
    sequence: null,
    payload,
    inInterface: null,
    outInterface: null,
    mark: 0,
    prefix: "",
  };
}

/** A log of the kernel that says what the test says. */
class Rig {
  nowMs = 0;
  readonly watched: boolean[] = [];
  readonly flows: DeniedFlows;
  #log: LogSocketOptions | null = null;

  private constructor() {
    this.flows = new DeniedFlows({
      open: async (options) => {
        this.#log = options;
        return { close() {}, [Symbol.dispose]() {} };
      },
      nowMs: () => this.nowMs,
      verdicts: () => null,
      podAt: () => undefined,
      interfaceName: () => null,
      staged: () => null,
      onWatched: (isWatched) => this.watched.push(isWatched),
      onHealth: () => {},
    });
  }

  static async listening(perSecond: number): Promise<Rig> {
    const rig = new Rig();
    rig.flows.setRate(perSecond);
    await new Promise((resolve) => setImmediate(resolve));
    return rig;
  }

  denied(count: number): void {
    for (let port = 1; port <= count; port++) this.#log?.onPacket(logged(port));
  }

  lost(count: number): void {
    this.#log?.onLost?.(count);
  }
}

/** What a reader is told until nothing more waits for it. */
async function told(lines: AsyncGenerator<DeniedFlowLine>, until: (sofar: Told) => boolean): Promise<Told> {
  const sofar: Told = { flows: 0, missed: 0 };
  while (!until(sofar)) {
    const { value, done } = await lines.next();
    if (done) break;
    if ("missed" in value) sofar.missed += value.missed;
    else sofar.flows += 1;
  }
  return sofar;
}

interface Told {
  flows: number;
  missed: number;
}

const wouldDeny = {
  verdict: "deny",
  direction: "Ingress",
  endpoint: "default/web",
  by: "StagedNetworkPolicy default/web, ingress rule 0",
  stages: ["StagedNetworkPolicy default/web"],
} as const;

const all =
  (count: number) =>
  ({ flows, missed }: Told): boolean =>
    flows + missed >= count;

describe("denied flows", () => {
  it("are told no oftener than their rate, and the others are counted", async () => {
    const rig = await Rig.listening(10);
    const reader = rig.flows.watch(new AbortController().signal);
    const first = told(reader, all(100));
    await Promise.resolve();
    rig.denied(100);
    assert.deepEqual(await first, { flows: 10, missed: 90 });
    rig.nowMs = 500;
    rig.denied(100);
    assert.deepEqual(await told(reader, all(100)), { flows: 5, missed: 95 });
    assert.deepEqual(rig.flows.counts(), { heard: 200, held: 185, lost: 0 });
    await rig.flows.end();
  });

  it("that come while somebody is slow wait for him up to a thousand, and hold up nobody else", async () => {
    const rig = await Rig.listening(1_000_000);
    const [slow, quick] = [1, 2].map(() => rig.flows.watch(new AbortController().signal));
    if (!slow || !quick) throw new Error("there are two readers");
    const [ofSlow, ofQuick] = [told(slow, all(1)), told(quick, all(1))];
    await Promise.resolve();
    rig.denied(1);
    assert.deepEqual([await ofSlow, await ofQuick], Array(2).fill({ flows: 1, missed: 0 }));
    for (let turn = 0; turn < 10; turn++) {
      rig.denied(500);
      assert.deepEqual(await told(quick, all(500)), { flows: 500, missed: 0 });
    }
    assert.deepEqual(await told(slow, all(5_000)), { flows: 1_000, missed: 4_000 });
    assert.equal(rig.flows.counts().held, 0);
    await rig.flows.end();
  });

  it("that the kernel had no room for are told as missed", async () => {
    const rig = await Rig.listening(10);
    const reader = rig.flows.watch(new AbortController().signal);
    const lines = told(reader, all(43));
    await Promise.resolve();
    rig.denied(1);
    rig.lost(42);
    assert.deepEqual(await lines, { flows: 1, missed: 42 });
    assert.deepEqual(rig.flows.counts(), { heard: 1, held: 0, lost: 42 });
    await rig.flows.end();
  });

  it("come with those that staged policies would deny, at one rate, and somebody looks for these while they are watched", async () => {
    const rig = await Rig.listening(2);
    const packet = decodeIpPacket(logged(7).payload);
    if (!packet) throw new Error("it is a datagram");
    rig.flows.wouldDeny(packet, wouldDeny);
    assert.deepEqual(rig.watched, []);
    const ending = new AbortController();
    const reader = rig.flows.watch(ending.signal);
    const first = reader.next();
    await Promise.resolve();
    assert.deepEqual(rig.watched, [true]);
    for (let times = 0; times < 3; times++) rig.flows.wouldDeny(packet, wouldDeny);
    const { direction, stages, ...said } = wouldDeny;
    const end = (address: string, port: number) => ({ address, port });
    const ends = { source: end("10.0.0.1", 7), destination: end("10.0.0.2", 9), protocol: "udp" };
    const staged = { verdict: said.verdict, by: said.by, direction: direction.toLowerCase(), policies: stages };
    assert.deepEqual((await first).value, { wouldDeny: { atMs: 0, ...ends, staged } });
    assert.deepEqual(await told(reader, all(2)), { flows: 1, missed: 1 });
    ending.abort();
    assert.equal((await reader.next()).done, true);
    assert.deepEqual(rig.watched, [true, false]);
    await rig.flows.end();
  });

  it("are counted alone while nobody watches", async () => {
    const rig = await Rig.listening(10);
    rig.denied(1_000);
    assert.deepEqual(rig.flows.counts(), { heard: 1_000, held: 0, lost: 0 });
    await rig.flows.end();
  });
});
