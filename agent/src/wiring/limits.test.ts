import assert from "node:assert/strict";
import type { IngressFilter, Link, Qdisc } from "@brindle/net";
import { describe, it } from "vitest";
import {
  bandwidthLimits,
  type FoundLimits,
  isSameBucket,
  limitHandle,
  planLimits,
  presentLimits,
  queueName,
  queueOwner,
} from "./limits.ts";

const host = { index: 7, name: "cali0123456789a" };
const nothing: FoundLimits = { root: null, ingress: null, filters: [], queue: null, queueRoot: null };
const bothWays = bandwidthLimits(
  { ingressBandwidth: 8_000_000, ingressBurst: 800_000, egressBandwidth: 16_000_000, egressBurst: 800_000 },
  1450,
);
const noLimits = bandwidthLimits(null, 1450);
const queue = { index: 9, name: queueName(host.name), kind: "ifb", up: true } as Link;

function qdisc(kind: string, options: Partial<Qdisc> = {}): Qdisc {
  return { interfaceIndex: 7, kind, handle: 0, isRoot: true, bucket: null, ...options };
}
/** Ours unless `handle` says otherwise; to 0 where the interface is gone. */
function redirect(redirectsTo: number | null, options: Partial<IngressFilter> = {}): IngressFilter {
  return {
    ...{ interfaceIndex: 7, kind: "u32", priority: 1, handle: 0x8000_00d6, isOfAllProtocols: true },
    redirectsTo,
    ...options,
  };
}
const whole: FoundLimits = {
  root: qdisc("tbf", { handle: limitHandle, bucket: bothWays.ingress }),
  ingress: qdisc("ingress", { isRoot: false }),
  filters: [redirect(9)],
  queue,
  queueRoot: qdisc("tbf", { handle: limitHandle, bucket: bothWays.egress, interfaceIndex: 9 }),
};

describe("a token bucket", () => {
  it("has the rate in bytes, and room for what comes in 25 ms beside a burst", () => {
    assert.deepEqual(bothWays.ingress, {
      ...{ bytesPerSecond: 1_000_000n, burstBytes: 100_000, limitBytes: 125_000, peak: null },
    });
  });

  it("lets a whole packet through, however small a burst is asked for", () => {
    const { ingress } = bandwidthLimits({ ingressBandwidth: 1000, ingressBurst: 1000 }, 1450);
    assert.deepEqual([ingress?.burstBytes, ingress?.limitBytes], [1464, 1467]);
  });

  it("queues no half gigabyte, whatever the burst", () => {
    const { egress } = bandwidthLimits({ egressBandwidth: 1_000_000_000, egressBurst: 2 ** 32 }, 1450);
    assert.deepEqual([egress?.burstBytes, egress?.limitBytes], [2 ** 29, 3_125_000 + 131_072]);
  });

  it("has a burst that the kernel can tell", () => {
    const { egress } = bandwidthLimits({ egressBandwidth: 8_000, egressBurst: 2 ** 32 }, 1450);
    assert.equal(egress?.burstBytes, 270_000);
  });

  it("has a peak where one is asked for, of a packet at least", () => {
    const { ingress } = bandwidthLimits({ ingressBandwidth: 8_000, ingressPeakrate: 16_000, ingressMinburst: 1 }, 1450);
    assert.deepEqual(ingress?.peak, { bytesPerSecond: 2000n, burstBytes: 1464 });
  });

  it("has a peak that is more than the rate, in bytes too, and a burst of it that the kernel can tell", () => {
    const controls = { ingressBandwidth: 8_000, ingressPeakrate: 8_007, ingressMinburst: 100_000_000 };
    const { ingress } = bandwidthLimits(controls, 1450);
    assert.deepEqual(ingress?.peak, { bytesPerSecond: 1001n, burstBytes: 270_270 });
  });

  it("is as slow as the kernel can tell, and no slower", () => {
    const { ingress } = bandwidthLimits({ ingressBandwidth: 8, ingressPeakrate: 9 }, 1450);
    assert.deepEqual([ingress?.bytesPerSecond, ingress?.burstBytes], [6n, 1464]);
    assert.equal(ingress?.peak?.bytesPerSecond, 7n);
  });

  it("is the same as the kernel tells it", () => {
    assert(isSameBucket({ ...bothWays.ingress, burstBytes: 99_968 } as never, bothWays.ingress));
    assert(!isSameBucket({ ...bothWays.ingress, burstBytes: 90_000 } as never, bothWays.ingress));
    assert(!isSameBucket(null, bothWays.ingress));
  });
});

