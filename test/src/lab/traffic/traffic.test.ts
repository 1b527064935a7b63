import assert from "node:assert/strict";
import { afterAll, describe, it } from "vitest";
import { processInstance } from "../../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../../fixtures/namespace.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { Arrivals } from "./flow.ts";
import { socketDrops } from "./socketDrops.ts";
import { report, startTraffic } from "./traffic.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());
const addresses = ["10.9.1.2", "fd00:9:1::2"];

describe("arrivals", () => {
  it("tells a late packet from a doubled one, and measures the silence at the end", () => {
    const arrivals = new Arrivals();
    for (const [number, ms] of [
      [0, 0],
      [2, 10],
      [1, 15],
      [2, 16],
    ] as const)
      arrivals.on(number, ms);
    assert.deepEqual(arrivals.count("x", 9, 100), {
      name: "x",
      sent: 9,
      received: 3,
      outOfOrder: 1,
      duplicates: 1,
      longestGapMs: 85,
    });
  });
});

describe("traffic", () => {
  it("loses nothing on a healthy link at 1,000 packets a second, TCP and UDP, both families, both ways", async () => {
    await using pair = await linkedPair("ok");
    await using traffic = await startTraffic({ from: pair.a, to: pair.b, addresses });
    await second();
    const report = await traffic.finish();
    assert.equal(report.flows.length, 8);
    for (const flow of report.flows) assert(flow.sent >= 900, `${flow.name} ${flow.direction} sent ${flow.sent}`);
    assert.equal(report.lost, 0);
    assert.equal(report.outOfOrder, 0);
  });

  it("does not take for lost what came to a full socket", () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   11: 0201090A:1B59 00000000:0000 07 00000000:00033900 00:00000000 00000000     0        0 271 2 0000000000000000 446
   12: 0201090A:1B5A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 272 2 0000000000000000 7
`;
    assert.equal(socketDrops(table, 7001), 446);
    assert.equal(socketDrops(table, 7003), 0);
    const count = { name: "udp", sent: 1_000, outOfOrder: 0, duplicates: 0, longestGapMs: 0 };
    const near = { ...count, received: 1_000, overflowed: 0 };
    const { lost, flows } = report([near], [{ ...count, received: 550, overflowed: 446 }]);
    assert.deepEqual([lost, ...flows.map((flow) => flow.lost)], [4, 4, 0]);
  });

  it("notices UDP packets that a rule drops for 50 ms", async () => {
    await using pair = await linkedPair("drop");
    await using traffic = await startTraffic({ from: pair.a, to: pair.b, addresses });
    const rule = ["INPUT", "-p", "udp", "-j", "DROP"];
    await pair.b.exec("iptables", ["-A", ...rule]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    // A sender that had no turn meanwhile sends what was due when it has.
    const dropped = async (): Promise<number> => {
      const listed = await pair.b.exec("iptables", ["-nvxL", "INPUT"]);
      return Number(/^\s*(\d+) .*DROP/m.exec(listed)?.[1]);
    };
    await waitFor(async () => (await dropped()) >= 50, { what: "packets are dropped" });
    await pair.b.exec("iptables", ["-D", ...rule]);
    const { flows } = await traffic.finish();
    const cut = flows.find(({ name, direction }) => name === "udp to 10.9.1.2" && direction === "there");
    assert(cut && cut.lost >= 30, `lost ${cut?.lost}`);
    assert(cut.longestGapMs >= 40, `longest gap ${cut.longestGapMs} ms`);
    for (const flow of flows.filter((other) => other !== cut)) assert.equal(flow.lost, 0, flow.name);
  });
});

/** The generator's own measure of time: how long it runs is the subject here, not something to wait for. */
function second(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000));
}

async function linkedPair(label: string): Promise<AsyncDisposable & { a: Namespace; b: Namespace }> {
  const a = await createNamespace(`${label}-a`);
  const b = await createNamespace(`${label}-b`);
  await linkNamespaces(
    { namespace: a, name: "eth0", addresses: ["10.9.1.1/24", "fd00:9:1::1/64"] },
    { namespace: b, name: "eth0", addresses: ["10.9.1.2/24", "fd00:9:1::2/64"] },
  );
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}
