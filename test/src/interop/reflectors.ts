/**
 * The routers of the matrix inside one AS with us, both sides reflectors, and with several paths of a prefix: how each is
 * told so, and what it says of it in its own words.
 */
import type { NamespaceView } from "../fixtures/namespace.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import { exaBgpVersion, startExaBgp } from "../fixtures/routers/exabgp.ts";
import { startFrr } from "../fixtures/routers/frr.ts";
import { startGoBgp } from "../fixtures/routers/gobgp.ts";
import { startOpenBgpd } from "../fixtures/routers/openbgpd.ts";
import { type Running, running } from "./subjects.ts";

export const asn = 65001;
/** Our reflector, whose client the router is; a client of the router's; a client of ours. All on the node's link. */
export const reflector = "172.30.1.11";
export const theirClient = "172.30.1.12";
export const ourClient = "172.30.1.13";
const routerId = "172.30.1.1";

/** By who announces them. */
export const prefixes = {
  ourClient: "10.244.13.0/26",
  /** Our client and our reflector: two paths for the router. */
  bothOfOurs: "10.244.99.0/26",
  theirClient: "198.51.112.0/24",
  /** The router and its client: two paths for us. */
  bothOfTheirs: "198.51.100.0/24",
} as const;

export const cells = [
  "route reflection, we being the reflector (RFC 4456)",
  "route reflection, it being the reflector (RFC 4456)",
  "several paths from us (RFC 7911)",
  "several paths from it (RFC 7911)",
] as const;

export type Cell = (typeof cells)[number];

export interface ReflectingSubject {
  readonly name: string;
  readonly version: string;
  readonly start: (namespace: NamespaceView) => Promise<Running>;
  /** What shows in its own words that we reflect to it, and that several paths are agreed on and here. */
  readonly reflected: RegExp;
  readonly paths: RegExp;
  readonly missing: Readonly<Partial<Record<Cell, string>>>;
}

const bird: ReflectingSubject = {
  name: "BIRD",
  version: "2.0.12",
  async start(namespace) {
    const router = await startBird({ namespace, config: birdConfig });
    const questions = [prefixes.ourClient, prefixes.bothOfOurs].map((prefix) => `show route all ${prefix}`);
    return running(router, "show status", ["show protocols all ours", ...questions]);
  },
  reflected: /BGP\.originator_id: 172\.30\.1\.13[\s\S]*BGP\.cluster_list: 172\.30\.1\.11/,
  paths:
    /Neighbor capabilities[\s\S]*ADD-PATH[\s\S]*RX: ipv4[\s\S]*TX: ipv4[\s\S]*10\.244\.99\.0\/26[\s\S]*via 172\.30\.1\.1[13][\s\S]*via 172\.30\.1\.1[13]/,
  missing: {},
};

const birdConfig = `router id ${routerId};
log stderr { warning, error, fatal, bug };
protocol device {}
protocol direct { ipv4; }
protocol static { ipv4; route ${prefixes.bothOfTheirs} blackhole; }
template bgp inside {
  local ${routerId} as ${asn};
  hold time 30; connect delay time 1; connect retry time 2; error wait time 1, 3;
}
protocol bgp ours from inside {
  neighbor ${reflector} as ${asn};
  ipv4 { import all; export where source ~ [RTS_STATIC, RTS_BGP]; add paths on; };
}
protocol bgp theirs from inside {
  neighbor ${theirClient} as ${asn};
  rr client;
  ipv4 { import all; export where source ~ [RTS_STATIC, RTS_BGP]; };
}
`;

