import assert from "node:assert/strict";
import type { Store, Stored, WatchEvent } from "@brindle/api";
import { pino } from "pino";
import { describe, it } from "vitest";
import { ConfigurationWatch } from "./configurationWatch.ts";

const key = { kind: "KubeControllersConfiguration", name: "default" } as const;

function configuration(level: "Debug" | "Error"): Stored["KubeControllersConfiguration"] {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "KubeControllersConfiguration",
    metadata: { name: "default" },
    spec: { logSeverityScreen: level, controllers: {} },
  };
}

function started() {
  const told: (string | null)[] = [];
  const health = new Map<string, string | null>();
  let listener: (event: WatchEvent) => void = () => assert.fail("nobody listens");
  const watch = (_kinds: unknown, on: typeof listener) => {
    listener = on;
    return { stop: async () => {}, stalenessMs: () => 0 };
  };
  const configurationWatch = new ConfigurationWatch({
    store: { watch } as unknown as Store, // Nothing else of a store is asked for.
    log: pino({ level: "silent" }),
    onHealth: (name, problem) => health.set(name, problem),
    onChanged: (value) => told.push(value?.spec.logSeverityScreen ?? null),
  });
  const tell = (...events: readonly WatchEvent[]): void => {
    for (const event of events) listener(event);
  };
  return { told, health, tell, configurationWatch };
}

const changed = (level: "Debug" | "Error"): WatchEvent => ({
  type: "changed",
  item: { key, value: configuration(level), revision: "1" },
});
const inSync: WatchEvent = { type: "inSync", kind: key.kind };

describe("the configuration of the controllers", () => {
  it("is told once it is known, and that there is none too", () => {
    const one = started();
    assert.match(String(one.health.get("configuration")), /not told it yet/);
    one.tell(changed("Debug"));
    assert.deepEqual(one.told, []);
    one.tell(inSync);
    assert.deepEqual(one.told, ["Debug"]);
    assert.equal(one.health.get("configuration"), null);
    const none = started();
    none.tell(inSync);
    assert.deepEqual(none.told, [null]);
  });

  it("stays what it was while it cannot be read, says so, and is told anew afterwards", () => {
    const { tell, told, health } = started();
    tell(inSync, changed("Debug"), { type: "undecodable", key, reason: "spec.controllers: is missing" });
    assert.deepEqual(told, [null, "Debug"]);
    assert.equal(health.get("configuration"), "spec.controllers: is missing");
    tell(changed("Error"), { type: "deleted", key });
    assert.deepEqual(told, [null, "Debug", "Error", null]);
    assert.equal(health.get("configuration"), null);
  });

  it("says that the datastore is away, and nothing of it any more when it is ended", async () => {
    const { tell, health, configurationWatch } = started();
    tell({ type: "disconnected", reason: "no route" });
    assert.equal(health.get("datastore"), "no route");
    await configurationWatch.end();
    assert.deepEqual([...health.values()], [null, null]);
  });
});
