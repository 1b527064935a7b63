/** What a new configuration changes, and what each change costs each peer: told before anything is done. */
import { isDeepStrictEqual } from "node:util";
import { type ChangedField, type Cost, changedFields } from "../speaker/changeCost.ts";
import type { PeerConfig, RoutePolicy, SpeakerConfig } from "../speaker/config.ts";
import { speakerAsSeen } from "../speaker/peerPlace.ts";
import { shown } from "./shown.ts";
import type { SpeakerWish } from "./speakerConfigOf.ts";

/**
 * `nothing`: heeded from now on, or from the next connection. `refresh`: routes are judged or told anew by the same
 * session. `reset`: the session ends and comes back. `new`, `gone`: the peer itself.
 */
export type PlannedCost = "nothing" | "refresh" | "reset" | "new" | "gone";

export interface PlannedChange {
  /** `null` for what concerns no peer. */
  readonly peer: string | null;
  /** As the YAML calls it; `null` for a peer as a whole. */
  readonly field: string | null;
  readonly from: string;
  readonly to: string;
  readonly cost: PlannedCost;
  /** What happens, in words. */
  readonly effect: string;
}

export interface ReloadPlan {
  readonly changes: readonly PlannedChange[];
  /** Peers whose sessions end, and which of them are Established now. */
  readonly resets: readonly string[];
  readonly lost: readonly string[];
}

/** The names in the YAML, by those in the library: a new field of a peer does not compile without its own. */
const peerFieldNames: Readonly<Record<keyof PeerConfig, string>> = {
  name: "name",
  role: "role",
  address: "peerIP",
  port: "peerIP",
  asn: "asNumber",
  localAsn: "localASNumber",
  ownAsMax: "numAllowedLocalASNumbers",
  gracefulRestart: "gracefulRestart",
  localAddress: "localAddress",
  passive: "passive",
  holdSeconds: "holdTime",
  connectRetrySeconds: "connectRetryTime",
  families: "families",
  password: "passwordFile",
  ttlSecurity: "ttlSecurity",
  interface: "interface",
  shutdown: "shutdown",
  gracefulShutdown: "gracefulShutdown",
  withheld: "withheld",
  maxPrefixes: "maxPrefixes",
  bfd: "bfd",
  routeReflectorClient: "routeReflectorClient",
  localRole: "role",
  strictRole: "strictRole",
  extendedNextHop: "extendedNextHop",
  addPath: "addPath",
  keepaliveSeconds: "keepaliveTime",
  sendHoldSeconds: "sendHoldTime",
  nextHop: "nextHop",
  nextHopMode: "nextHopMode",
  importFilters: "filters (import)",
  exportFilters: "filters (export)",
  importPolicy: "importPolicy",
  exportPolicy: "exportPolicy",
};

const speakerFieldNames: Readonly<Record<keyof SpeakerConfig, string>> = {
  asn: "asNumber",
  bgpId: "routerID",
  listen: "listen",
  peers: "peers",
  gracefulRestart: "gracefulRestart",
  dynamicPeers: "peers (range)",
  identity: "hostName",
  clusterId: "clusterID",
  gracefulShutdown: "gracefulShutdown",
  multipath: "multipath",
  bmp: "bmp",
  restarting: "restarting",
};

export function planReload(
  before: SpeakerWish,
  after: SpeakerWish,
  isEstablished: (peer: string) => boolean,
): ReloadPlan {
  const [had, has] = [peersOf(before.config), peersOf(after.config)];
  const known = new Map(had.map((peer) => [peer.name, peer]));
  const wanted = new Set(has.map(({ name }) => name));
  const ofPeers = has.flatMap((peer): PlannedChange[] => {
    const old = known.get(peer.name);
    if (!old) return [{ peer: peer.name, field: null, from: "", to: peer.address, cost: "new", effect: "begins" }];
    return peerChanges(asSeen(before.config, old), asSeen(after.config, peer));
  });
  const gone = had
    .filter(({ name }) => !wanted.has(name))
    .map(({ name, address }): PlannedChange => {
      return { peer: name, field: null, from: address, to: "", cost: "gone", effect: "ends, with its routes" };
    });
  const changes = [...daemonChanges(before, after), ...limitChanges(before, after), ...ofPeers, ...gone];
  const resets = [...new Set(changes.flatMap(({ peer, cost }) => (peer !== null && cost === "reset" ? [peer] : [])))];
  return { changes, resets, lost: resets.filter(isEstablished) };
}

