import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KernelEvent } from "@brindle/net/shell";
import { openRouteSocket } from "@brindle/net/shell";
import { expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

it("tells a watcher to list again when the kernel had more to tell than there was room for", async () => {
  await using node = await createNamespace("overrun");
  await node.ip("link add br0 type bridge");
  await node.ip("link set br0 up");
  const directory = await (await processInstance()).createDirectory("overrun");
  const batch = join(directory, "routes");
  const lines = Array.from(
    { length: 40_000 },
    (_, i) => `route add 11.${i >> 16}.${(i >> 8) & 255}.${i & 255} dev br0`,
  );
  await writeFile(batch, lines.join("\n"));

  using socket = await openRouteSocket({ namespace: node.path });
  let events: KernelEvent[] = [];
  using _watch = socket.watch(["route"], (event) => void events.push(event));
  // While this thread is blocked, nobody reads.
  execFileSync("ip", ["-n", node.name, "-batch", batch]);
  await waitFor(() => events.some((event) => event.type === "resync"), { what: "the watcher is told to list again" });
  expect((await socket.routes({ family: 4, table: 254 })).length).toBe(40_000);

  // And it goes on telling.
  await waitFor(
    async () => {
      events = [];
      await node.ip("route add 12.0.0.1 dev br0");
      await node.ip("route del 12.0.0.1 dev br0");
      return events.some((event) => event.type === "route" && event.change === "deleted");
    },
    { what: "later changes are told" },
  );
  await (await processInstance()).removeDirectory(directory);
});
