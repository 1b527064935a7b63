/** What a changed field of the configuration costs: a table, so that an operator can be told before it happens. */
import { isDeepStrictEqual } from "node:util";
import type { PeerConfig, SpeakerConfig } from "./config.ts";

/**
 * `none`: heeded from the next connection on. `reimport`: what is known is judged anew. `reexport`: what was sent is
 * sent anew, or withdrawn. `reset`: the session ends with Cease/Other Configuration Change and comes back.
 */
export type Cost = "none" | "reimport" | "reexport" | "reset";

const costsOfPeer: Readonly<Record<keyof PeerConfig, readonly Cost[]>> = {
  name: ["none"],
  role: ["none"],
  address: ["reset"],
  interface: ["reset"],
  port: ["reset"],
  asn: ["reset"],
  localAsn: ["reset"],
  ownAsMax: ["reimport"],
  gracefulRestart: ["reset"],
  localAddress: ["reset"],
  passive: ["none"],
  holdSeconds: ["reset"],
  connectRetrySeconds: ["none"],
  families: ["reset"],
  password: ["reset"],
  ttlSecurity: ["reset"],
  shutdown: ["none"], // The peer's keeper sees to it.
  gracefulShutdown: ["reimport", "reexport"],
  withheld: ["reset"],
  maxPrefixes: ["none"], // Heeded from the next UPDATE on, by the peer's keeper.
  bfd: ["none"], // BFD agrees on new values while it runs.
  routeReflectorClient: ["reset"],
  localRole: ["reset"],
  strictRole: ["reset"],
  extendedNextHop: ["reset"],
  addPath: ["reset"], // Its bounds, too: what was dropped comes again with the session.
  sendHoldSeconds: ["reset"],
  keepaliveSeconds: ["reset"],
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
  identity: ["none"],
  clusterId: ["reset"],
  gracefulShutdown: ["reexport"],
  multipath: ["none"], // The speaker sees to it.
  bmp: ["none"], // No peer hears of it.
  listen: ["none"],
  peers: ["none"],
  dynamicPeers: ["none"], // What a template says is compared peer by peer.
  restarting: ["none"],
};

/** One field that is not what it was. */
export type ChangedField =
  | { readonly of: "speaker"; readonly field: keyof SpeakerConfig; readonly costs: readonly Cost[] }
  | { readonly of: "peer"; readonly field: keyof PeerConfig; readonly costs: readonly Cost[] };

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
  const costs = new Set(changedFields(before, after).flatMap((changed) => changed.costs));
  return { resets: costs.has("reset"), reimports: costs.has("reimport"), reexports: costs.has("reexport") };
}

/** What differs between two configurations of one peer, and what each difference costs it. */
export function changedFields(before: Context, after: Context): ChangedField[] {
  return [
    ...changed(costsOfSpeaker, before.speaker, after.speaker).map((field) => ({ of: "speaker", ...field }) as const),
    ...changed(costsOfPeer, before.peer, after.peer).map((field) => ({ of: "peer", ...field }) as const),
  ];
}

interface Changed<T> {
  readonly field: keyof T;
  readonly costs: readonly Cost[];
}

function changed<T extends object>(
  table: Readonly<Record<keyof T, readonly Cost[]>>,
  before: T,
  after: T,
): Changed<T>[] {
  const fields = Object.keys(table) as (keyof T)[];
  return fields
    .filter((field) => !isDeepStrictEqual(before[field], after[field]))
    .map((field) => ({ field, costs: table[field] }));
}
