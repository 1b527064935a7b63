/** The usual causes of a dial without an answer: what drops packets silently. */
import type { SessionConfig } from "../session/config.ts";
import type { PeerConfig } from "./config.ts";

/** `dropped`: how many segments this host has dropped for their signatures since the peer was last well. */
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
  if (ttlSecurity !== undefined) {
    causes.push(`is the peer at most ${ttlSecurity} hops away, and does it send with a hop limit of 255 (RFC 5082)?`);
  }
  return causes.length === 0 ? {} : { silenceHint: causes.join(" ") };
}

export const passwordNotHeardText =
  "the peer cannot reach us, only we can dial it: the kernel holds no more passwords on a listening socket: raise net.core.optmem_max";
