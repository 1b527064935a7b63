/**
 * The routers of the matrix, each with all that it can do switched on in one session, and what of that session it says
 * in its own words.
 */
import type { NamespaceView } from "../fixtures/namespace.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import { exaBgpVersion, startExaBgp } from "../fixtures/routers/exabgp.ts";
import { startFrr } from "../fixtures/routers/frr.ts";
import { startGoBgp } from "../fixtures/routers/gobgp.ts";
import { startOpenBgpd } from "../fixtures/routers/openbgpd.ts";
import type { Router } from "../fixtures/routers/router.ts";

export const password = "interop matrix";
/** What each router announces, with a large community and a MED, and what it is asked about. */
export const theirs = { 4: "198.51.100.0/24", 6: "2001:db8:1::/48" } as const;
export const ours = { 4: "10.244.7.0/26", 6: "fd00:244:0:7::/122" } as const;

export const cells = [
  "both families (RFC 4760)",
  "TCP MD5 (RFC 2385)",
  "GTSM (RFC 5082)",
  "four-octet AS numbers (RFC 6793)",
  "route refresh (RFC 2918)",
  "enhanced route refresh (RFC 7313)",
  "graceful restart (RFC 4724)",
  "graceful restart through a NOTIFICATION (RFC 8538)",
  "long-lived graceful restart (RFC 9494)",
  "extended messages (RFC 8654)",
  "roles (RFC 9234)",
  "the name of the host",
  "routes of both families with a large community (RFC 8092)",
] as const;

export type Cell = (typeof cells)[number];

export interface Subject {
  readonly name: string;
  /** What `missing` was found out with; another version may do more. */
  readonly version: string;
  readonly start: (namespace: NamespaceView) => Promise<Running>;
  /** What shows that the cell holds, in what `tell` says. */
  readonly shows: Readonly<Record<Exclude<Cell, "TCP MD5 (RFC 2385)" | "GTSM (RFC 5082)">, RegExp | null>>;
  /** Why a cell without a pattern does not hold, and of what there is nothing to see in a session that stands. */
  readonly missing: Readonly<Partial<Record<Cell, string>>>;
  /** Who dials: we, or it. Both at once are `session.test.ts`'s affair. */
  readonly waits: boolean;
  /** What it announces to us. */
  readonly announces: readonly string[];
}

export interface Running extends AsyncDisposable {
  readonly version: () => Promise<string>;
  /** The router's own words of the session and of our routes. */
  readonly tell: () => Promise<string>;
}

export function running(router: Router, version: string, questions: readonly string[]): Running {
  return {
    version: () => router.show(version),
    tell: async () => (await Promise.all(questions.map((question) => router.show(question)))).join("\n"),
    [Symbol.asyncDispose]: () => router[Symbol.asyncDispose](),
  };
}

const bird: Subject = {
  name: "BIRD",
  waits: true,
  announces: Object.values(theirs),
  version: "2.0.12",
  async start(namespace) {
    const router = await startBird({ namespace, config: birdConfig });
    const questions = ["show protocols all node1", ...Object.values(ours).map((prefix) => `show route all ${prefix}`)];
    return running(router, "show status", questions);
  },
  shows: {
    "both families (RFC 4760)": /Neighbor capabilities\n\s+Multiprotocol\n\s+AF announced: ipv4 ipv6/,
    "four-octet AS numbers (RFC 6793)": /Session:\s+external AS4/,
    "route refresh (RFC 2918)": /Neighbor capabilities[\s\S]*Route refresh/,
    "enhanced route refresh (RFC 7313)": /Neighbor capabilities[\s\S]*Enhanced refresh/,
    "graceful restart (RFC 4724)":
      /Neighbor capabilities[\s\S]*Restart time: 120\n\s+AF supported: ipv4 ipv6\n\s+AF preserved:\n/,
    "graceful restart through a NOTIFICATION (RFC 8538)": null,
    "long-lived graceful restart (RFC 9494)":
      /Neighbor capabilities[\s\S]*LL stale time: 600\n\s+AF supported: ipv4 ipv6/,
    "extended messages (RFC 8654)": /Neighbor capabilities[\s\S]*Extended message/,
    "roles (RFC 9234)": /Role: provider[\s\S]*Role: customer/,
    "the name of the host": /Hostname: node1/,
    "routes of both families with a large community (RFC 8092)":
      /via 172\.30\.1\.11[\s\S]*large_community: \(64512, 7, 8\)[\s\S]*via fd00:30:1::11[\s\S]*large_community: \(64512, 7, 8\)/,
  },
  missing: { "graceful restart through a NOTIFICATION (RFC 8538)": "it does not know the N bit" },
};

