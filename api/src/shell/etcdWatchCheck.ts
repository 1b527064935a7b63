/** The proof that a stream of changes misses nothing: a listing of all keys and revisions beside it, without values. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Sighting, WatchState } from "../store/watchState.ts";
import type { EtcdConnection } from "./etcdConnection.ts";
import { listPages } from "./etcdRange.ts";

export interface WatchedKind {
  readonly prefixes: readonly string[];
  readonly state: WatchState;
}

const firstLookMs = 50;

/** The keys whose last change was never told. Empty when `signal` comes first. */
export async function findMissed(
  connection: EtcdConnection,
  kinds: readonly WatchedKind[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const { state } of kinds) state.beginCheck();
  try {
    const { sightings, revision } = await listSightings(connection, kinds);
    const look = () => kinds.flatMap(({ state }) => state.untold(sightings.get(state) ?? [], revision));
    let untold = look();
    // What is under way has as long to come as an answer would have.
    const endMs = performance.now() + connection.timeoutMs;
    for (let waitMs = firstLookMs; untold.length > 0 && performance.now() < endMs; waitMs *= 2) {
      await sleep(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return [];
      untold = look();
    }
    return untold;
  } finally {
    for (const { state } of kinds) state.endCheck();
  }
}

async function listSightings(connection: EtcdConnection, kinds: readonly WatchedKind[]) {
  const states = kinds.flatMap(({ prefixes, state }) => prefixes.map(() => state));
  const prefixes = kinds.flatMap((kind) => kind.prefixes);
  const sightings = new Map<WatchState, Sighting[]>();
  let revision = "0";
  for await (const page of listPages(connection, prefixes, { keysOnly: true })) {
    revision = page.revision;
    const state = states[page.index];
    if (state === undefined) continue;
    const found = sightings.get(state) ?? [];
    for (const entry of page.entries) found.push({ key: entry.key, revision: entry.revision });
    sightings.set(state, found);
  }
  return { sightings, revision };
}
