/**
 * What the daemon's YAML may say. `README.md` has a table of all fields, which a test holds to this file. A field here
 * is acted on: what is not is refused as unknown.
 */
import type { Family } from "@brindle/net";
import type { MonitoredTable } from "../bmp/messages.ts";
import type { PeerConfig, PrefixMatch, SpeakerConfig } from "../speaker/config.ts";
import { either, listOf, map, named, optional, required, type Value } from "./field.ts";
import { type FilterSettings, filterSettings } from "./filterFields.ts";
import {
  address,
  asNumber,
  community,
  duration,
  type Endpoint,
  endpoint,
  family,
  flag,
  oneOf,
  prefix,
  routerId,
  shortDuration,
  text,
  whole,
} from "./scalars.ts";

export interface DaemonSettings {
  readonly asNumber: number;
  readonly routerID: string;
  readonly listen?: readonly ListenSettings[];
  readonly controlSocket?: string;
  readonly metrics?: ListenSettings;
  readonly hostName?: string;
  readonly domainName?: string;
  readonly gracefulRestart?: GracefulRestartSettings;
  readonly clusterID?: string;
  readonly gracefulShutdown?: boolean;
  readonly multipath?: NonNullable<SpeakerConfig["multipath"]>;
  readonly bmp?: readonly BmpSettings[];
  readonly filters?: Readonly<Record<string, FilterSettings>>;
  readonly templates?: Readonly<Record<string, PeerSettings>>;
  readonly peers?: readonly PeerSettings[];
  readonly originate?: readonly (string | OriginateSettings)[];
}

export interface BmpSettings {
  readonly address: string;
  readonly port: number;
  readonly monitor?: readonly MonitoredTable[];
  readonly statisticsInterval?: number;
  readonly connectRetryTime?: number;
}

export interface GracefulRestartSettings {
  readonly restartTime?: number;
  readonly forwardingKept?: boolean;
  readonly longLivedTime?: number;
}

export interface ListenSettings {
  readonly address: string;
  readonly port?: number;
}

export interface OriginateSettings {
  readonly prefix: string;
  readonly communities?: readonly string[];
  readonly med?: number;
  readonly localPreference?: number;
}

export interface MaxPrefixesSettings {
  readonly ipv4?: number;
  readonly ipv6?: number;
  readonly action?: NonNullable<PeerConfig["maxPrefixes"]>["action"];
  readonly warnPercent?: number;
  readonly restartTime?: number;
}

export interface BfdFileSettings {
  readonly transmitInterval?: number;
  readonly receiveInterval?: number;
  readonly detectMultiplier?: number;
  readonly multihop?: boolean;
}

export type PolicySettings = "accept" | "reject" | readonly (string | PrefixMatchSettings)[];

export interface PrefixMatchSettings {
  readonly prefix: string;
  readonly minLength?: PrefixMatch["minLength"];
  readonly maxLength?: PrefixMatch["maxLength"];
}

export interface PeerSettings {
  readonly name?: string;
  readonly template?: string;
  readonly peerIP?: Endpoint;
  readonly range?: string;
  readonly peerLimit?: number;
  readonly interface?: string;
  readonly asNumber?: number;
  readonly localASNumber?: number;
  readonly numAllowedLocalASNumbers?: number;
  readonly localAddress?: string;
  readonly passive?: boolean;
  readonly holdTime?: number;
  readonly keepaliveTime?: number;
  readonly sendHoldTime?: number;
  readonly connectRetryTime?: number;
  readonly families?: readonly Family[];
  readonly passwordFile?: string;
  readonly ttlSecurity?: number;
  readonly role?: NonNullable<PeerConfig["localRole"]>;
  readonly strictRole?: boolean;
  readonly routeReflectorClient?: boolean;
  readonly extendedNextHop?: boolean;
  readonly addPath?: NonNullable<PeerConfig["addPath"]>;
  readonly gracefulShutdown?: boolean;
  readonly shutdown?: string;
  readonly maxPrefixes?: MaxPrefixesSettings;
  readonly bfd?: BfdFileSettings;
  readonly nextHop?: { readonly ipv4?: string; readonly ipv6?: string };
  readonly nextHopMode?: NonNullable<PeerConfig["nextHopMode"]>;
  readonly filters?: readonly string[];
  readonly importPolicy?: PolicySettings;
  readonly exportPolicy?: PolicySettings;
}

const port = whole(1, 65535);

const listenSettings: Value<ListenSettings> = map("{ address, port }", {
  address: required(address(), "An address of this machine; `0.0.0.0` and `::` for all of a family."),
  port: optional(port, "Where left out: 179, and 9179 for metrics."),
});

export const prefixMatch: Value<PrefixMatchSettings> = map("row", {
  prefix: required(prefix, "Prefixes inside this one …"),
  minLength: optional(whole(0, 128), "… at least this long. Where left out: as long as `prefix`."),
  maxLength: optional(whole(0, 128), "… at most this long. Where left out: one address."),
});

