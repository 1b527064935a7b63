/** What a peer's configuration says of identifiers and addresses, of texts that `checkConfig` has seen. */
import { type Address, formatAddress, parseAddress } from "@brindle/net";
import type { SessionConfig } from "../session/config.ts";
import { type OwnState, ownCapabilities } from "./capabilities.ts";
import { anyOtherAs, type PeerConfig, type SpeakerConfig } from "./config.ts";
import type { Dial } from "./event.ts";

/** Of an unnumbered peer, whether it has shown itself. */
export function isKnown({ address, interface: name }: PeerConfig): boolean {
  return name === undefined || address !== "::";
}

/** Whether there is to be no session. */
export function isDown({ shutdown, withheld }: PeerConfig): boolean {
  return shutdown !== undefined || withheld !== undefined;
}

/** The speaker as this peer is to see it; the very same where the peer has nothing of its own. */
export function speakerAsSeen(speaker: SpeakerConfig, { localAsn, gracefulRestart }: PeerConfig): SpeakerConfig {
  if (localAsn === undefined && gracefulRestart === undefined) return speaker;
  const { gracefulRestart: ofAll, ...rest } = speaker;
  const restart = gracefulRestart === undefined ? ofAll : gracefulRestart;
  return { ...rest, asn: localAsn ?? speaker.asn, ...(restart && { gracefulRestart: restart }) };
}

/** A link-local address is dialled with its interface. */
export function dialOf({ address, interface: name, port, localAddress }: PeerConfig): Dial {
  const to = { address: name === undefined ? address : `${address}%${name}`, port };
  return localAddress === undefined ? to : { ...to, localAddress };
}

/** A dotted quad as a number. */
export function numberOf(bgpId: string): number {
  return Number(addressOf(bgpId).value);
}

export function canonical(address: string): string {
  const parsed = parseAddress(address);
  return parsed ? formatAddress(parsed) : address;
}

/** Without what changes from one attempt to the next. */
export function sessionConfigOf(speaker: SpeakerConfig, peer: PeerConfig, state: OwnState): SessionConfig {
  return {
    localAsn: speaker.asn,
    localBgpId: numberOf(speaker.bgpId),
    peerAsn: peer.asn === anyOtherAs ? null : peer.asn,
    holdSeconds: peer.holdSeconds,
    connectRetrySeconds: peer.connectRetrySeconds,
    passive: peer.passive,
    ...(peer.localRole && { role: { ours: peer.localRole, strict: peer.strictRole ?? false } }),
    ...(peer.sendHoldSeconds !== undefined && { sendHoldSeconds: peer.sendHoldSeconds }),
    ...(peer.keepaliveSeconds !== undefined && { keepaliveSeconds: peer.keepaliveSeconds }),
    families: peer.families,
    capabilities: ownCapabilities(speaker, peer, state),
  };
}

/** A socket bound to both families shows an IPv4 peer as a mapped address; a link-local one has its interface. */
export function canonicalAddress(text: string): { readonly text: string; readonly address: Address } | null {
  const plain = withoutZone(text).replace(/^::ffff:(?=\d+\.)/i, "");
  const address = parseAddress(plain);
  return address && { text: formatAddress(address), address };
}

/** Of a configured address, as `canonicalAddress` has it. */
export function textOf(address: string): string {
  return canonicalAddress(address)?.text ?? address;
}

/** Where its connections come from. */
export function placeOf({ address, interface: name }: PeerConfig): string {
  return name === undefined ? textOf(address) : `${textOf(address)}%${name}`;
}

export function withoutZone(text: string): string {
  return text.replace(/%.*$/, "");
}

/** Texts that were read before: of thousands of peers nearly all have the same next hop, address and identifier of ours. */
const known = new Map<string, Address>();
const knownMax = 64;

/** Of a text that `checkConfig` has seen. */
export function addressOf(text: string): Address {
  const before = known.get(text);
  if (before) return before;
  const address = parseAddress(text);
  if (!address) throw new TypeError(`not an address: ${text}`);
  if (known.size >= knownMax) known.clear();
  known.set(text, address);
  return address;
}
