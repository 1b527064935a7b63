import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { afterAll, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace } from "../fixtures/namespace.ts";
import { Runtime } from "./runtime.ts";
import { holdMounts, machineAt } from "./topology/machine.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

it("asks again later, and leaves no sandbox behind, where no agent answers", async () => {
  const instance = await processInstance();
  await using namespace = await createNamespace("agentless", { instance });
  const holder = await holdMounts(namespace, await instance.createDirectory("agentless"));
  const runtime = new Runtime(instance, () => machineAt("agentless", namespace, holder.pid));
  for (const attempt of [1, 2]) {
    await assert.rejects(
      runtime.add({ name: "web", node: "agentless", labels: { app: "web" } }),
      /"code":\s*11\b/,
      `attempt ${attempt}`,
    );
    assert.deepEqual(await runtime.pods(), []);
    assert.equal(existsSync(`/run/netns/br${instance.id}-pod-web`), false);
  }
});
