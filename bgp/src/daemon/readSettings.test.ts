import { describe, expect, it } from "vitest";
import { readSettings } from "./readSettings.ts";
import { speakerWish } from "./speakerConfigOf.ts";

const start = `
asNumber: 65000
routerID: 10.99.0.1
`;

function problemsOf(text: string): readonly string[] {
  const read = readSettings(start + text);
  return read.kind === "problems" ? read.problems : [];
}

function wishOf(text: string) {
  const read = readSettings(start + text);
  if (read.kind === "problems") throw new Error(read.problems.join("\n"));
  return speakerWish(read.settings, { passwords: new Map([["/etc/pw", "secret"]]), software: "brindle-bgp 1.2.3" });
}

const peer = (fields: string): string => `peers: [{ peerIP: 10.0.0.2, asNumber: 65001, ${fields} }]`;

const refused: { name: string; text: string; says: string[] }[] = [
  {
    name: "a duration without unit",
    text: peer('holdTime: "4"'),
    says: ['peers[0].holdTime: "4" is no duration like 90s or 1m30s'],
  },
  {
    name: "a number for a duration",
    text: peer("holdTime: 4"),
    says: ["peers[0].holdTime: 4 is no duration like 90s or 1m30s"],
  },
  {
    name: "a hold time that no peer takes",
    text: peer("holdTime: 2s"),
    says: ['peers[0].holdTime: "2s" is not 0s, or 3s to 65535s in whole seconds'],
  },
  {
    name: "an interval of BFD that nobody can keep",
    text: peer("bfd: { transmitInterval: 5ms, receiveInterval: 2m, detectMultiplier: 0 }"),
    says: [
      'peers[0].bfd.transmitInterval: "5ms" is not 10ms to 60s',
      'peers[0].bfd.receiveInterval: "2m" is no duration like 300ms or 1s',
      "peers[0].bfd.detectMultiplier: 0 is no whole number from 1 to 255",
    ],
  },
  {
    name: "keepalives that come too late",
    text: peer("holdTime: 9s, keepaliveTime: 4s"),
    says: ['peers[0].keepaliveTime: "4s" is longer than a third of the hold time, 9s'],
  },
  {
    name: "keepalives where there are none",
    text: peer("holdTime: 0s, keepaliveTime: 4s"),
    says: ["peers[0].keepaliveTime: with a hold time of 0s there are no keepalives"],
  },
  {
    name: "keepalives of a template that come too late",
    text: "templates: { tor: { holdTime: 9s, keepaliveTime: 4s } }",
    says: ['templates.tor.keepaliveTime: "4s" is longer than a third of the hold time, 9s'],
  },
  {
    name: "how often a peer is dialled that dials",
    text: `listen: [{ address: 10.0.0.1 }]
${peer("passive: true, connectRetryTime: 7s")}`,
    says: ["peers[0].connectRetryTime: has no use where the peer dials: passive is true"],
  },
  {
    name: "next hops for a family that the template leaves out",
    text: `templates: { v6: { families: [ipv6] } }
${peer("template: v6, extendedNextHop: true")}`,
    says: ["peers[0].extendedNextHop: is about IPv4 prefixes, and families has no ipv4"],
  },
  {
    name: "a domain of no host",
    text: "domainName: example.net",
    says: ["domainName: is told with hostName alone, which is missing"],
  },
  {
    name: "peers that dial where nobody listens",
    text: `peers:
  - { peerIP: 10.0.0.2, asNumber: 65001 }
  - { peerIP: 10.0.0.3, asNumber: 65001, passive: true }
  - { range: 10.1.0.0/16, asNumber: 65001 }`,
    says: ["listen: is missing, and peers[1] is to dial us"],
  },
  {
    name: "how long a session is away that does not end",
    text: peer("maxPrefixes: { ipv4: 5, action: warn, restartTime: 30s }"),
    says: ["peers[0].maxPrefixes.restartTime: no session ends with the action warn"],
  },
  {
    name: "IPv4 by way of IPv6 without IPv4",
    text: peer("families: [ipv6], extendedNextHop: true"),
    says: ["peers[0].extendedNextHop: is about IPv4 prefixes, and families has no ipv4"],
  },
  {
    name: "how often peers are dialled whom nobody dials",
    text: `listen: [{ address: 10.0.0.1 }]
peers: [{ range: 10.1.0.0/16, asNumber: 65001, connectRetryTime: 7s }]`,
    says: ["peers[0].connectRetryTime: peers of a range always dial"],
  },
  {
    name: "one range twice",
    text: `listen: [{ address: 10.0.0.1 }]
peers: [{ range: 10.1.0.0/16, asNumber: 65001 }, { name: b, range: 10.1.0.0/16, asNumber: 65002 }]`,
    says: ['peers[1]: "10.1.0.0/16" is that of peers[0], too'],
  },
  ...["0.0.0.0", "224.0.0.5", "255.255.255.255", "::", "ff02::5"].map((address) => ({
    name: `${address} as a peer`,
    text: `peers: [{ peerIP: "${address}", asNumber: 65001 }]`,
    says: [`peers[0].peerIP: "${address}" is the address of no single router`],
  })),
  { name: "two documents", text: "---\nasNumber: 1", says: ["line 4, column 1: a second document begins here"] },
  {
    name: "BFD over several hops on a link",
    text: "peers: [{ interface: eth0, asNumber: 65001, bfd: { multihop: true } }]",
    says: ["peers[0].bfd.multihop: a peer by interface is on its link"],
  },
  {
    name: "an unknown field, with the one that was meant",
    text: peer("holdtime: 90s"),
    says: ["peers[0].holdtime: is no known field; did you mean holdTime?"],
  },
  { name: "an unknown field at the top", text: "peerz: []", says: ["peerz: is no known field; did you mean peers?"] },
  { name: "a field without a value", text: "controlSocket:", says: ["controlSocket: null is no text"] },
  { name: "a map for a list", text: "peers: {}", says: ["peers: {} is no list"] },
  { name: "a text for a map", text: "templates: { tor: passive }", says: ['templates.tor: "passive" is no map'] },
  {
    name: "a peer without address or AS",
    text: "peers: [{}]",
    says: [
      "peers[0].peerIP: is missing, and so are range and interface",
      "peers[0].asNumber: is missing, here and in the template",
    ],
  },
  {
    name: "an AS number that is none",
    text: peer("asNumber: 0").replace("asNumber: 65001, ", ""),
    says: ["peers[0].asNumber: 0 is no AS number from 1 to 4294967295, or like 1.10"],
  },
  {
    name: "no address",
    text: "peers: [{ peerIP: tor, asNumber: 1 }]",
    says: ['peers[0].peerIP: "tor" is no address, address:port or [IPv6 address]:port'],
  },
  {
    name: "a family that is none",
    text: peer("families: [ipv5]"),
    says: ['peers[0].families[0]: "ipv5" is neither ipv4 nor ipv6'],
  },
  {
    name: "a strict role of none",
    text: peer("strictRole: true"),
    says: ["peers[0].strictRole: needs a role beside it"],
  },
  {
    name: "a send hold time within the hold time",
    text: peer("sendHoldTime: 90s"),
    says: ['peers[0].sendHoldTime: "90s" is no longer than the hold time, 90s'],
  },
  { name: "no families", text: peer("families: []"), says: ["peers[0].families: [] is an empty list"] },
  {
    name: "a template that is none",
    text: `templates: { tor-a: {} }\n${peer("template: tor-b")}`,
    says: ['peers[0].template: "tor-b" is no template; did you mean tor-a?'],
  },
  {
    name: "an address in a template",
    text: "templates: { tor: { peerIP: 10.0.0.3 } }",
    says: ["templates.tor.peerIP: belongs to one peer, not to a template"],
  },
  {
    name: "a fault in a template, where it stands",
    text: "templates: { tor: { passive: yes please } }",
    says: ['templates.tor.passive: "yes please" is neither true nor false'],
  },
  {
    name: "a filter that is none",
    text: peer("filters: [a]"),
    says: ['peers[0].filters[0]: "a" is no filter; there are none'],
  },
  {
    name: "a rule of a filter",
    text: "filters: { a: { importV4: [{ cidr: 10.0.0.0/8, action: Accept }, { action: Drop }] } }",
    says: ['filters.a.importV4[1].action: "Drop" is none of Accept, Reject'],
  },
  {
    name: "what rules of a filter mean together",
    text: "filters: { a: { importV4: [{ cidr: 10.0.0.0/8, action: Accept }] } }",
    says: ["filters.a.importV4[0].matchOperator: is needed beside cidr: Equal, NotEqual, In or NotIn"],
  },
  {
    name: "a rule without an action",
    text: "filters: { a: { importV4: [{}] } }",
    says: ["filters.a.importV4[0].action: is missing"],
  },
  {
    name: "a policy that is none",
    text: peer("importPolicy: all"),
    says: ['peers[0].importPolicy: "all" is none of accept, reject'],
  },
  {
    name: "a row of a policy",
    text: peer("importPolicy: [{ prefix: 10.0.0.1/8 }]"),
    says: ['peers[0].importPolicy[0].prefix: "10.0.0.1/8" is no prefix like 10.0.0.0/8, without host bits'],
  },
  {
    name: "a prefix of our own",
    text: "originate: [10.0.0.0]",
    says: ['originate[0]: "10.0.0.0" is no prefix like 10.0.0.0/8, without host bits'],
  },
  {
    name: "a community of our own",
    text: 'originate: [{ prefix: 10.0.0.0/8, communities: ["65000"] }]',
    says: ['originate[0].communities[0]: "65000" is no community: aa:nn, aa:nn:mm, or the name of a well-known one'],
  },
  {
    name: "two peers with one address",
    text: "peers: [{ peerIP: 10.0.0.2, asNumber: 1 }, { peerIP: 10.0.0.2, asNumber: 2 }]",
    says: ['peers[1].peerIP: "10.0.0.2" is that of peers[0], too'],
  },
  {
    name: "two peers with one name",
    text: "peers: [{ name: a, peerIP: 10.0.0.2, asNumber: 1 }, { name: a, peerIP: 10.0.0.3, asNumber: 2 }]",
    says: ['peers[1].name: "a" is that of peers[0], too'],
  },
  {
    name: "a source address of the other family",
    text: peer("localAddress: fd00::1"),
    says: ['peers[0].localAddress: "fd00::1" is not of the family of 10.0.0.2'],
  },
  {
    name: "a role inside of an AS, and a client of another one",
    text: "peers: [{ peerIP: 10.0.0.2, asNumber: 65000, role: peer }, { peerIP: 10.0.0.3, asNumber: 1, routeReflectorClient: true }]",
    says: [
      "peers[0].role: roles are for peers of another AS (RFC 9234 §4)",
      "peers[1].routeReflectorClient: is for peers of our own AS (RFC 4456)",
    ],
  },
  {
    name: "an interface that no kernel has, and an address that means nothing without one",
    text: "peers: [{ interface: averylonginterface, asNumber: 1 }, { peerIP: 'fe80::1', asNumber: 1 }, { peerIP: 'fe00::1', asNumber: 1 }]",
    says: [
      'peers[0].interface: "averylonginterface" is not the name of an interface',
      'peers[1].peerIP: "fe80::1" is of one link: give the interface that leads there instead',
    ],
  },
  {
    name: "fields that do nothing without another one",
    text: peer("addPath: { sendMax: 3, receiveMax: 4, receive: false }, maxPrefixes: { action: warn }"),
    says: [
      "peers[0].addPath.sendMax: needs send: true beside it",
      "peers[0].addPath.receiveMax: needs receive: true beside it",
      "peers[0].maxPrefixes: bounds nothing: ipv4, ipv6 or both are needed",
    ],
  },
  {
    name: "lengths that no prefix has",
    text: `${peer("exportPolicy: [{ prefix: 10.0.0.0/8, minLength: 24, maxLength: 20 }, { prefix: 10.0.0.0/8, maxLength: 33 }, { prefix: 10.0.0.0/8, maxLength: 7, minLength: 7 }, { prefix: 10.0.0.0/8 }]")}
filters: { a: { importV4: [{ cidr: 10.0.0.0/8, matchOperator: In, prefixLength: { min: 25, max: 24 }, action: Accept }] } }`,
    says: [
      "filters.a.importV4[0].prefixLength: 25 to 24 is no range of lengths",
      "peers[0].exportPolicy[0]: 24 to 20 is no range of lengths inside of 10.0.0.0/8",
      "peers[0].exportPolicy[1]: 8 to 33 is no range of lengths inside of 10.0.0.0/8",
      "peers[0].exportPolicy[2]: 7 to 7 is no range of lengths inside of 10.0.0.0/8",
    ],
  },
  {
    name: "an own prefix and a place to listen twice",
    text: "originate: [10.0.0.0/8, { prefix: 10.0.0.0/8, med: 1 }]\nlisten: [{ address: 10.0.0.1 }, { address: 10.0.0.1, port: 179 }]",
    says: [
      'listen[1]: "10.0.0.1 port 179" is that of listen[0], too',
      'originate[1]: "10.0.0.0/8" is that of originate[0], too',
    ],
  },
  { name: "a field twice, with its line", text: "asNumber: 1", says: ["line 4, column 1: Map keys must be unique"] },
];

