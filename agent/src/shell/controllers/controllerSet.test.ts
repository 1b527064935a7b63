import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type ControllersConfig, MemoryStore } from "@brindle/api";
import { findClusterAccess, type KubernetesApi, openKubernetesApi } from "@brindle/api/shell";
import { pino } from "pino";
import { afterEach, beforeEach, describe, it } from "vitest";
import { ControllersTally } from "../../metrics/controllersTally.ts";
import type { Controller } from "./controller.ts";
import { ControllerSet } from "./controllerSet.ts";

let api: KubernetesApi;
beforeEach(async () => {
  // Never connected to: nothing is asked of it.
  const access = await findClusterAccess({ environment: { K8S_API_ENDPOINT: "https://192.0.2.1" } });
  api = openKubernetesApi({ access, timeoutMs: 1_000 });
});
afterEach(() => api.close());

class Recorder {
  readonly events: string[] = [];
  readonly health = new Map<string, string | null>();
  readonly pauses: number[] = [];
  readonly tally = new ControllersTally();
  readonly set: ControllerSet;
  #endPause = (): void => {};

  constructor(controllers: (recorder: Recorder) => readonly Controller[]) {
    this.set = new ControllerSet(controllers(this), {
      api,
      store: new MemoryStore(),
      datastore: "etcdv3",
      log: pino({ level: "silent" }),
      tally: this.tally,
      leakGraceMsMin: 0,
      onHealth: (name, problem) => this.health.set(name, problem),
      pause: (ms, until) => {
        this.pauses.push(ms);
        return new Promise((resolve) => {
          this.#endPause = resolve;
          until.addEventListener("abort", () => resolve(), { once: true });
        });
      },
    });
  }

  async pauseIsOver(): Promise<string[]> {
    this.#endPause();
    await settled();
    return this.events.splice(0);
  }

  /** What it does is noted: begun, ended. */
  controller(name: string, settings: Controller["settings"], failures = 0): Controller {
    let left = failures;
    return {
      name,
      settings,
      run: async (_context, until) => {
        this.events.push(`${name} begins`);
        if (left-- > 0) throw new Error(`${name} has failed`);
        await new Promise((resolve) => until.addEventListener("abort", resolve, { once: true }));
        this.events.push(`${name} ends`);
      },
    };
  }

  async follow(configuration: ControllersConfig): Promise<string[]> {
    this.set.follow({ configuration, compactionPeriodMs: null });
    await settled();
    return this.events.splice(0);
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
}

const both = (recorder: Recorder): readonly Controller[] => [
  recorder.controller("policy", ({ configuration }) => configuration.policy ?? null),
  recorder.controller("namespace", ({ configuration }) => configuration.namespace ?? null),
];

describe("a set of controllers", () => {
  it("begins and ends each as the configuration says, and touches no other", async () => {
    const recorder = new Recorder(both);
    assert.deepEqual(await recorder.follow({ policy: {} }), ["policy begins"]);
    assert.deepEqual(await recorder.follow({ policy: {}, namespace: {} }), ["namespace begins"]);
    assert.deepEqual(await recorder.follow({ policy: {}, namespace: {}, node: {} }), []);
    const changed = { policy: { reconcilerPeriod: "1m0s" }, namespace: {} };
    assert.deepEqual(await recorder.follow(changed), ["policy ends", "policy begins"]);
    assert.deepEqual(await recorder.follow({}), ["policy ends", "namespace ends"]);
    await recorder.set.end();
  });

  it("ends all when it is ended", async () => {
    const recorder = new Recorder(both);
    await recorder.follow({ policy: {}, namespace: {} });
    recorder.tally.found("policy", { duplicates: 1, leaks: 0, orphanHandles: 0 });
    await recorder.set.end();
    assert.deepEqual(recorder.tally.findings(), [], "what it found is another replica's to tell");
    assert.deepEqual(recorder.events, ["policy ends", "namespace ends"]);
  });

  it("tries one that fails again after pauses that grow, says why, and lets the others run", async () => {
    const recorder = new Recorder((it) => [it.controller("policy", () => ({}), 2), it.controller("node", () => ({}))]);
    assert.deepEqual(await recorder.follow({}), ["policy begins", "node begins"]);
    assert.equal(recorder.health.get("policy"), "policy has failed");
    assert.deepEqual(await recorder.pauseIsOver(), ["policy begins"]);
    assert.deepEqual(recorder.pauses, [1_000, 2_000]);
    assert.deepEqual(await recorder.pauseIsOver(), ["policy begins"]);
    await recorder.set.end();
    assert.deepEqual(recorder.events, ["policy ends", "node ends"]);
    assert.equal(recorder.health.get("policy"), null);
    const { runs, failures } = recorder.tally;
    assert.deepEqual(
      runs.samples().map(({ labels, value }) => `${labels.controller} ${value}`),
      ["policy 3", "node 1"],
    );
    assert.deepEqual(failures.samples(), [{ labels: { controller: "policy" }, value: 2 }]);
  });

  it("ends one at once that waits for its next try", async () => {
    const recorder = new Recorder((it) => [it.controller("policy", () => ({}), 9)]);
    await recorder.follow({});
    await recorder.set.end();
    assert.deepEqual(recorder.events, []);
  });
});
