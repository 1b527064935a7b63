/** A process with one speaker in it, told what to do over the channel to the test that started it. */
import type { SpeakerConfig } from "@brindle/bgp";
import { type RunningSpeaker, startSpeaker, startSpeakerThread } from "@brindle/bgp/shell";

export interface Call {
  readonly id: number;
  /** `block` keeps the main thread from doing anything else for so many milliseconds. */
  readonly name: keyof RunningSpeaker | "block";
  readonly args: readonly unknown[];
}

const listeners = {
  bestChanged: (changes: unknown) => process.send?.({ type: "bestChanged", changes }),
  peerChanged: (peer: unknown) => process.send?.({ type: "peerChanged", peer }),
  tableComplete: () => process.send?.({ type: "tableComplete" }),
};

const config: SpeakerConfig = JSON.parse(process.argv[2] ?? "");
/** Where the speaker runs in the main thread, blocking that blocks it. */
const speaker = await (process.argv[3] === "mainThread" ? startSpeaker : startSpeakerThread)(config, listeners);

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

process.on("message", async ({ id, name, args }: Call) => {
  if (name === "block") {
    block(Number(args[0]));
    process.send?.({ type: "returned", id, value: null });
    return;
  }
  const call = speaker[name].bind(speaker) as (...args: readonly unknown[]) => Promise<unknown>;
  process.send?.({ type: "returned", id, value: await call(...args) });
});
process.on("disconnect", () => process.exit());
process.send?.({ type: "started" });
