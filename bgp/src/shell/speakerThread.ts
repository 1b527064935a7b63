/** The entry of a speaker's thread: calls come in, answers and notices go out. */
import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { BgpError } from "../error.ts";
import type { SpeakerListeners } from "./runningSpeaker.ts";
import { startSpeaker } from "./startSpeaker.ts";
import type { Call, FromThread, ThreadStart } from "./threadMessages.ts";

const port = parentPort;
assert(port, "this file is the entry of a worker thread");

function post(message: FromThread): void {
  port?.postMessage(message);
}

function threw(id: number, error: unknown): void {
  if (!(error instanceof Error)) throw error;
  post({ type: "threw", id, failure: error instanceof BgpError ? error.failure : null, text: error.message });
}

try {
  const { config, options } = workerData as ThreadStart;
  const listeners: SpeakerListeners = {
    bestChangedPacked: (changes) => post({ type: "notice", name: "bestChangedPacked", args: [changes] }),
    peerChanged: (peer) => post({ type: "notice", name: "peerChanged", args: [peer] }),
    tableComplete: () => post({ type: "notice", name: "tableComplete", args: [] }),
  };
  const speaker = await startSpeaker(config, listeners, options);
  port.on("message", async ({ id, name, args }: Call) => {
    try {
      // The arguments are those of the same call on the other side.
      const call = speaker[name].bind(speaker) as (...args: readonly unknown[]) => Promise<unknown>;
      post({ type: "returned", id, value: await call(...args) });
    } catch (error) {
      threw(id, error);
    }
    if (name === "stop") port.close();
  });
  post({ type: "started" });
} catch (error) {
  threw(0, error);
  port.close();
}
