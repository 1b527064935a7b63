/** When limits of bandwidth are compared with the kernel, and with what. */
import assert from "node:assert/strict";
import type { QosControls, WorkloadEndpoint } from "@brindle/api";
import type { PolicyUpdate } from "@brindle/policy";
import { describe, it } from "vitest";
import { LimitSync } from "./limitSync.ts";

const limited: QosControls = { ingressBandwidth: 1_000_000, ingressBurst: 1_000_000 };

function update(name: string, qosControls: QosControls | null, node = "node1"): PolicyUpdate {
  const value: WorkloadEndpoint = {
    ...{ apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata: { namespace: "default", name } },
    spec: {
      ...{ orchestrator: "k8s", node, endpoint: "eth0", interfaceName: `cali${name}` },
      ...(qosControls && { qosControls }),
    },
  };
  return { key: { kind: "WorkloadEndpoint", namespace: "default", name }, value };
}

function gone(name: string): PolicyUpdate {
  return { ...update(name, null), value: null };
}

function world({ inKernel = [] as readonly string[], isInSync = true, takes = null as boolean | null } = {}) {
  const asked: [string, QosControls | null][] = [];
  const ofPresent: string[] = [];
  const problems: (string | null)[] = [];
  const state = { isInSync, refusals: 0 };
  const sync = new LimitSync("node1", {
    isInSync: () => state.isInSync,
    lists: { takes: async () => takes },
    onHealth: (problem) => problems.push(problem),
  });
  const start = (): void =>
    sync.start({
      limit: async (hostInterface, { wishOf }) => {
        const { controls, isOfPresent = false } = await wishOf("pods");
        asked.push([hostInterface, controls]);
        if (isOfPresent) ofPresent.push(hostInterface);
        if (hostInterface === "calibroken" && state.refusals-- > 0) throw new Error("refused");
        return controls && hostInterface === "califoreign" ? ["somebody else's"] : [];
      },
      limited: async () => ({ pods: inKernel, known: { links: new Map(), qdiscs: [] } }),
    });
  return { sync, start, asked, ofPresent, problems, state };
}

describe("limits of bandwidth", () => {
  it("are taken from nobody before the datastore has told all", async () => {
    const { sync, start, asked, state } = world({ inKernel: ["caliweb", "caliold"], isInSync: false });
    start();
    sync.receive(update("web", limited));
    await sync.resync();
    assert.deepEqual(asked, []);
    state.isInSync = true;
    await sync.resync();
    assert.deepEqual(asked.toSorted(), [
      ["caliold", null],
      ["caliweb", limited],
    ]);
    await sync.end();
  });

  it("follow the endpoints of the node, each when it says something else", async () => {
    const { sync, start, asked } = world();
    start();
    await sync.resync();
    for (const told of [
      update("web", limited),
      update("web", limited),
      update("plain", null),
      update("far", limited, "node2"),
      { ...gone("web"), unreadable: { reason: "no JSON", partial: null } } as PolicyUpdate,
    ])
      sync.receive(told);
    await sync.resync();
    assert.deepEqual(asked, [["caliweb", limited]]);
    sync.receive(update("web", null));
    await sync.resync();
    assert.deepEqual(asked.at(-1), ["caliweb", null]);
    await sync.end();
  });

  it("are the plugin's by its list, and stay as they are where the list is in no file", async () => {
    const told = update("web", limited);
    assert(told.value);
    const annotations = { "kubernetes.io/ingress-bandwidth": "1M" };
    const value = { ...told.value, metadata: { ...told.value.metadata, annotations } } as WorkloadEndpoint;
    for (const [takes, controls, present] of [
      [true, null, []],
      [false, limited, []],
      [null, limited, ["caliweb"]],
    ] as const) {
      const { sync, start, asked, ofPresent } = world({ takes });
      start();
      sync.receive({ ...told, value });
      await sync.resync();
      assert.deepEqual([asked, ofPresent], [[["caliweb", controls]], present]);
      await sync.end();
    }
  });

  it("that are nobody's are not looked for again and again", async () => {
    const { sync, start, asked, problems } = world();
    start();
    for (let time = 0; time < 3; time++) await sync.resync();
    assert.deepEqual([asked, problems], [[], [null]]);
    await sync.end();
  });

  it("that the kernel refuses one pod are told, keep nobody waiting, and are tried again by themselves, not for ever", async () => {
    const { sync, start, asked, problems, state } = world();
    const ofBroken = () => asked.filter(([one]) => one === "calibroken").length;
    start();
    await sync.resync();
    state.refusals = Number.POSITIVE_INFINITY;
    for (const name of ["broken", "web"]) sync.receive(update(name, limited));
    for (let time = 0; time < 10; time++) await sync.resync();
    assert.equal(problems.at(-1), "limits of bandwidth of calibroken: refused");
    assert(asked.some(([one]) => one === "caliweb"));
    const refused = ofBroken();
    assert(refused >= 10);
    // So often that it is left to the next look at all, until its endpoint says something else.
    sync.receive(update("broken", null));
    state.refusals = 2;
    const deadline = Date.now() + 25_000;
    while (problems.at(-1) !== null && Date.now() < deadline) await new Promise((done) => setTimeout(done, 10));
    assert.deepEqual([problems.at(-1), ofBroken()], [null, refused + 3]);
    await sync.end();
  });

  it("that somebody else is in the way of are told, until they are not", async () => {
    const { sync, start, problems } = world();
    start();
    sync.receive(update("foreign", limited));
    await sync.resync();
    assert.equal(problems.at(-1), "somebody else's");
    sync.receive(gone("foreign"));
    await sync.resync();
    await sync.resync();
    assert.equal(problems.at(-1), null);
    await sync.end();
  });
});