/** A range stands for all its peers: what its template says is theirs. */
function peersOf({ peers, dynamicPeers = [] }: SpeakerConfig): PeerConfig[] {
  const ranges = dynamicPeers.map(({ name, range, template }) => ({
    ...template,
    name,
    address: range,
    passive: true,
  }));
  return [...peers, ...ranges];
}

interface Context {
  readonly speaker: SpeakerConfig;
  readonly peer: PeerConfig;
}

function asSeen(speaker: SpeakerConfig, peer: PeerConfig): Context {
  return { speaker: speakerAsSeen(speaker, peer), peer };
}

/** What is the speaker's for all, and the peer's own where it has it, is told once: by the peer's field. */
const ownFields = { asn: "localAsn", gracefulRestart: "gracefulRestart" } as const;

function isTold(changed: ChangedField, before: Context, after: Context): boolean {
  if (changed.of === "peer") return true;
  const own = changed.field === "asn" || changed.field === "gracefulRestart" ? ownFields[changed.field] : null;
  return own === null || isDeepStrictEqual(before.peer[own], after.peer[own]);
}

function peerChanges(before: Context, after: Context): PlannedChange[] {
  const changes = changedFields(before, after).filter((changed) => isTold(changed, before, after));
  return changes.flatMap((changed): PlannedChange[] => {
    const { costs } = changed;
    if (changed.of === "speaker") {
      if (costs.every((cost) => cost === "none")) return [];
      const values = [before.speaker[changed.field], after.speaker[changed.field]] as const;
      return [{ peer: after.peer.name, ...told(speakerFieldNames[changed.field], values), ...costOf(costs) }];
    }
    const { field } = changed;
    const values = [before.peer[field], after.peer[field]] as const;
    if (field === "shutdown")
      return [{ peer: after.peer.name, ...told("shutdown", values), ...shutdownCost(after.peer) }];
    if (field === "bfd") return [{ peer: after.peer.name, ...told("bfd", values), ...bfdCost }];
    if (field === "maxPrefixes") return [{ peer: after.peer.name, ...told("maxPrefixes", values), ...boundCost }];
    const hidden = field === "password" ? (["(a secret)", "(another secret)"] as const) : null;
    return [{ peer: after.peer.name, ...told(peerFieldNames[field], hidden ?? values), ...costOf(costs) }];
  });
}

function daemonChanges(before: SpeakerWish, after: SpeakerWish): PlannedChange[] {
  const changes: PlannedChange[] = [];
  const listens = [before.config.listen, after.config.listen] as const;
  if (!isDeepStrictEqual(...listens)) {
    const effect = "connections that were accepted live on";
    changes.push({ peer: null, ...told("listen", listens), cost: "nothing", effect });
  }
  const stations = [before.config.bmp, after.config.bmp] as const;
  if (!isDeepStrictEqual(...stations)) {
    const effect = "those that changed are dialled anew; no peer hears of it";
    changes.push({ peer: null, ...told("bmp", stations), cost: "nothing", effect });
  }
  const ways = [before.config.multipath, after.config.multipath] as const;
  if (!isDeepStrictEqual(...ways)) {
    const effect = "the same routes, by other next hops beside the best";
    changes.push({ peer: null, ...told("multipath", ways), cost: "nothing", effect });
  }
  const hosts = [before.config.identity, after.config.identity] as const;
  if (!isDeepStrictEqual(...hosts)) {
    const effect = "peers are shown it with their next sessions";
    changes.push({ peer: null, ...told("hostName", [hostOf(hosts[0]), hostOf(hosts[1])]), cost: "nothing", effect });
  }
  const [had, has] = [ownByPrefix(before), ownByPrefix(after)];
  const come = [...has].filter(([prefix, content]) => had.get(prefix) !== content).length;
  const go = [...had.keys()].filter((prefix) => !has.has(prefix)).length;
  if (come + go > 0) {
    const effect = `${come} new or changed, ${go} withdrawn`;
    changes.push({ peer: null, field: "originate", from: `${had.size}`, to: `${has.size}`, cost: "nothing", effect });
  }
  return changes;
}

function hostOf(identity: SpeakerConfig["identity"]): string | undefined {
  return identity && [identity.hostName, identity.domain].filter(Boolean).join(".");
}

