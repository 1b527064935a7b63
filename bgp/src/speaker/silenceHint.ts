/** The usual causes of a silence, as a person would ask. */
import type { SessionConfig } from "../session/config.ts";
import type { PeerConfig } from "./config.ts";

export function silenceHints(
  peer: Pick<PeerConfig, "password" | "ttlSecurity">,
  dropped: number,
): Pick<SessionConfig, "silenceHint" | "openHint"> {
  return { ...silenceHint(peer, dropped), ...openHint(peer) };
}

/** Of a dial without an answer, what drops packets silently. `dropped`: how many segments this host has dropped for their signatures since the peer was last well. */
export function silenceHint(
  { password, ttlSecurity }: Pick<PeerConfig, "password" | "ttlSecurity">,
  dropped: number,
): Pick<SessionConfig, "silenceHint"> {
  const segments = `this host has dropped ${dropped} TCP segments for their signatures`;
  const causes: string[] = [];
  if (password !== undefined) {
    const seen = dropped === 0 ? "" : `; ${segments}: missing or wrong`;
    causes.push(`is the password the same there${seen}?`);
  } else if (dropped > 0) {
    causes.push(`${segments}: does the peer have a password?`);
  }
  if (ttlSecurity !== undefined) causes.push(hopLimitQuestion(ttlSecurity));
  return causes.length === 0 ? {} : { silenceHint: causes.join(" ") };
}

/** Of a connection on which no OPEN comes: TCP's handshake went through, so signatures are none of the causes. */
export function openHint({ ttlSecurity }: Pick<PeerConfig, "ttlSecurity">): Required<Pick<SessionConfig, "openHint">> {
  const causes = ["is this neighbour configured there?", "does a filter drop larger packets?"];
  if (ttlSecurity !== undefined) causes.push(hopLimitQuestion(ttlSecurity));
  return { openHint: causes.join(" ") };
}

function hopLimitQuestion(ttlSecurity: number): string {
  return `is the peer at most ${ttlSecurity} hops away, and does it send with a hop limit of 255 (RFC 5082)?`;
}

export const passwordNotHeardText =
  "the peer cannot reach us, only we can dial it: the kernel holds no more passwords on a listening socket: raise net.core.optmem_max";
