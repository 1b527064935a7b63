/** What operators want in a log: sessions that come and go, and why. */
import type { PeerStatus, SessionFailure } from "../../control.ts";

/**
 * Keeps the names of peers whose sessions stand, and of others nothing: of a range there may be as many in the course of
 * time as it has addresses, and each may be another one when it comes again.
 */
export function sessionLog(log: (line: string) => void): (peer: PeerStatus) => void {
  const up = new Set<string>();
  const told = new WeakSet<SessionFailure>();
  return ({ name, phase, lastFailure }) => {
    const isNews = lastFailure !== null && !told.has(lastFailure);
    if (lastFailure) told.add(lastFailure);
    if (phase === "established") {
      if (!up.has(name)) log(`peer ${name}: Established`);
      up.add(name);
    } else if (up.delete(name)) log(`peer ${name}: lost: ${isNews ? lastFailure.text : "ended here"}`);
    else if (isNews) log(`peer ${name}: ${lastFailure.text}`);
  };
}
