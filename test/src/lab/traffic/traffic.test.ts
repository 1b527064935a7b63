import assert from "node:assert/strict";
import { afterAll, describe, it } from "vitest";
import { processInstance } from "../../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../../fixtures/namespace.ts";
import { Arrivals } from "./flow.ts";
import { startTraffic } from "./traffic.ts";

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

  it("notices UDP packets that a rule drops for 50 ms", async () => {
    await using pair = await linkedPair("drop");
    await using traffic = await startTraffic({ from: pair.a, to: pair.b, addresses });
    const rule = ["INPUT", "-p", "udp", "-j", "DROP"];
    await pair.b.exec("iptables", ["-A", ...rule]);
    await new Promise((resolve) => setTimeout(resolve, 50));
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
