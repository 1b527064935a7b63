export { bgpHandlers } from "./bgpHandlers.ts";
export type { RunningSpeaker, SpeakerListeners } from "./runningSpeaker.ts";
export { startSpeaker } from "./startSpeaker.ts";
export { type SpeakerThreadOptions, startSpeakerThread } from "./startSpeakerThread.ts";
