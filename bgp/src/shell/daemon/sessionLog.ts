/** What operators want in a log: sessions that come and go, and why; of a peer that is dialled in vain all day, now and then. */
import type { PeerStatus, SessionFailure } from "../../control.ts";

/** How often the same failure of one peer is told. */
const againMs = 600_000;
/** Of so many peers it is known what was told: of a range as many may come as it has addresses. */
const peersMax = 4_096;

interface Told {
  readonly atMs: number;
  /** How often since. */
  readonly untold: number;
}

export function sessionLog(log: (line: string) => void): (peer: PeerStatus) => void {
  const up = new Set<string>();
  const seen = new WeakSet<SessionFailure>();
  const failures = new Failures();
  return ({ name, phase, lastFailure }) => {
    const isNews = lastFailure !== null && !seen.has(lastFailure);
    if (lastFailure) seen.add(lastFailure);
    if (phase === "established") {
      if (!up.has(name)) log(`peer ${name}: Established`);
      up.add(name);
      failures.forget(name);
    } else if (up.delete(name)) log(`peer ${name}: lost: ${isNews ? lastFailure.text : "ended here"}`);
    else if (isNews) {
      const untold = failures.note(name, lastFailure);
      if (untold !== null)
        log(`peer ${name}: ${lastFailure.text}${untold > 0 ? ` (${untold} more since it was told)` : ""}`);
    }
  };
}

class Failures {
  /** By peer, and by the text without its hint, which may count up with each attempt. */
  readonly #told = new Map<string, Map<string, Told>>();

  forget(peer: string): void {
    this.#told.delete(peer);
  }

  /** How many that were like it went untold, or `null` where it goes untold, too. */
  note(peer: string, { atMs, text }: SessionFailure): number | null {
    const ofPeer = this.#ofPeer(peer);
    const kind = text.replace(/ \(.*\)/, "");
    const before = ofPeer.get(kind);
    const isDue = !before || atMs - before.atMs >= againMs;
    ofPeer.set(kind, isDue ? { atMs, untold: 0 } : { ...before, untold: before.untold + 1 });
    return isDue ? (before?.untold ?? 0) : null;
  }

  #ofPeer(peer: string): Map<string, Told> {
    const known = this.#told.get(peer);
    if (known && known.size < 16) return known;
    const oldest = this.#told.keys().next().value;
    if (!known && oldest !== undefined && this.#told.size >= peersMax) this.#told.delete(oldest);
    const fresh = new Map<string, Told>();
    this.#told.set(peer, fresh);
    return fresh;
  }
}