describe("limits", () => {
  it("are made where there are none, the queue first", () => {
    const { changes, queue: what } = planLimits(host, bothWays, nothing);
    assert.deepEqual([changes.map(({ op }) => op), what], [["replaceQdisc"], "make"]);
    const made = planLimits(host, bothWays, { ...nothing, queue: { ...queue, up: false } });
    assert.deepEqual(
      made.changes.map(({ op }) => op),
      ["replaceQdisc", "replaceQdisc", "replaceQdisc", "addRedirect", "setLink"],
    );
    assert.deepEqual([made.queue, made.conflicts], ["keep", []]);
  });

  it("that are there are left", () => {
    assert.deepEqual(planLimits(host, bothWays, whole), { changes: [], queue: "keep", conflicts: [] });
  });

  it("that an agent was killed over are made whole", () => {
    const { changes } = planLimits(host, bothWays, { ...whole, filters: [], queue: { ...queue, up: false } });
    assert.deepEqual(
      changes.map(({ op }) => op),
      ["addRedirect", "setLink"],
    );
  });

  it("go when nobody asks for them, the redirection before the queue", () => {
    assert.deepEqual(planLimits(host, noLimits, whole), {
      changes: [
        { op: "deleteQdisc", qdisc: { interfaceIndex: 7, isRoot: true } },
        { op: "deleteQdisc", qdisc: { interfaceIndex: 7, isRoot: false } },
      ],
      ...{ queue: "remove", conflicts: [] },
    });
    assert.deepEqual(planLimits(host, noLimits, nothing).changes, []);
  });

  it("of somebody else are left, and in the way of ours", () => {
    const foreign = {
      ...nothing,
      root: qdisc("tbf", { handle: 0x0001_0000 }),
      ingress: qdisc("ingress", { isRoot: false }),
      filters: [redirect(3, { handle: 0x8000_0800 })],
    };
    const { changes, queue: what, conflicts } = planLimits(host, bothWays, foreign);
    assert.deepEqual([changes, what, conflicts.length], [[], "keep", 2]);
    assert.deepEqual(planLimits(host, noLimits, foreign), { changes: [], queue: "keep", conflicts: [] });
  });

  it("whose queue somebody has removed are made anew, and taken from a pod that asks for none any more", () => {
    const lost: FoundLimits = { ...whole, filters: [redirect(0)], queue: null, queueRoot: null };
    assert.equal(planLimits(host, bothWays, lost).queue, "make");
    const made = planLimits(host, bothWays, { ...lost, queue: { ...queue, up: false } });
    assert.deepEqual(
      [made.changes.map(({ op }) => op), made.conflicts],
      [["replaceQdisc", "deleteRedirect", "addRedirect", "setLink"], []],
    );
    assert.deepEqual(planLimits(host, noLimits, lost).changes.at(-1), {
      ...{ op: "deleteQdisc", qdisc: { interfaceIndex: 7, isRoot: false } },
    });
  });

  it("go alone where others have filters or a qdisc that is theirs", () => {
    const others = [redirect(null, { kind: "bpf", priority: 9, handle: 1 })];
    for (const found of [
      { ...whole, filters: [...whole.filters, ...others] },
      { ...whole, ingress: qdisc("clsact", { isRoot: false }) },
    ]) {
      assert.deepEqual(planLimits(host, bothWays, found), { changes: [], queue: "keep", conflicts: [] });
      assert.deepEqual(planLimits(host, noLimits, found).changes.slice(1), [
        { op: "deleteRedirect", filter: { interfaceIndex: 7, handle: 0 } },
      ]);
    }
    const shared = redirect(null, { handle: 0x8000_0800 });
    assert.deepEqual(planLimits(host, noLimits, { ...whole, filters: [...whole.filters, shared] }).changes.at(-1), {
      ...{ op: "deleteRedirect", filter: { interfaceIndex: 7, handle: 0x8000_00d6 } },
    });
  });

  it("by a filter without our mark that leads to our queue are ours, get the mark, and go", () => {
    const unmarked = redirect(9, { handle: 0x8000_0800 });
    const found = { ...whole, filters: [unmarked] };
    const kept = planLimits(host, bothWays, found);
    assert.deepEqual(
      [kept.changes.map(({ op }) => op), kept.conflicts],
      [["deleteRedirect", "addRedirect", "setLink"], []],
    );
    assert.deepEqual(planLimits(host, noLimits, found), planLimits(host, noLimits, whole));
    assert.deepEqual(presentLimits(bothWays, { ...found, root: null, queue }), { ...bothWays, ingress: null });
    // Ours beside it stays, so it goes alone.
    assert.deepEqual(planLimits(host, bothWays, { ...whole, filters: [unmarked, ...whole.filters] }).changes, [
      { op: "deleteRedirect", filter: { interfaceIndex: 7, handle: 0x8000_0800 } },
    ]);
    // All of a priority go at once, which cannot be done twice.
    const both = { ...whole, ingress: qdisc("clsact", { isRoot: false }), filters: [unmarked, ...whole.filters] };
    assert.deepEqual(planLimits(host, noLimits, both).changes.slice(1), [
      { op: "deleteRedirect", filter: { interfaceIndex: 7, handle: 0 } },
    ]);
  });

  it("keep their queue while somebody's filter leads to it: without it all that the pod sends would be dropped", () => {
    const foreign = redirect(9, { priority: 5, handle: 0x8000_0800 });
    const {
      changes,
      queue: what,
      conflicts,
    } = planLimits(host, noLimits, { ...whole, filters: [...whole.filters, foreign] });
    assert.equal(what, "keep");
    assert.deepEqual(changes.slice(1), [{ op: "deleteRedirect", filter: { interfaceIndex: 7, handle: 0 } }]);
    assert.match(conflicts.join(), /somebody else redirects to brdl0123456789a.*stays limited/);
  });

  it("may be those alone that there are some of", () => {
    assert.deepEqual(presentLimits(bothWays, nothing), noLimits);
    assert.deepEqual(presentLimits(bothWays, whole), bothWays);
    assert.deepEqual(presentLimits(bothWays, { ...nothing, filters: [redirect(0)] }), { ...bothWays, ingress: null });
  });

  it("are not made behind another filter in the first place", () => {
    for (const other of [redirect(null, { kind: "bpf" }), redirect(null, { handle: 1, isOfAllProtocols: false })]) {
      const { conflicts } = planLimits(host, bothWays, { ...nothing, filters: [other] });
      assert.match(conflicts.join(), /^a filter \((bpf|u32)\) that is not ours/);
    }
  });
});

it("a queue names the interface that it is of", () => {
  assert.equal(queueName(host.name), "brdl0123456789a");
  assert.equal(queueOwner(queue), host.name);
  assert.equal(queueOwner({ name: "brdl0", kind: "veth" }), null);
  assert.equal(queueOwner({ name: "bwcali01", kind: "ifb" }), null);
});