const policy: Value<PolicySettings> = either(
  oneOf("accept", "reject"),
  listOf(either(prefix, prefixMatch, (value) => typeof value === "string")),
  (value) => !Array.isArray(value),
);

const policyDefault = "Where left out: `accept` within the own AS, `reject` beyond it (RFC 8212).";

export const peerSettings: Value<PeerSettings> = map("peer", {
  name: optional(text, "What the CLI calls the peer; where left out: its address. Not in a template."),
  template: optional(text, "The template whose fields hold where the peer has none of its own. Not in a template."),
  peerIP: optional(endpoint, "The router. This, `range` or `interface`; not in a template."),
  range: optional(prefix, "Every router of this network that dials us. Its peers are called by name and address."),
  peerLimit: optional(whole(1, 10_000), "How many of a `range` there may be at a time. Where left out: 100."),
  interface: optional(
    text,
    "The router at the other end of this interface, found by its router advertisements (RFC 4861), which we send, too.",
  ),
  asNumber: optional(asNumber, "Its AS; needed, here or in the template."),
  localASNumber: optional(
    asNumber,
    "The AS as which we present ourselves to it. Where left out: the daemon's `asNumber`.",
  ),
  numAllowedLocalASNumbers: optional(
    whole(0, 255),
    "How often our own AS may stand in the path of a route that is taken from it. Where left out: 0.",
  ),
  localAddress: optional(address(), "Where our connections begin, and its must arrive."),
  passive: optional(flag, "Wait until the peer dials. Where left out: false."),
  holdTime: optional(
    duration(3, 65535, { orZero: true }),
    "After which silence the peer is gone; `0s` for never. Where left out: `90s`.",
  ),
  keepaliveTime: optional(
    duration(1, 21845),
    "How often the peer hears that we live. Where left out: each third of the hold time.",
  ),
  sendHoldTime: optional(
    duration(4, 65535),
    "For how long the peer may read nothing (RFC 9687). Where left out: `8m`, or two hold times where that is longer.",
  ),
  connectRetryTime: optional(duration(1, 65535), "How long to wait before dialling again. Where left out: `5s`."),
  families: optional(listOf(family, { min: 1 }), "Whose routes the session carries. Where left out: both."),
  passwordFile: optional(text, "A file with the password of TCP's signatures (RFC 2385), without its end of line."),
  ttlSecurity: optional(whole(1, 255), "How many hops away the peer is: packets from further are dropped (RFC 5082)."),
  role: optional(
    oneOf("provider", "customer", "peer", "routeServer", "routeServerClient"),
    "What we are to a peer of another AS, so that routes do not leak (RFC 9234).",
  ),
  routeReflectorClient: optional(
    flag,
    "Hears what other peers of our AS say, and they what it says (RFC 4456). Where left out: false.",
  ),
  strictRole: optional(flag, "There is no session with a peer that does not know of roles; needs a `role`."),
  addPath: optional(
    map<NonNullable<PeerConfig["addPath"]>>("{ send, receive, sendMax, receiveMax }", {
      send: optional(flag, "The peer is told all routes of a prefix, not the best alone. Where left out: false."),
      receive: optional(flag, "The peer may tell us several. Where left out: false."),
      sendMax: optional(whole(1, 1024), "How many of a prefix it is told, the best ones. Where left out: all."),
      receiveMax: optional(
        whole(1, 1024),
        "How many of a prefix are kept of it; more are dropped. Where left out: 32.",
      ),
    }),
    "Several paths of a prefix (RFC 7911). Where left out: neither.",
  ),
  extendedNextHop: optional(flag, "IPv4 prefixes may have IPv6 next hops (RFC 8950). Where left out: false."),
  gracefulShutdown: optional(
    flag,
    "The session is about to be shut down: its routes are the last resort on both sides (RFC 8326). Where left out: false.",
  ),
  shutdown: optional(text, "There is no session while this stands here; the peer's operator reads it (RFC 9003)."),
  maxPrefixes: optional(
    map<MaxPrefixesSettings>("{ ipv4, ipv6, action, warnPercent, restartTime }", {
      ipv4: optional(whole(1, 0xffffffff), "Of IPv4. Where left out: no bound."),
      ipv6: optional(whole(1, 0xffffffff), "Of IPv6. Where left out: no bound."),
      action: optional(
        oneOf("reset", "warn", "discard"),
        "What more of them cost: the session, a warning, or themselves, until a refresh finds room. Where left out: `reset`.",
      ),
      warnPercent: optional(whole(1, 100), "From which share of the bound on it is told. Where left out: 75."),
      restartTime: optional(
        duration(1, 0xffffff),
        "After which time such a session may come back. Where left out: when somebody resets it.",
      ),
    }),
    "How many routes the peer may send.",
  ),
  bfd: optional(
    map<BfdFileSettings>("{ transmitInterval, receiveInterval, detectMultiplier, multihop }", {
      transmitInterval: optional(shortDuration(10, 60_000), "Our packets go no oftener. Where left out: `300ms`."),
      receiveInterval: optional(shortDuration(10, 60_000), "The peer's may come no oftener. Where left out: `300ms`."),
      detectMultiplier: optional(
        whole(1, 255),
        "After how many packets that did not come the other side is gone. Where left out: 3.",
      ),
      multihop: optional(flag, "There are routers on the way (RFC 5883). Where left out: false."),
    }),
    "The session ends within a second when the path breaks (RFC 5880). `{}` for all as it is where left out; without it: no BFD.",
  ),
  nextHop: optional(
    map<NonNullable<PeerSettings["nextHop"]>>("{ ipv4, ipv6 }", {
      ipv4: optional(address(4), "Of IPv4 routes."),
      ipv6: optional(address(6), "Of IPv6 routes."),
    }),
    "Our own address as the peer is told it. Where left out: that of the connection, for its family.",
  ),
  nextHopMode: optional(
    oneOf("self", "keep"),
    "The next hop of learned routes. Where left out: `self` for a peer of another AS, `keep` within the own.",
  ),
  filters: optional(
    listOf(text),
    "Filters by name, in order: the first rule that matches decides, and what none matches is left to the policies.",
  ),
  importPolicy: optional(policy, `What is taken from the peer. ${policyDefault}`),
  exportPolicy: optional(policy, `What the peer is told. ${policyDefault}`),
});

