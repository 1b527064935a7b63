/**
 * The entry of the thread that wires pairs: what it does is synchronous, and is the kernel's work more than ours. Pairs that
 * can be finished come before others that are to be made, so that who came first is not kept by who came later.
 */
import assert from "node:assert/strict";
import { parentPort } from "node:worker_threads";
import { warmThreadPool } from "@brindle/net/shell";
import { carried, type FromPairThread, type PairOrder, type ToPairThread } from "./pairMessages.ts";
import { PairWork } from "./pairWork.ts";

const port = parentPort;
assert(port, "this file is the entry of a worker thread");

const work = new PairWork();
const orders: PairOrder[] = [];

function post(message: FromPairThread): void {
  port?.postMessage(message);
}

async function answer(id: number, task: () => unknown): Promise<void> {
  try {
    post({ type: "done", id, value: await task() });
  } catch (error) {
    post({ type: "failed", id, failure: carried(error) });
  }
}

/** One a turn of the loop: in between come the messages that have arrived. */
function makeNext(): void {
  const order = orders.shift();
  if (!order) return;
  void answer(order.id, () => work.make(order));
  if (orders.length > 0) setImmediate(makeNext);
}

await warmThreadPool();
port.on("message", (message: ToPairThread) => {
  switch (message.type) {
    case "enter":
      void answer(message.id, () => work.enter(message.id, message.namespace));
      break;
    case "leave":
      work.leave(message.id);
      break;
    case "make":
      if (orders.push(message) === 1) setImmediate(makeNext);
      break;
    case "finish":
      void answer(message.id, () => work.finish(message));
      break;
    case "forget":
      work.forget(message.id);
      break;
    case "end":
      work[Symbol.dispose]();
      port.close();
      break;
  }
});
post({ type: "ready" });