const frr: ReflectingSubject = {
  name: "FRR",
  version: "8.4.4",
  async start(namespace) {
    const router = await startFrr({ namespace, config: frrConfig });
    const questions = [prefixes.ourClient, prefixes.bothOfOurs].map((prefix) => `show bgp ipv4 unicast ${prefix}`);
    return running(router, "show version", [`show bgp neighbors ${reflector}`, ...questions]);
  },
  reflected: /Originator: 172\.30\.1\.13, Cluster list: 172\.30\.1\.11/,
  paths:
    /AddPath:\n\s+IPv4 Unicast: TX advertised and received\n\s+IPv4 Unicast: RX advertised and received[\s\S]*BGP routing table entry for 10\.244\.99\.0\/26[^\n]*\nPaths: \(2 available/,
  missing: {},
};

const frrConfig = `frr version 8.4
frr defaults datacenter
hostname tor
router bgp ${asn}
 bgp router-id ${routerId}
 no bgp default ipv4-unicast
 no bgp network import-check
 neighbor ${reflector} remote-as ${asn}
 neighbor ${reflector} timers connect 1
 neighbor ${theirClient} remote-as ${asn}
 neighbor ${theirClient} timers connect 1
 address-family ipv4 unicast
  network ${prefixes.bothOfTheirs}
  neighbor ${reflector} activate
  neighbor ${reflector} addpath-tx-all-paths
  neighbor ${theirClient} activate
  neighbor ${theirClient} route-reflector-client
 exit-address-family
exit
`;

const goBgp: ReflectingSubject = {
  name: "GoBGP",
  version: "3.10.0",
  async start(namespace) {
    const router = await startGoBgp({ namespace, config: goBgpConfig });
    await router.show(`global rib add -a ipv4 ${prefixes.bothOfTheirs}`);
    const questions = [prefixes.ourClient, prefixes.bothOfOurs].map((prefix) => `global rib -a ipv4 ${prefix}`);
    return running(router, "--version", [`neighbor ${reflector}`, ...questions]);
  },
  reflected: /Originator: 172\.30\.1\.13[^\n]*ClusterList: \[?172\.30\.1\.11/,
  paths:
    /add-path:\s+advertised and received[\s\S]*10\.244\.99\.0\/26\s+172\.30\.1\.1[13][\s\S]*10\.244\.99\.0\/26\s+172\.30\.1\.1[13]/,
  missing: {},
};

const goBgpConfig = `[global.config]
  as = ${asn}
  router-id = "${routerId}"
  local-address-list = ["${routerId}"]
${[reflector, theirClient]
  .map(
    (address) => `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${address}"
    peer-as = ${asn}
  [neighbors.transport.config]
    local-address = "${routerId}"
    passive-mode = true
  [neighbors.timers.config]
    idle-hold-time-after-reset = 1
    hold-time = 30
${
  address === theirClient
    ? `  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "${routerId}"
`
    : ""
}  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
${
  address === reflector
    ? `    [neighbors.afi-safis.add-paths.config]
      receive = true
      send-max = 8
`
    : ""
}`,
  )
  .join("")}`;

const openBgpd: ReflectingSubject = {
  name: "OpenBGPD",
  version: "7.7",
  async start(namespace) {
    const router = await startOpenBgpd({ namespace, config: openBgpdConfig });
    const versions = await namespace.run("bgpd", ["-V"]);
    const questions = [prefixes.ourClient, prefixes.bothOfOurs].map((prefix) => `show rib detail ${prefix}`);
    const asked = running(router, "show summary", [`show neighbor ${reflector}`, ...questions]);
    return { ...asked, version: async () => versions.stdout + versions.stderr };
  },
  reflected: /Originator Id: 172\.30\.1\.13\n\s+Cluster Id List:[^\n]* 172\.30\.1\.11/,
  paths:
    /Negotiated capabilities:[\s\S]*Add-path: IPv4 unicast bidir[\s\S]*10\.244\.99\.0\/26\n\s+Nexthop 172\.30\.1\.11[\s\S]*10\.244\.99\.0\/26\n\s+Nexthop 172\.30\.1\.13/,
  missing: {},
};

const openBgpdConfig = `AS ${asn}
router-id ${routerId}
fib-update no
listen on ${routerId}
network ${prefixes.bothOfTheirs}
neighbor ${reflector} {
	remote-as ${asn}
	local-address ${routerId}
	holdtime 30
	announce IPv4 unicast
	announce add-path recv yes
	announce add-path send all
}
neighbor ${theirClient} {
	remote-as ${asn}
	local-address ${routerId}
	holdtime 30
	route-reflector
	announce IPv4 unicast
}
allow from ibgp
allow to ibgp
`;

const exaBgp: ReflectingSubject = {
  name: "ExaBGP",
  version: "5.0.15",
  async start(namespace) {
    const daemon = await startExaBgp(namespace, exaBgpConfig);
    const tell = async (): Promise<string> => daemon.log();
    return { version: exaBgpVersion, tell, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
  },
  reflected: /"originator-id": "172\.30\.1\.13", "cluster-list": \[ "172\.30\.1\.11" \]/,
  paths:
    /<< OPEN [^\n]*AddPath\(send\/receive ipv4 unicast\)(?=[\s\S]*announced NLRI 10\.244\.99\.0\/26[^\n]*next-hop 172\.30\.1\.11)[\s\S]*announced NLRI 10\.244\.99\.0\/26[^\n]*next-hop 172\.30\.1\.13/,
  missing: { "route reflection, it being the reflector (RFC 4456)": "it keeps no table, and passes nothing on" },
};

const exaBgpConfig = `neighbor ${reflector} {
  router-id ${routerId};
  local-address ${routerId};
  local-as ${asn};
  peer-as ${asn};
  hold-time 30;
  capability { asn4 enable; add-path send/receive; }
  family { ipv4 unicast; }
  add-path { ipv4 unicast; }
  static {
    route ${prefixes.bothOfTheirs} next-hop self path-information 0.0.0.1;
    route ${prefixes.bothOfTheirs} next-hop ${theirClient} path-information 0.0.0.2;
  }
}
`;

export const reflectingSubjects: readonly ReflectingSubject[] = [bird, frr, goBgp, openBgpd, exaBgp];
