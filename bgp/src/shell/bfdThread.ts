/** The entry of BFD's thread, in which there is nothing else: whatever it waited for, a peer might think it dead. */
import assert from "node:assert/strict";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { BfdEngine } from "./bfdEngine.ts";
import type { FromBfd, ToBfd } from "./bfdMessages.ts";

const port = parentPort;
assert(port, "this file is the entry of a worker thread");

function post(message: FromBfd): void {
  port?.postMessage(message);
}

/** 0 is the calling thread (setpriority(2)). It sleeps most of the time, and must be on time when it does not. */
function comeFirst(): void {
  try {
    setPriority(0, -20);
  } catch {
    // Only root may; on a host with a processor to spare it makes no difference.
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
