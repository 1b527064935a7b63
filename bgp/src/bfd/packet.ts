/** The control packet of BFD: RFC 5880 §4.1, and what §6.8.6 refuses before it asks whose packet it is. */
import { WireReader } from "../wire/reader.ts";

/** RFC 5880 §4.1, in the order of their numbers. */
export const bfdStates = ["adminDown", "down", "init", "up"] as const;

export type BfdState = (typeof bfdStates)[number];

/** What a system says of itself. Intervals are microseconds. */
export interface ControlPacket {
  readonly state: BfdState;
  /** Why the sender's session left Up last: a number of `diagnosticText`. */
  readonly diagnostic: number;
  /** P: an answer with F is asked for. F: this is that answer. Never both. */
  readonly poll: boolean;
  readonly final: boolean;
  /** C: the sender's BFD lives on when its routing daemon restarts. */
  readonly controlPlaneIndependent: boolean;
  /** D: the sender wants no periodic packets. */
  readonly demand: boolean;
  /** After how many of its packets that did not come the sender is gone; 1 to 255. */
  readonly multiplier: number;
  readonly myDiscriminator: number;
  /** 0 while the sender knows none of ours. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxMicros: number;
  /** 0: the sender wants no periodic packets at all. */
  readonly requiredMinRxMicros: number;
  readonly requiredMinEchoRxMicros: number;
}

export type DecodedControlPacket =
  | { readonly kind: "packet"; readonly packet: ControlPacket }
  /** To be dropped without an answer; the reason is for a person. */
  | { readonly kind: "refused"; readonly reason: string };

export const controlPacketBytes = 24;
const authenticatedBytesMin = 26;
const version = 1;
const flag = { poll: 0x20, final: 0x10, independent: 0x08, authenticated: 0x04, demand: 0x02, multipoint: 0x01 };

export function encodeControlPacket(packet: ControlPacket): Uint8Array {
  const bytes = new Uint8Array(controlPacketBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = (version << 5) | packet.diagnostic;
  bytes[1] = (bfdStates.indexOf(packet.state) << 6) | flagsOf(packet);
  bytes[2] = packet.multiplier;
  bytes[3] = controlPacketBytes;
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxMicros);
  view.setUint32(16, packet.requiredMinRxMicros);
  view.setUint32(20, packet.requiredMinEchoRxMicros);
  return bytes;
}

/** The checks and their order are those of RFC 5880 §6.8.6, up to the one that needs to know the sessions. */
export function decodeControlPacket(bytes: Uint8Array): DecodedControlPacket {
  const reader = new WireReader(bytes);
  const [first, second, multiplier, length] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  if (reader.fault !== null) return refused(`${bytes.length} bytes are no control packet`);
  if (first >> 5 !== version) return refused(`version ${first >> 5}, and ${version} is known`);
  const isAuthenticated = (second & flag.authenticated) !== 0;
  const lengthMin = isAuthenticated ? authenticatedBytesMin : controlPacketBytes;
  if (length < lengthMin) return refused(`length ${length} where ${lengthMin} is the least`);
  if (length > bytes.length) return refused(`length ${length} in a datagram of ${bytes.length} bytes`);
  if (multiplier === 0) return refused("detection multiplier 0");
  if (second & flag.multipoint) return refused("the multipoint bit is set");
  const packet: ControlPacket = {
    state: bfdStates[second >> 6] ?? "down",
    diagnostic: first & 0x1f,
    poll: (second & flag.poll) !== 0,
    final: (second & flag.final) !== 0,
    controlPlaneIndependent: (second & flag.independent) !== 0,
    demand: (second & flag.demand) !== 0,
    multiplier,
    myDiscriminator: reader.u32(),
    yourDiscriminator: reader.u32(),
    desiredMinTxMicros: reader.u32(),
    requiredMinRxMicros: reader.u32(),
    requiredMinEchoRxMicros: reader.u32(),
  };
  if (packet.myDiscriminator === 0) return refused("its own discriminator is 0");
  const isBeginning = packet.state === "down" || packet.state === "adminDown";
  if (packet.yourDiscriminator === 0 && !isBeginning) return refused(`state ${packet.state} without our discriminator`);
  if (isAuthenticated) return refused("it is authenticated, and this speaker knows no authentication of BFD");
  return { kind: "packet", packet };
}

function flagsOf({ poll, final, controlPlaneIndependent, demand }: ControlPacket): number {
  return (
    (poll ? flag.poll : 0) |
    (final ? flag.final : 0) |
    (controlPlaneIndependent ? flag.independent : 0) |
    (demand ? flag.demand : 0)
  );
}

function refused(reason: string): DecodedControlPacket {
  return { kind: "refused", reason };
}

/** RFC 5880 §4.1. Those that this machine sets itself have names. */
export const diagnostic = { none: 0, detectionExpired: 1, neighborDown: 3, adminDown: 7 } as const;

const diagnosticTexts = [
  "none",
  "control detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
];

export function diagnosticText(number: number): string {
  return diagnosticTexts[number] ?? `diagnostic ${number}`;
}