const birdConfig = `router id 172.30.1.1;
log stderr { warning, error, fatal, bug };
graceful restart wait 30;
protocol device {}
protocol direct { ipv4; ipv6; }
protocol static { ipv4; route ${theirs[4]} blackhole { bgp_large_community.add((65001, 1, 2)); }; }
protocol static { ipv6; route ${theirs[6]} blackhole { bgp_large_community.add((65001, 1, 2)); }; }
protocol bgp node1 {
  local 172.30.1.1 as 65001;
  neighbor 172.30.1.11 as 64512;
  passive on;
  password "${password}";
  ttl security on;
  local role provider;
  enable extended messages on;
  graceful restart on;
  long lived graceful restart on;
  hold time 30; connect delay time 1; connect retry time 2; error wait time 1, 3;
  ipv4 { import all; export where source = RTS_STATIC; next hop self; };
  ipv6 { import all; export where source = RTS_STATIC; next hop self; };
}
`;

const frr: Subject = {
  name: "FRR",
  waits: false,
  announces: Object.values(theirs),
  version: "8.4.4",
  async start(namespace) {
    const router = await startFrr({ namespace, config: frrConfig });
    const questions = [
      "show bgp neighbors 172.30.1.11 json",
      `show bgp ipv4 unicast ${ours[4]} json`,
      `show bgp ipv6 unicast ${ours[6]} json`,
    ];
    return running(router, "show version", questions);
  },
  shows: {
    "both families (RFC 4760)":
      /"ipv4Unicast":\{\s+"advertisedAndReceived":true\s+\},\s+"ipv6Unicast":\{\s+"advertisedAndReceived":true/,
    "four-octet AS numbers (RFC 6793)": /"4byteAs":"advertisedAndReceived"/,
    "route refresh (RFC 2918)": /"routeRefresh":"advertisedAndReceivedNew"/,
    "enhanced route refresh (RFC 7313)": /"enhancedRouteRefresh":"advertisedAndReceived"/,
    "graceful restart (RFC 4724)":
      /"gracefulRestart":"advertisedAndReceived"[\s\S]*"remoteGrMode":"Restart"[\s\S]*"fBit":false/,
    "graceful restart through a NOTIFICATION (RFC 8538)": /"nBit":true/,
    "long-lived graceful restart (RFC 9494)": /"longLivedGracefulRestart":"advertisedAndReceived"/,
    "extended messages (RFC 8654)": /"extendedMessage":"advertisedAndReceived"/,
    "roles (RFC 9234)": /"localRole":"provider",\s+"remoteRole":"customer"/,
    "the name of the host": /"rcvHostName":"node1"/,
    "routes of both families with a large community (RFC 8092)":
      /"string":"64512:7:8"[\s\S]*"ip":"172\.30\.1\.11"[\s\S]*"string":"64512:7:8"[\s\S]*"ip":"fd00:30:1::11"/,
  },
  missing: {},
};

const frrConfig = `frr version 8.4
frr defaults datacenter
hostname tor
bgp long-lived-graceful-restart stale-time 60
router bgp 65001
 bgp router-id 172.30.1.1
 no bgp default ipv4-unicast
 no bgp network import-check
 bgp graceful-restart
 neighbor 172.30.1.11 remote-as 64512
 neighbor 172.30.1.11 password ${password.replace(" ", "-")}
 neighbor 172.30.1.11 ttl-security hops 1
 neighbor 172.30.1.11 local-role provider
 neighbor 172.30.1.11 timers 10 30
 neighbor 172.30.1.11 timers connect 2
 address-family ipv4 unicast
  network ${theirs[4]}
  neighbor 172.30.1.11 activate
  neighbor 172.30.1.11 route-map IN in
  neighbor 172.30.1.11 route-map OUT out
 exit-address-family
 address-family ipv6 unicast
  network ${theirs[6]}
  neighbor 172.30.1.11 activate
  neighbor 172.30.1.11 route-map IN in
  neighbor 172.30.1.11 route-map OUT out
 exit-address-family
exit
route-map IN permit 10
exit
route-map OUT permit 10
 set large-community 65001:1:2
exit
`;

const goBgp: Subject = {
  name: "GoBGP",
  waits: true,
  announces: Object.values(theirs),
  version: "3.10.0",
  async start(namespace) {
    const router = await startGoBgp({ namespace, config: goBgpConfig });
    for (const [family, prefix] of Object.entries(theirs)) {
      const nextHop = family === "4" ? "" : " nexthop fd00:30:1::1";
      await router.show(`global rib add -a ipv${family} ${prefix}${nextHop} large-community 65001:1:2`);
    }
    const questions = ["neighbor 172.30.1.11", "global rib -a ipv4", "global rib -a ipv6"];
    return running(router, "--version", questions);
  },
  shows: {
    "both families (RFC 4760)": /ipv4-unicast:\s+advertised and received\n\s+ipv6-unicast:\s+advertised and received/,
    "four-octet AS numbers (RFC 6793)": /4-octet-as:\s+advertised and received/,
    "route refresh (RFC 2918)": /\n\s+route-refresh:\s+advertised and received/,
    "enhanced route refresh (RFC 7313)": null,
    "graceful restart (RFC 4724)":
      /graceful-restart:\s+advertised and received[\s\S]*Remote: restart time 120 sec[^\n]*\n\s+ipv4-unicast\n\s+ipv6-unicast/,
    "graceful restart through a NOTIFICATION (RFC 8538)": /Remote: restart time 120 sec, notification flag set/,
    "long-lived graceful restart (RFC 9494)":
      /long-lived-graceful-restart:\s+advertised and received[\s\S]*restart time 600 sec/,
    "extended messages (RFC 8654)": null,
    "roles (RFC 9234)": null,
    "the name of the host": /Remote:\s+name: node1/,
    "routes of both families with a large community (RFC 8092)":
      /10\.244\.7\.0\/26\s+172\.30\.1\.11\s+64512 [^\n]*64512:7:8[\s\S]*fd00:244:0:7::\/122\s+fd00:30:1::11\s+64512 [^\n]*64512:7:8/,
  },
  missing: {
    "enhanced route refresh (RFC 7313)": "it knows the capability and does not offer it",
    "extended messages (RFC 8654)": "UnknownCapability(6)",
    "roles (RFC 9234)": "UnknownCapability(9)",
  },
};

const goBgpConfig = `[global.config]
  as = 65001
  router-id = "172.30.1.1"
  local-address-list = ["172.30.1.1"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "172.30.1.11"
    peer-as = 64512
    auth-password = "${password}"
  [neighbors.transport.config]
    local-address = "172.30.1.1"
    passive-mode = true
  [neighbors.ttl-security.config]
    enabled = true
    ttl-min = 255
  [neighbors.timers.config]
    connect-retry = 2
    idle-hold-time-after-reset = 1
    hold-time = 30
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 60
    notification-enabled = true
    long-lived-enabled = true
${["ipv4", "ipv6"]
  .map(
    (family) => `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
    [neighbors.afi-safis.long-lived-graceful-restart.config]
      enabled = true
      restart-time = 60`,
  )
  .join("\n")}
`;

const openBgpd: Subject = {
  name: "OpenBGPD",
  waits: false,
  // Over an IPv4 session it names ::1 as the next hop of its IPv6 networks, which nobody can use (7.7).
  announces: [theirs[4]],
  version: "7.7",
  async start(namespace) {
    const router = await startOpenBgpd({ namespace, config: openBgpdConfig });
    const versions = await namespace.run("bgpd", ["-V"]);
    const questions = ["show neighbor 172.30.1.11", "show rib in detail neighbor 172.30.1.11"];
    const asked = running(router, "show summary", questions);
    return { ...asked, version: async () => versions.stdout + versions.stderr };
  },
  shows: {
    "both families (RFC 4760)": /Negotiated capabilities:\n\s+Multiprotocol extensions: IPv4 unicast, IPv6 unicast/,
    "four-octet AS numbers (RFC 6793)": /Negotiated capabilities:[\s\S]*4-byte AS numbers/,
    "route refresh (RFC 2918)": /Negotiated capabilities:[\s\S]*\n\s+Route Refresh/,
    "enhanced route refresh (RFC 7313)": /Negotiated capabilities:[\s\S]*Enhanced Route Refresh/,
    "graceful restart (RFC 4724)":
      /Negotiated capabilities:[\s\S]*Graceful Restart: Timeout: 120, IPv4 unicast, IPv6 unicast/,
    "graceful restart through a NOTIFICATION (RFC 8538)": null,
    "long-lived graceful restart (RFC 9494)": null,
    "extended messages (RFC 8654)": null,
    "roles (RFC 9234)": /Negotiated capabilities:[\s\S]*Open Policy role customer \(local provider\)/,
    "the name of the host": null,
    "routes of both families with a large community (RFC 8092)":
      /BGP routing table entry for 10\.244\.7\.0\/26[\s\S]*Large Communities: 64512:7:8[\s\S]*BGP routing table entry for fd00:244:0:7::\/122[\s\S]*Large Communities: 64512:7:8/,
  },
  missing: {
    "graceful restart through a NOTIFICATION (RFC 8538)": "it offers End-of-RIB alone",
    "long-lived graceful restart (RFC 9494)": "it has none",
    "extended messages (RFC 8654)": "it has none before 8.5",
    "the name of the host": "it has no such capability",
  },
};

const openBgpdConfig = `AS 65001
router-id 172.30.1.1
fib-update no
listen on 172.30.1.1
network ${theirs[4]} set { large-community 65001:1:2 }
neighbor 172.30.1.11 {
	remote-as 64512
	local-address 172.30.1.1
	holdtime 30
	tcp md5sig password "${password}"
	ttl-security yes
	announce policy provider
	announce IPv4 unicast
	announce IPv6 unicast
	announce enhanced refresh yes
}
allow from ebgp
allow to ebgp
`;

const exaBgp: Subject = {
  name: "ExaBGP",
  waits: false,
  announces: Object.values(theirs),
  version: "5.0.15",
  async start(namespace) {
    const daemon = await startExaBgp(namespace, exaBgpConfig);
    const tell = async (): Promise<string> => daemon.log();
    return { version: exaBgpVersion, tell, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
  },
  shows: {
    "both families (RFC 4760)": /<< OPEN [^\n]*Multiprotocol\(ipv4 unicast,ipv6 unicast\)/,
    "four-octet AS numbers (RFC 6793)": /<< OPEN [^\n]*ASN4\(64512\)/,
    "route refresh (RFC 2918)": /<< OPEN [^\n]*Route Refresh/,
    "enhanced route refresh (RFC 7313)": /<< OPEN [^\n]*Enhanced Route Refresh/,
    "graceful restart (RFC 4724)":
      /<< OPEN [^\n]*Graceful Restart Flags 0x\w+ Time 120 ipv4\/unicast=0x\d+ ipv6\/unicast=0x/,
    "graceful restart through a NOTIFICATION (RFC 8538)": null,
    "long-lived graceful restart (RFC 9494)": null,
    "extended messages (RFC 8654)": /<< OPEN [^\n]*Extended Message\(65535\)/,
    "roles (RFC 9234)": null,
    "the name of the host": /<< OPEN [^\n]*Hostname\(node1/,
    "routes of both families with a large community (RFC 8092)":
      /\[ 64512, 7 , 8 \][^\n]*"nlri": "10\.244\.7\.0\/26"[\s\S]*\[ 64512, 7 , 8 \][^\n]*"nlri": "fd00:244:0:7::\/122"/,
  },
  missing: {
    "graceful restart through a NOTIFICATION (RFC 8538)": "it keeps no routes",
    "long-lived graceful restart (RFC 9494)": "it keeps no routes",
    "roles (RFC 9234)": "it has none",
  },
};

const exaBgpConfig = `neighbor 172.30.1.11 {
  router-id 172.30.1.1;
  local-address 172.30.1.1;
  local-as 65001;
  peer-as 64512;
  hold-time 30;
  md5-password "${password}";
  outgoing-ttl 255;
  incoming-ttl 255;
  capability { asn4 enable; route-refresh enable; graceful-restart 120; extended-message enable; }
  family { ipv4 unicast; ipv6 unicast; }
  static {
    route ${theirs[4]} next-hop self large-community [ 65001:1:2 ];
    route ${theirs[6]} next-hop fd00:30:1::1 large-community [ 65001:1:2 ];
  }
}
`;

export const subjects: readonly Subject[] = [bird, frr, goBgp, openBgpd, exaBgp];
