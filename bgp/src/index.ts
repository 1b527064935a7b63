export type { BfdPath } from "./bfd/paths.ts";
export type { PathStatus } from "./bfd/status.ts";
export * from "./control.ts";
export * from "./error.ts";
export {
  type FilterOperation,
  type FilterRule,
  priorityMax,
  priorityNormal,
  type RouteFilter,
} from "./filter/rule.ts";
export { type Metric, speakerMetrics } from "./metrics.ts";
export { encodeMrt } from "./mrt/encodeMrt.ts";
export { type MrtFault, readMrt } from "./mrt/readMrt.ts";
export type {
  MrtMessage,
  MrtOther,
  MrtPeer,
  MrtPeerIndex,
  MrtRecord,
  MrtRib,
  MrtRibEntry,
  MrtSession,
  MrtStateChange,
} from "./mrt/record.ts";
export { type Difference, replay } from "./recording/record.ts";
export type { NextHopFact } from "./rib/nextHopTable.ts";
export { type Contender, loserOfCollision, type Side } from "./session/collision.ts";
export { offeredCapabilities, type SessionConfig } from "./session/config.ts";
export { type Negotiated, negotiate } from "./session/negotiate.ts";
export * from "./session/state.ts";
export { initialSession, step } from "./session/step.ts";
export { unpackBestChanges } from "./speaker/bestChanges.ts";
export { type ChangeCost, costOfChange } from "./speaker/changeCost.ts";
export { checkConfig } from "./speaker/checkConfig.ts";
export * from "./speaker/config.ts";
export * from "./speaker/event.ts";
export { Speaker } from "./speaker/speaker.ts";
export { decodeAttributes } from "./wire/attributesDecoder.ts";
export { encodeAttributes } from "./wire/attributesEncoder.ts";
export { decodeMessage, encodeMessage } from "./wire/codec.ts";
export type { CodecContext, DecodeResult, EncodeContext } from "./wire/contract.ts";
export { cease, errorCode, type Fault } from "./wire/fault.ts";
export { type Frame, MessageFramer } from "./wire/framing.ts";
export * from "./wire/message.ts";
export { ceaseNotification, shutdownText } from "./wire/notification.ts";
export { describeNotification } from "./wire/notificationText.ts";
export { countPrefixes, cutPrefixes, decodePackedPrefixes, encodePackedPrefixes } from "./wire/prefixes.ts";
export { splitUpdate } from "./wire/split.ts";
export { formatAsPath, formatCommunity, formatLargeCommunity } from "./wire/text.ts";
export { decodeUpdate } from "./wire/update.ts";
export { encodeUpdates } from "./wire/updateEncoder.ts";
