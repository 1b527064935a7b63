/** A watch of the datastore in memory. It is woken after each change, and catches up with all it has not told yet. */
import { etcdPrefixes } from "./etcdKeys.ts";
import type { MemoryData } from "./memoryData.ts";
import type { MemoryFaults } from "./memoryFaults.ts";
import type { Kind, WatchEvent, WatchTrouble } from "./store.ts";
import { type Change, WatchState } from "./watchState.ts";

export interface MemoryWatchPorts {
  readonly data: MemoryData;
  readonly faults: MemoryFaults | null;
  readonly nowMs: () => number;
}

/** All up to a revision has left the datastore, told or still under way. */
interface Position {
  readonly revision: bigint;
  readonly restores: number;
}

export class MemoryWatch {
  readonly #kinds: readonly { readonly prefixes: readonly string[]; readonly state: WatchState }[];
  readonly #listener: (event: WatchEvent) => void;
  readonly #ports: MemoryWatchPorts;
  /** `null` before the first listing and after a disconnection. */
  #position: Position | null = null;
  #restoresTold: number;
  #underWay: readonly Change[] = [];
  #isAway = false;
  #isStopped = false;
  #heardAtMs: number | null = null;

  constructor(kinds: readonly Kind[], listener: (event: WatchEvent) => void, ports: MemoryWatchPorts) {
    this.#listener = (event) => {
      if (!this.#isStopped) listener(event);
    };
    this.#kinds = kinds.map((kind) => ({
      prefixes: etcdPrefixes(kind),
      state: new WatchState(kind, this.#listener),
    }));
    this.#ports = ports;
    this.#restoresTold = ports.data.restores;
  }

  stop(): void {
    this.#isStopped = true;
  }

  stalenessMs(): number | null {
    return this.#heardAtMs === null ? null : this.#ports.nowMs() - this.#heardAtMs;
  }

  /** `awayBecause` is why the datastore cannot be reached now, or `null`. `more` when it is to be called again. */
  catchUp(awayBecause: string | null): "done" | "more" {
    if (this.#isStopped) return "done";
    const reason = awayBecause ?? (this.#ports.faults?.losesWatch() ? "the watch was lost" : null);
    if (reason === null) this.#tellMissed();
    else this.#onAway(reason);
    return this.#underWay.length > 0 || (reason !== null && awayBecause === null) ? "more" : "done";
  }

  #tellMissed(): void {
    const { data, nowMs } = this.#ports;
    const before = this.#position;
    this.#position = { revision: data.revision, restores: data.restores };
    if (data.restores !== this.#restoresTold) this.#onSetBack();
    else if (before === null) this.#tellListing();
    else this.#tellChangesAfter(before);
    if (this.#underWay.length === 0) this.#heardAtMs = nowMs();
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#listener({ type: "connected" });
  }

  #onAway(reason: string): void {
    this.#position = null;
    this.#underWay = [];
    if (this.#isAway) return;
    this.#isAway = true;
    this.#listener({ type: "disconnected", reason });
  }

  #onSetBack(): void {
    this.#restoresTold = this.#ports.data.restores;
    for (const { state } of this.#kinds) state.forgetRevisions();
    this.#tellTrouble("setBack", "revisions run backwards: an older snapshot was restored");
    this.#tellListing();
  }

  #tellChangesAfter({ revision }: Position): void {
    const { data, faults } = this.#ports;
    const changes = data.changesAfter(revision);
    if (changes === null) {
      this.#tellTrouble("compacted", "the history up to here was forgotten");
      this.#tellListing();
      return;
    }
    const pending = [...this.#underWay, ...changes];
    const { now, later } = faults?.deliver(pending) ?? { now: pending, later: [] };
    this.#underWay = later;
    this.#tellChanges(now);
  }

  #tellTrouble(trouble: WatchTrouble, reason: string): void {
    this.#listener({ type: "trouble", trouble, reason });
  }

  #tellListing(): void {
    this.#underWay = [];
    const revision = String(this.#ports.data.revision);
    for (const { prefixes, state } of this.#kinds) state.onListing(this.#ports.data.entriesUnder(prefixes), revision);
  }

  #tellChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      const key = change.type === "put" ? change.entry.key : change.key;
      const watched = this.#kinds.find(({ prefixes }) => prefixes.some((prefix) => key.startsWith(prefix)));
      watched?.state.onChange(change);
    }
  }
}
