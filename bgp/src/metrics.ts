/** What a speaker tells of itself as metrics: names, labels and values, whoever turns them into text for Prometheus. */
import type { BmpStatus, LimitCounts, PeerStatus, SpeakerSummary } from "./control.ts";

export interface Metric {
  readonly name: string;
  readonly help: string;
  /** Prometheus takes the name of a counter to end in `_total`. */
  readonly type: "gauge" | "counter";
  readonly labelNames: readonly string[];
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

interface Told {
  readonly peers: readonly PeerStatus[];
  readonly summary: SpeakerSummary;
}

/** Of no speaker each metric is there without samples. Routes are counted while a session is Established, and only then. */
export function speakerMetrics(told: Told | null): Metric[] {
  const { summary = null } = told ?? {};
  return [...peerMetrics(told?.peers ?? []), ...tableMetrics(summary), ...stationMetrics(summary?.bmp ?? [])];
}

function peerMetrics(peers: readonly PeerStatus[]): Metric[] {
  const ofEach = (name: string, help: string, value: (peer: PeerStatus) => number): Metric => ({
    name: `brindle_bgp_peer_${name}`,
    help,
    type: typeOf(name),
    labelNames: ["peer", "asn"],
    samples: peers.map((peer) => ({ labels: { peer: peer.name, asn: String(peer.asn) }, value: value(peer) })),
  });
  return [
    ofEach("established", "1 while the session is Established", ({ phase }) => (phase === "established" ? 1 : 0)),
    ofEach("state_since_seconds", "when the present state began, seconds since 1970", ({ sinceMs }) => sinceMs / 1000),
    ofEach("losses_total", "how often an Established session was lost", ({ flaps }) => flaps),
    ofEach("queued_bytes", "what the peer has not read yet", ({ session }) => session?.queuedBytes ?? 0),
    ofEach(
      "attribute_faults_total",
      "faulty attributes of an Established session that did not end it (RFC 7606); begins at 0 with each session",
      ({ session }) => session?.attributeFaults?.count ?? 0,
    ),
    {
      name: "brindle_bgp_peer_limited_total",
      help: "what was not kept or not used of the peer, by the limit that it was beyond",
      type: "counter",
      labelNames: ["peer", "limit"],
      samples: peers.flatMap(limitSamples),
    },
    {
      name: "brindle_bgp_peer_routes",
      help: "routes of an Established session, by what became of them",
      type: "gauge",
      labelNames: ["peer", "family", "kind"],
      samples: peers.flatMap(routeSamples),
    },
  ];
}

/** Of monitoring stations (RFC 7854). */
function stationMetrics(stations: readonly BmpStatus[]): Metric[] {
  const ofEach = (name: string, help: string, value: (station: BmpStatus) => number): Metric => ({
    name: `brindle_bgp_bmp_${name}`,
    help,
    type: typeOf(name),
    labelNames: ["station"],
    samples: stations.map((station) => ({ labels: { station: station.name }, value: value(station) })),
  });
  return [
    ofEach("up", "1 while the monitoring station is connected", ({ state }) => (state === "up" ? 1 : 0)),
    ofEach("messages_total", "messages sent to the monitoring station", ({ messages }) => messages),
    ofEach("queued_bytes", "what the monitoring station has not read yet", ({ queuedBytes }) => queuedBytes),
    ofEach("overruns_total", "how often the station was hung up on for reading too slowly", ({ overruns }) => overruns),
  ];
}

function typeOf(name: string): Metric["type"] {
  return name.endsWith("_total") ? "counter" : "gauge";
}

const noLimits: LimitCounts = { prefixes: 0, paths: 0, attributes: 0, asPath: 0 };

function limitSamples({ name: peer, limited = noLimits }: PeerStatus): Metric["samples"] {
  return Object.entries(limited).map(([limit, value]) => ({ labels: { peer, limit }, value }));
}

function routeSamples({ name: peer, session }: PeerStatus): Metric["samples"] {
  return (session?.families ?? []).flatMap(({ family, received, accepted, filtered, advertised }) =>
    Object.entries({ received, accepted, filtered, advertised }).map(([kind, value]) => {
      return { labels: { peer, family: `ipv${family}`, kind }, value };
    }),
  );
}

function tableMetrics(summary: SpeakerSummary | null): Metric[] {
  const of = (name: string, help: string, value: (summary: SpeakerSummary) => number): Metric => ({
    name: `brindle_bgp_${name}`,
    help,
    type: typeOf(name),
    labelNames: [],
    samples: summary ? [{ labels: {}, value: value(summary) }] : [],
  });
  return [
    of("rib_prefixes", "prefixes in the table", ({ rib }) => rib.prefixes),
    of("rib_routes", "routes in the table", ({ rib }) => rib.routes),
    of("rib_attribute_sets", "distinct sets of path attributes in the table", ({ rib }) => rib.attributeSets),
    of("refused_unknown_total", "connections turned away from addresses of nobody", ({ refused }) => refused.unknown),
    of("refused_known_total", "connections turned away of peers that were not welcome", ({ refused }) => refused.known),
    of(
      "refused_half_open_total",
      "connections ended of peers that had more without a session than they may",
      ({ refused }) => refused.halfOpen,
    ),
    of(
      "refused_range_full_total",
      "connections turned away of ranges that had as many peers as they may",
      ({ refused }) => refused.rangeFull,
    ),
    of(
      "refused_too_far_total",
      "connections closed unread, begun from more hops away than the peer may be",
      ({ refused }) => refused.tooFar,
    ),
    of("fell_behind_total", "how often a peer read too slowly for its group", ({ fellBehind }) => fellBehind),
  ];
}