function limitChanges(before: SpeakerWish, after: SpeakerWish): PlannedChange[] {
  const limits = new Map((before.config.dynamicPeers ?? []).map(({ name, limit }) => [name, limit]));
  return (after.config.dynamicPeers ?? []).flatMap(({ name, limit }): PlannedChange[] => {
    const old = limits.get(name);
    if (old === undefined || old === limit) return [];
    const effect = "those that are here stay";
    return [{ peer: name, ...told("peerLimit", [old, limit]), cost: "nothing", effect }];
  });
}

function ownByPrefix({ originated }: SpeakerWish): Map<string, string> {
  return new Map(originated.map((own) => (typeof own === "string" ? [own, ""] : [own.prefix, JSON.stringify(own)])));
}

function told(field: string, values: readonly [unknown, unknown]): Pick<PlannedChange, "field" | "from" | "to"> {
  const [from, to] = values.map((value) => inWords(field, value)) as [string, string];
  // Of what is told by a name or a number alone the content differs: filters by one name, lists of one length.
  return { field, from, to: from === to ? `${to} (other content)` : to };
}

const boundCost = { cost: "nothing", effect: "heeded from the next UPDATE on" } as const;
const bfdCost = { cost: "nothing", effect: "BFD goes by it from now on" } as const;

function shutdownCost({ shutdown }: PeerConfig): Pick<PlannedChange, "cost" | "effect"> {
  if (shutdown) return { cost: "reset", effect: "the session ends and stays away" };
  return { cost: "nothing", effect: "the session may come back" };
}

/** As the YAML has it, where that is short. */
function inWords(field: string, value: unknown): string {
  if (value === undefined) return "(none)";
  if (typeof value === "number" && field.endsWith("Time")) return `${value}s`;
  if (Array.isArray(value) && field === "families") return value.map((family) => `ipv${family}`).join(", ");
  const accept = (value as Partial<RoutePolicy>)?.accept;
  if (accept === "all") return "accept";
  if (accept) return accept.length === 0 ? "reject" : `a list of ${accept.length}`;
  if (field === "bfd") return bfdWords(value as NonNullable<PeerConfig["bfd"]>);
  if (field === "maxPrefixes") return boundWords(value as NonNullable<PeerConfig["maxPrefixes"]>);
  if (Array.isArray(value) && field.startsWith("filters")) return value.map(({ name }) => name).join(", ");
  return typeof value === "string" ? value : shown(value);
}

function bfdWords({ minTxMs, minRxMs, multiplier, multihop = false }: NonNullable<PeerConfig["bfd"]>): string {
  return `${minTxMs}ms sent, ${minRxMs}ms received, ${multiplier} lost${multihop ? ", multihop" : ""}`;
}

function boundWords({ 4: ipv4, 6: ipv6, action, restartSeconds }: NonNullable<PeerConfig["maxPrefixes"]>): string {
  const bounds = [...(ipv4 === undefined ? [] : [`ipv4 ${ipv4}`]), ...(ipv6 === undefined ? [] : [`ipv6 ${ipv6}`])];
  return `${bounds.join(", ")}, else ${action}${restartSeconds === undefined ? "" : ` for ${restartSeconds}s`}`;
}

function costOf(costs: readonly Cost[]): Pick<PlannedChange, "cost" | "effect"> {
  if (costs.includes("reset")) return { cost: "reset", effect: "the session ends and comes back" };
  const effects = [
    ...(costs.includes("reimport") ? ["what it told is judged anew"] : []),
    ...(costs.includes("reexport") ? ["it is told anew what changes for it"] : []),
  ];
  if (effects.length > 0) return { cost: "refresh", effect: effects.join("; ") };
  return { cost: "nothing", effect: "heeded from the next connection on" };
}

/** One line each, and what it comes to. */
export function planLines({ changes, resets, lost }: ReloadPlan): string[] {
  if (changes.length === 0) return ["nothing changes"];
  const lines = changes.map(({ peer, field, from, to, cost, effect }) => {
    const what = [peer === null ? "" : `peer ${peer}`, field ?? ""].filter(Boolean).join(" ");
    const values = field === null ? [from, to].filter(Boolean).join("") : `${from} -> ${to}`;
    return `${what}: ${values}: ${cost} (${effect})`;
  });
  return [...lines, `peers reset: ${resets.length}, of which Established now: ${lost.length}`];
}