export const originateSettings: Value<OriginateSettings> = map("own prefix", {
  prefix: required(prefix, "What is announced."),
  communities: optional(listOf(community), "Of both kinds: `64512:100`, `64512:1:2`, `no-export`."),
  med: optional(whole(0, 0xffffffff), "MULTI_EXIT_DISC."),
  localPreference: optional(whole(0, 0xffffffff), "LOCAL_PREF, for peers of the own AS. Where left out: 100."),
});

export const daemonSettings: Value<DaemonSettings> = map("", {
  asNumber: required(asNumber, "Our AS, as a number or as `1.10`."),
  routerID: required(routerId, "Our BGP identifier."),
  listen: optional(listOf(listenSettings), "Where peers may dial. Where left out: nowhere."),
  controlSocket: optional(
    text,
    "The Unix socket for `brindlectl bgp … --socket`. Where left out: `/run/brindle/bgp.sock`.",
  ),
  metrics: optional(listenSettings, "Where Prometheus may ask, at `/metrics`. Where left out: nowhere."),
  hostName: optional(text, "What peers show of us, with our version. Where left out: peers are told neither."),
  domainName: optional(text, "Told with `hostName`."),
  clusterID: optional(address(4), "What route reflectors of one cluster have in common. Where left out: `routerID`."),
  gracefulShutdown: optional(
    flag,
    "Maintenance is near: routes are marked, so that peers prefer other ways (RFC 8326). Where left out: false.",
  ),
  multipath: optional(
    map<NonNullable<SpeakerConfig["multipath"]>>("{ paths, relaxAsPath }", {
      paths: required(whole(1, 64), "How many next hops a prefix may have."),
      relaxAsPath: optional(flag, "Whether paths of one length by other ASes are equal. Where left out: false."),
    }),
    "Equal routes are used side by side. Where left out: one a prefix.",
  ),
  gracefulRestart: optional(
    map<GracefulRestartSettings>("{ restartTime, forwardingKept, longLivedTime }", {
      restartTime: optional(duration(1, 4095), "How long peers wait for us. Where left out: `120s`."),
      forwardingKept: optional(flag, "Packets are forwarded as before while we are away. Where left out: false."),
      longLivedTime: optional(
        duration(1, 0xffffff),
        "How much longer peers keep our routes as a last resort (RFC 9494). Where left out: not offered.",
      ),
    }),
    "Peers keep our routes while we restart, and we theirs (RFC 4724). Where left out: not offered.",
  ),
  bmp: optional(
    listOf(
      map<BmpSettings>("{ address, port, monitor, statisticsInterval, connectRetryTime }", {
        address: required(address(), "Where it listens."),
        port: required(port, "At which port."),
        monitor: optional(
          listOf(oneOf("inPrePolicy", "inPostPolicy", "outPrePolicy", "outPostPolicy", "locRib")),
          "The tables whose routes it is told: what peers sent, what import made of that, what may go to a peer, what it " +
            "is told, the best of all (RFC 7854, 8671, 9069). Where left out: `inPrePolicy`, `locRib`.",
        ),
        statisticsInterval: optional(
          duration(1, 86_400, { orZero: true }),
          "How often it is told counts; `0s` for never. Where left out: `60s`.",
        ),
        connectRetryTime: optional(
          duration(1, 720),
          "How long to wait before dialling it again, doubling to 12 minutes. Where left out: `30s`.",
        ),
      }),
    ),
    "Monitoring stations that we dial and tell of sessions and routes (BMP). Where left out: none.",
  ),
  filters: optional(named(filterSettings), "Filters that peers name."),
  templates: optional(named(peerSettings), "Fields that several peers share, by name."),
  peers: optional(listOf(peerSettings), "With whom to speak."),
  originate: optional(
    listOf(either(prefix, originateSettings, (value) => typeof value === "string")),
    "Prefixes of our own.",
  ),
});
