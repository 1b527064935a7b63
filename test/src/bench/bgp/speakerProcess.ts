/** Our speaker as a process of its own, with the configuration that a file holds. */
import { readFileSync } from "node:fs";
import type { PeerStatus, SpeakerConfig } from "@brindle/bgp";
import { startSpeaker } from "@brindle/bgp/shell";
import { answerCalls } from "./benchProcess.ts";

const config: SpeakerConfig = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const speaker = await startSpeaker(config);

const calls = {
  async established(): Promise<number> {
    return (await speaker.peers()).filter(({ phase }) => phase === "established").length;
  },
  async accepted(): Promise<number> {
    const sessions = (await speaker.peers()).flatMap(({ session }) => session?.families ?? []);
    return sessions.reduce((sum, { accepted }) => sum + accepted, 0);
  },
  async peer(name: string): Promise<PeerStatus | undefined> {
    return (await speaker.peers()).find((peer) => peer.name === name);
  },
};

export type SpeakerCalls = typeof calls;

answerCalls(calls);
