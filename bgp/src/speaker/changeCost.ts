/** What a changed field of the configuration costs: a table, so that an operator can be told before it happens. */
import { isDeepStrictEqual } from "node:util";
import type { PeerConfig, SpeakerConfig } from "./config.ts";

/**
 * `none`: heeded from the next connection on. `reimport`: what is known is judged anew. `reexport`: what was sent is
 * sent anew, or withdrawn. `reset`: the session ends with Cease/Other Configuration Change and comes back.
 */
type Cost = "none" | "reimport" | "reexport" | "reset";

const costsOfPeer: Readonly<Record<keyof PeerConfig, readonly Cost[]>> = {
  name: ["none"],
  role: ["none"],
  address: ["reset"],
  port: ["reset"],
  asn: ["reset"],
  localAddress: ["reset"],
  passive: ["none"],
  holdSeconds: ["reset"],
  connectRetrySeconds: ["none"],
  families: ["reset"],
  password: ["reset"],
  ttlSecurity: ["reset"],
  nextHop: ["reimport", "reexport"], // Import refuses routes by way of our own addresses.
  nextHopMode: ["reexport"],
  importFilters: ["reimport"],
  exportFilters: ["reexport"],
  importPolicy: ["reimport"],
  exportPolicy: ["reexport"],
};

const costsOfSpeaker: Readonly<Record<keyof SpeakerConfig, readonly Cost[]>> = {
  asn: ["reset"],
  bgpId: ["reset"],
  gracefulRestart: ["reset"],
  listen: ["none"],
  peers: ["none"],
  restarting: ["none"],
};

export interface ChangeCost {
  readonly resets: boolean;
  readonly reimports: boolean;
  readonly reexports: boolean;
}

interface Context {
  readonly speaker: SpeakerConfig;
  readonly peer: PeerConfig;
}

export function costOfChange(before: Context, after: Context): ChangeCost {
  const costs = new Set([
    ...costsOf(costsOfSpeaker, before.speaker, after.speaker),
    ...costsOf(costsOfPeer, before.peer, after.peer),
  ]);
  return { resets: costs.has("reset"), reimports: costs.has("reimport"), reexports: costs.has("reexport") };
}

function costsOf<T extends object>(table: Readonly<Record<keyof T, readonly Cost[]>>, before: T, after: T): Cost[] {
  const fields = Object.keys(table) as (keyof T)[];
  return fields.flatMap((field) => (isDeepStrictEqual(before[field], after[field]) ? [] : table[field]));
}