describe("the daemon's YAML", () => {
  for (const { name, text, says } of refused) {
    it(`is refused for ${name}`, () => expect(problemsOf(text)).toEqual(says));
  }

  it("is refused where it says nothing", () => {
    expect(readSettings("")).toMatchObject({ problems: ["is empty: asNumber and routerID are needed"] });
    expect(readSettings("{}")).toMatchObject({
      problems: [/^asNumber: /, /^routerID: /].map((each) => expect.stringMatching(each)),
    });
  });

  it("tells all that is wrong at once", () => {
    expect(problemsOf("listen: [{ address: here }, { address: 10.0.0.1, port: 70000 }]")).toEqual([
      'listen[0].address: "here" is no address',
      "listen[1].port: 70000 is no whole number from 1 to 65535",
    ]);
  });

  it("makes a peer of a template, in which the peer's own fields win", () => {
    const { config } = wishOf(`
listen: [{ address: "::" }]
templates: { tor: { asNumber: 65001, holdTime: 4m, passive: true, families: [ipv4], importPolicy: accept } }
peers:
  - { peerIP: "[fd00::2]:1790", template: tor, families: [ipv6] }
`);
    expect(config.peers).toEqual([
      {
        name: "fd00::2",
        role: "peer",
        address: "fd00::2",
        port: 1790,
        asn: 65001,
        passive: true,
        holdSeconds: 240,
        connectRetrySeconds: 5,
        families: [6],
        nextHop: {},
        importPolicy: { accept: "all" },
        exportPolicy: { accept: [] },
      },
    ]);
  });

  const taken: { name: string; text: string }[] = [
    { name: "a router of a fabric's addresses", text: 'peers: [{ peerIP: "240.0.0.1", asNumber: 65001 }]' },
    {
      name: "less of a hold time than a template's keepalives ask for",
      text: `templates: { t: { keepaliveTime: 20s } }
peers: [{ peerIP: 10.0.0.2, asNumber: 65001, template: t, holdTime: 0s }, { peerIP: 10.0.0.3, asNumber: 65001, template: t, holdTime: 30s }]`,
    },
    { name: "nobody to listen for who is shut down", text: peer("passive: true, shutdown: being cabled") },
    {
      name: "a template's time between dials, of a peer that is not dialled",
      text: `listen: [{ address: 10.0.0.1 }]
templates: { t: { connectRetryTime: 7s } }
${peer("template: t, passive: true")}`,
    },
    {
      name: "a template's next hops, of a peer of one family",
      text: `templates: { t: { extendedNextHop: true } }
${peer("template: t, families: [ipv6]")}`,
    },
  ];
  for (const { name, text } of taken) {
    it(`takes ${name}`, () => expect(problemsOf(text)).toEqual([]));
  }

  it("exchanges all within the own AS and nothing beyond it, unless told", () => {
    const { config } = wishOf("peers: [{ peerIP: 10.0.0.2, asNumber: 65000 }, { peerIP: 10.0.0.3, asNumber: 65001 }]");
    expect(config.peers.map(({ importPolicy, exportPolicy }) => [importPolicy.accept, exportPolicy.accept])).toEqual([
      ["all", "all"],
      [[], []],
    ]);
  });

  it("makes rows of a policy", () => {
    const { config } = wishOf(
      peer("importPolicy: [10.0.0.0/8, { prefix: fd00::/8 }, { prefix: 10.1.0.0/16, maxLength: 24 }]"),
    );
    expect(config.peers[0]?.importPolicy.accept).toEqual([
      { prefix: "10.0.0.0/8", minLength: 8, maxLength: 8 },
      { prefix: "fd00::/8", minLength: 8, maxLength: 128 },
      { prefix: "10.1.0.0/16", minLength: 16, maxLength: 24 },
    ]);
  });

  it("gives a peer its filters in both directions, and the password of its file", () => {
    const { config } = wishOf(`
filters:
  pods: { importV4: [{ cidr: 10.0.0.0/8, matchOperator: In, action: Accept }], exportV6: [{ action: Reject }] }
${peer("filters: [pods], passwordFile: /etc/pw")}`);
    expect(config.peers[0]).toMatchObject({
      importFilters: [{ name: "pods", rules: { 4: [{ cidr: "10.0.0.0/8" }] } }],
      exportFilters: [{ name: "pods", rules: { 6: [{ action: "Reject" }] } }],
      password: "secret",
    });
  });

  it("hands on what a session may have besides", () => {
    const { config } = wishOf(`hostName: tor-1
domainName: example.net
gracefulRestart: { restartTime: 1m, longLivedTime: 1h }
${peer("ttlSecurity: 1, role: customer, strictRole: true, extendedNextHop: true, keepaliveTime: 10s, sendHoldTime: 5m")}`);
    expect(config).toMatchObject({
      identity: { hostName: "tor-1", domain: "example.net", software: "brindle-bgp 1.2.3" },
      gracefulRestart: { restartSeconds: 60, forwardingKept: false, longLivedSeconds: 3600 },
    });
    expect(config.peers[0]).toMatchObject({
      ttlSecurity: 1,
      localRole: "customer",
      strictRole: true,
      extendedNextHop: true,
      keepaliveSeconds: 10,
      sendHoldSeconds: 300,
    });
  });

  it("takes ranges and interfaces for peers, and bounds for what they send", () => {
    const { config } = wishOf(`
listen: [{ address: 10.0.0.1 }]
templates: { rack: { asNumber: 65001, maxPrefixes: { ipv4: 100, restartTime: 5m }, passwordFile: /etc/pw } }
peers:
  - { name: rack, range: 10.0.0.0/24, template: rack, peerLimit: 40 }
  - { interface: swp1, asNumber: 65002, extendedNextHop: true, shutdown: being cabled }
`);
    const maxPrefixes = { 4: 100, action: "reset", restartSeconds: 300 };
    expect(config.dynamicPeers).toMatchObject([
      { name: "rack", range: "10.0.0.0/24", limit: 40, template: { asn: 65001, maxPrefixes, password: "secret" } },
    ]);
    expect(Object.keys(config.dynamicPeers?.[0]?.template ?? {})).not.toContain("address");
    expect(config.peers).toMatchObject([
      { name: "swp1", address: "::", interface: "swp1", asn: 65002, shutdown: { text: "being cabled" } },
    ]);
  });

  it("watches paths by BFD as is usual where nothing is said, and else as it is told", () => {
    const usual = { minTxMs: 300, minRxMs: 300, multiplier: 3 };
    expect(wishOf(peer("bfd: {}")).config.peers[0]?.bfd).toEqual(usual);
    const told = "bfd: { transmitInterval: 50ms, receiveInterval: 1s, detectMultiplier: 5, multihop: true }";
    expect(wishOf(peer(told)).config.peers[0]?.bfd).toEqual({
      minTxMs: 50,
      minRxMs: 1000,
      multiplier: 5,
      multihop: true,
    });
    expect(wishOf(peer("")).config.peers[0]).not.toHaveProperty("bfd");
  });

  it("announces prefixes with their attributes", () => {
    const { originated } = wishOf(
      'originate: [192.0.2.0/24, { prefix: "2001:DB8::/32", communities: ["65000:1", "1:2:3"], med: 5, localPreference: 50 }]',
    );
    expect(originated).toEqual([
      "192.0.2.0/24",
      { prefix: "2001:db8::/32", communities: ["65000:1", "1:2:3"], med: 5, localPref: 50 },
    ]);
  });

  it("reads a thousand peers with one template", () => {
    const peers = Array.from({ length: 1000 }, (_, i) => `  - { peerIP: 10.1.${i >> 8}.${i & 255}, template: tor }\n`);
    const { config } = wishOf(`templates: { tor: { asNumber: 65001, holdTime: 4m } }\npeers:\n${peers.join("")}`);
    expect(new Set(config.peers.map(({ name }) => name)).size).toBe(1000);
    expect(config.peers.every(({ holdSeconds }) => holdSeconds === 240)).toBe(true);
  });
});
