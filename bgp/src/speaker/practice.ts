/**
 * Sessions with nobody, gone through in a speaker that is thrown away. What a process does for the first times costs it
 * several times what it costs later: code is read, interpreted, and compiled by a thread that competes for a processor. A
 * speaker that comes back is dialled by all its peers at once, so that is over before it listens.
 */
import { encodeMessage } from "../wire/codec.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import type { ConnectionId, SpeakerEvent } from "./event.ts";
import { Speaker } from "./speaker.ts";

/** Benchmarking addresses (RFC 2544); nothing here reaches a network. */
const localAddress = "198.18.0.1";
const peerAddress = (i: number): string => `198.18.1.${i + 1}`;
const peerCount = 8;

/**
 * So many sessions one after the other: each is dialled to us, exchanges OPEN and KEEPALIVE, is told the end of the table,
 * and is lost. Gives how many came up, which is all of them.
 */
export function practise(sessions: number): number {
  const speaker = new Speaker({ tellsBest: false });
  const config = speakerConfig();
  let nowMs = 0;
  let established = 0;
  const tell = (event: SpeakerEvent): void => {
    nowMs += 1;
    for (const action of speaker.handle(event, nowMs)) {
      if (action.type === "send") tell({ type: "drained", connection: action.connection });
      else if (action.type === "wake") tell({ type: "turn" });
      else if (action.type === "peerChanged" && action.peer.phase === "established") established += 1;
    }
  };
  tell({ type: "configure", config });
  tell({ type: "originate", prefixes: [] });
  const keepalive = encodeMessage({ type: "keepalive" }, { fourOctetAs: true });
  for (let i = 0; i < sessions; i++) {
    const connection: ConnectionId = -1 - i;
    const remoteAddress = peerAddress(i % peerCount);
    tell({ type: "accepted", connection, localAddress, remoteAddress, ports: { local: 179, remote: 40_000 + i } });
    tell({ type: "bytes", connection, bytes: openOf(config, i % peerCount) });
    tell({ type: "bytes", connection, bytes: keepalive });
    tell({ type: "closed", connection, reason: "practice" });
  }
  return established;
}

function speakerConfig(): SpeakerConfig {
  const peers = Array.from(
    { length: peerCount },
    (_, i): PeerConfig => ({
      name: `practice ${i}`,
      role: "peer",
      address: peerAddress(i),
      port: 179,
      asn: 64_496 + i,
      localAddress,
      passive: true,
      holdSeconds: 90,
      connectRetrySeconds: 5,
      families: [4, 6],
      nextHop: { 6: "2001:db8::1" },
      importPolicy: { accept: "all" },
      exportPolicy: { accept: "all" },
    }),
  );
  return { asn: 64_511, bgpId: localAddress, listen: [], peers };
}

function openOf({ peers }: SpeakerConfig, i: number): Uint8Array {
  const asn = Number(peers[i]?.asn);
  const capabilities = [
    { code: 1, name: "multiprotocol", family: 4 },
    { code: 65, name: "fourOctetAs", asn },
  ] as const;
  const open = { type: "open", asn, holdSeconds: 90, bgpId: 0xc6_12_01_01 + i, capabilities } as const;
  return encodeMessage(open, { fourOctetAs: true });
}
