/** A process with one speaker in it, told what to do over the channel to the test that started it. */
import type { SpeakerConfig } from "@brindle/bgp";
import { type RunningSpeaker, startSpeakerThread } from "@brindle/bgp/shell";

export interface Call {
  readonly id: number;
  readonly name: keyof RunningSpeaker;
  readonly args: readonly unknown[];
}

const listeners = {
  bestChanged: (changes: unknown) => process.send?.({ type: "bestChanged", changes }),
  peerChanged: (peer: unknown) => process.send?.({ type: "peerChanged", peer }),
  tableComplete: () => process.send?.({ type: "tableComplete" }),
};

const config: SpeakerConfig = JSON.parse(process.argv[2] ?? "");
const speaker = await startSpeakerThread(config, listeners);
process.on("message", async ({ id, name, args }: Call) => {
  const call = speaker[name].bind(speaker) as (...args: readonly unknown[]) => Promise<unknown>;
  process.send?.({ type: "returned", id, value: await call(...args) });
});
process.on("disconnect", () => process.exit());
process.send?.({ type: "started" });
