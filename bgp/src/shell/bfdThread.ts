/** The entry of BFD's thread, in which there is nothing else: whatever it waited for, a peer might think it dead. */
import assert from "node:assert/strict";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { scheduleFirst } from "@brindle/net/shell";
import { BfdEngine } from "./bfdEngine.ts";
import type { FromBfd, ToBfd } from "./bfdMessages.ts";

const port = parentPort;
assert(port, "this file is the entry of a worker thread");

function post(message: FromBfd): void {
  port?.postMessage(message);
}

/**
 * It sleeps most of the time, and must be on time when it does not. A niceness counts inside one cgroup alone, or inside
 * one session where the kernel groups by those (`sched_autogroup_enabled`), so it is the second choice.
 */
function comeFirst(): void {
  for (const attempt of [scheduleFirst, () => setPriority(0, -20)]) {
    try {
      attempt();
      return;
    } catch {
      // Neither is for everybody; on a host with a processor to spare it makes no difference.
    }
  }
}

comeFirst();
const engine = new BfdEngine((peer, status) => post({ type: "status", peer, status }));
port.on("message", (message: ToBfd) => {
  switch (message.type) {
    case "watch":
      engine.watch(message.peer, message.path);
      break;
    case "unwatch":
      engine.unwatch(message.peer);
      break;
    case "end":
      engine.end(message);
      port.close();
      break;
  }
});
post({ type: "ready" });
