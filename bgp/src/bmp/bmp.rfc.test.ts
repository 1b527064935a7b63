/** What a monitoring station hears of a speaker, message by message, in virtual time. */
import { parseAddress } from "@brindle/net";
import { beforeEach, describe, expect, it } from "vitest";
import { prefixText } from "../rib/packed.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import { Rib } from "../rib/rib.ts";
import type { PeerConfig, SpeakerConfig } from "../speaker/config.ts";
import type { SpeakerAction, SpeakerEvent } from "../speaker/event.ts";
import { Speaker } from "../speaker/speaker.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "../speaker/testing.ts";
import { decodeMessage } from "../wire/codec.ts";
import type { Update } from "../wire/message.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";
import { Collector, queueBytesMax } from "./collector.ts";
import type { BmpCollector } from "./config.ts";

const stationAddress = "10.0.0.9";
const prefix = "203.0.113.0/24";

let network: SimulatedNetwork;
let a: SimulatedNode;
let b: SimulatedNode;
let station: SimulatedNode;

/** Listens, and says nothing. */
class Silent extends Speaker {
  override handle(): [] {
    return [];
  }
}

/** Shows what it does. */
class Watched extends Speaker {
  readonly #show: (action: SpeakerAction) => void;

  constructor(show: (action: SpeakerAction) => void) {
    super();
    this.#show = show;
  }

  override handle(event: SpeakerEvent, nowMs: number): SpeakerAction[] {
    const actions = super.handle(event, nowMs);
    for (const action of actions) this.#show(action);
    return actions;
  }
}

beforeEach(() => {
  network = new SimulatedNetwork();
  [a, b, station] = [network.node("10.0.0.1"), network.node("10.0.0.2"), network.node(stationAddress)];
  station.speaker = new Silent();
});

function configure(node: SimulatedNode, asn: number, peers: PeerConfig[], parts: Partial<SpeakerConfig> = {}): void {
  network.tell(node, { type: "configure", config: speakerOf(node, asn, { ...parts, peers }) });
}

function originate(node: SimulatedNode, ...prefixes: Extract<SpeakerEvent, { type: "originate" }>["prefixes"]): void {
  network.tell(node, { type: "originate", prefixes });
}

function collector(monitor: BmpCollector["monitor"], parts: Partial<BmpCollector> = {}): BmpCollector {
  return { address: stationAddress, port: 1790, monitor, statisticsSeconds: 0, ...parts };
}

/** a (65001) is monitored, b (65002) is its peer. */
function meet(
  monitor: BmpCollector["monitor"],
  {
    ofA = {},
    ofB = {},
    bmp = {},
  }: { ofA?: Partial<PeerConfig>; ofB?: Partial<PeerConfig>; bmp?: Partial<BmpCollector> } = {},
): void {
  configure(b, 65002, [peerOf(a.address, 65001, { passive: true, ...ofB })]);
  configure(a, 65001, [peerOf(b.address, 65002, ofA)], { bmp: [collector(monitor, bmp)] });
  network.run(5_000);
  expect(a.status(b.address).phase).toBe("established");
}

interface Heard {
  readonly kind: string;
  readonly flags: number;
  readonly peerType: number;
  readonly asn: number;
  readonly body: Uint8Array;
}

const kinds = ["routes", "statistics", "down", "up", "initiation", "termination"];

/** All that the station was sent, in order. */
function heard(): Heard[] {
  const bytes = Buffer.concat(network.sent.filter(({ to }) => to === stationAddress).map(({ bytes }) => bytes));
  const messages: Heard[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    const kind = kinds[bytes[at + 5] ?? 0] ?? "unknown";
    const hasPeer = kind !== "initiation" && kind !== "termination";
    const [peerType = 0, flags = 0] = bytes.subarray(at + 6);
    const asn = hasPeer ? bytes.readUInt32BE(at + 32) : 0;
    messages.push({ kind, peerType, flags, asn, body: bytes.subarray(at + (hasPeer ? 48 : 6), at + length) });
    at += length;
  }
  return messages;
}

const tableOf: Readonly<Record<string, string>> = {
  "0 0": "in",
  "0 64": "in post",
  "0 16": "out",
  "0 80": "out post",
  "3 0": "loc",
};

/** `in +203.0.113.0/24`, `loc -203.0.113.0/24`, `out end 4`, in order. */
function routes(addPath: readonly (4 | 6)[] = []): string[] {
  return heard()
    .filter(({ kind }) => kind === "routes")
    .flatMap(({ body, peerType, flags }) => {
      const decoded = decodeMessage(body, { fourOctetAs: true, external: false, families: [4, 6], addPath });
      if (decoded.kind !== "message" || decoded.message.type !== "update") throw new Error("this is no UPDATE");
      return linesOf(decoded.message).map((line) => `${tableOf[`${peerType} ${flags}`]} ${line}`);
    });
}

function linesOf({ withdrawn, announced, endOfRib }: Update): string[] {
  const texts = (sign: string, prefixes: Update["withdrawn"][number]): string[] => {
    const count = prefixes.words.length / wordsPerPrefix[prefixes.family];
    return Array.from({ length: count }, (_, i) => {
      const path = prefixes.pathIds ? `#${prefixes.pathIds[i]}` : "";
      return `${sign}${prefixText(prefixes, i * wordsPerPrefix[prefixes.family])}${path}`;
    });
  };
  return [
    ...withdrawn.flatMap((prefixes) => texts("-", prefixes)),
    ...announced.flatMap(({ prefixes }) => texts("+", prefixes)),
    ...(endOfRib === null ? [] : [`end ${endOfRib}`]),
  ];
}

function lastOf(kind: string): Heard | undefined {
  return heard().findLast((each) => each.kind === kind);
}

describe("RFC 7854 §3.3 the life of a BMP session", () => {
  it("begins with an Initiation, then the peers that are up, then their routes and the end of them", () => {
    meet([]);
    originate(b, prefix);
    network.run(1_000);
    configure(a, 65001, [peerOf(b.address, 65002)], { bmp: [collector(["inPrePolicy"])] });
    network.run(1_000);
    const restarted = heard().findLastIndex(({ kind }) => kind === "initiation");
    expect(
      heard()
        .slice(restarted)
        .map(({ kind }) => kind),
    ).toEqual(["initiation", "up", "routes", "routes", "routes"]);
    expect(routes()).toEqual([`in +${prefix}`, "in end 4", "in end 6"]);
  });

  it("ends with a Termination when it is no longer configured, which costs no peer its session", () => {
    meet(["inPrePolicy"]);
    configure(a, 65001, [peerOf(b.address, 65002)]);
    network.run(1_000);
    expect(lastOf("termination")?.body.toHex()).toContain("00010002" + "0004");
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0 });
    expect(a.speaker.summary().bmp).toBeUndefined();
  });

  it("dials a station that is away ever more seldom (§3.2)", () => {
    station.isUp = false;
    const waits: number[] = [];
    a.speaker = new Watched((action) => {
      if (action.type === "arm" && action.timer.of === "collector") waits.push(action.seconds);
    });
    configure(a, 65001, [], { bmp: [collector([], { retrySeconds: 30 })] });
    network.run(6_000_000);
    expect(waits.slice(0, 7)).toEqual([30, 60, 120, 240, 480, 720, 720]);
    station.isUp = true;
    network.run(720_000);
    expect(a.speaker.summary().bmp).toMatchObject([{ name: "10.0.0.9:1790", state: "up" }]);
  });
});

describe("RFC 7854 §4.10, §4.9 Peer Up and Peer Down", () => {
  it("shows both OPENs as they were sent", () => {
    meet([]);
    const opens = network.sent.filter(({ bytes }) => bytes[18] === 1);
    const [ours, theirs] = [a, b].map((node) => opens.find(({ from }) => from === node.address)?.bytes.toHex());
    expect(lastOf("up")?.body.toHex().slice(40)).toBe(`${ours}${theirs}`);
  });

  const rows = [
    {
      name: "our NOTIFICATION",
      end: () => network.tell(a, { type: "reset", peer: b.address }),
      reason: 1,
      code: "0604",
    },
    { name: "the peer's", end: () => network.tell(b, { type: "reset", peer: a.address }), reason: 3, code: "0604" },
    { name: "a lost connection", end: () => network.kill(b), reason: 4, code: "" },
  ] as const;
  for (const { name, end, reason, code } of rows) {
    it(`says that ${name} ended it`, () => {
      meet(["inPrePolicy"]);
      end();
      network.run(10);
      const down = heard().filter(({ kind }) => kind === "down");
      expect(down.map(({ body }) => body[0])).toEqual([reason]);
      expect(down[0]?.body.subarray(1).toHex().slice(38, 42)).toBe(code);
    });
  }

  it("tells the routes of a session that came back, also those that were kept for it", () => {
    const gracefulRestart = { restartSeconds: 120, forwardingKept: true };
    configure(b, 65002, [peerOf(a.address, 65001, { passive: true })], { gracefulRestart });
    configure(a, 65001, [peerOf(b.address, 65002)], { gracefulRestart, bmp: [collector(["inPrePolicy"])] });
    originate(b, prefix);
    network.run(5_000);
    network.kill(b);
    network.run(10);
    b.isUp = true;
    configure(b, 65002, [peerOf(a.address, 65001, { passive: true })], {
      gracefulRestart,
      restarting: { deadlineSeconds: 60 },
    });
    originate(b, prefix);
    network.run(200_000);
    const told = routes();
    expect(told.filter((line) => line === `in +${prefix}`)).toHaveLength(2); // Once by each session.
    expect(told.filter((line) => line.startsWith("in -"))).toEqual([]);
  });
});

describe("RFC 7854 §5 Adj-RIB-In", () => {
  it("tells what comes, changes and goes, before and after import's rules", () => {
    meet(["inPrePolicy", "inPostPolicy"], {
      ofA: { importPolicy: { accept: [{ prefix: "203.0.113.0/24", minLength: 24, maxLength: 24 }] } },
    });
    originate(b, prefix, "198.51.100.0/24");
    network.run(1_000);
    originate(b, { prefix, med: 7 }, "198.51.100.0/24");
    network.run(1_000);
    originate(b);
    network.run(1_000);
    const told = routes().filter((line) => !line.includes("end"));
    expect(told.filter((line) => line.startsWith("in post")).map((line) => line.slice(8))).toEqual([
      `+${prefix}`,
      `+${prefix}`,
      `-${prefix}`,
    ]);
    expect(told.filter((line) => !line.startsWith("in post")).toSorted()).toEqual(
      [`in +${prefix}`, `in +${prefix}`, `in -${prefix}`, "in +198.51.100.0/24", "in -198.51.100.0/24"].toSorted(),
    );
  });

  it("tells after import what a rule made of it, and before import what was sent", () => {
    const rules = { 4: [{ action: "Accept", operations: [{ setCommunities: { values: ["65001:7"] } }] }] } as const;
    meet(["inPrePolicy", "inPostPolicy"], { ofA: { importFilters: [{ name: "mark", rules }] } });
    originate(b, { prefix, communities: ["65002:1"] });
    network.run(1_000);
    originate(b, { prefix, communities: ["65002:2"] }); // The rule makes the same of it: only the first table changes.
    network.run(1_000);
    const bodies = heard().filter(({ kind, body }) => kind === "routes" && body.length > 40);
    const communities = bodies.map(({ flags, body }) => `${flags} ${/c008..(.{8})/.exec(body.toHex())?.[1]}`);
    expect(communities.filter((line) => line.startsWith("0 "))).toEqual(["0 fdea0001", "0 fdea0002"]);
    expect(communities.filter((line) => line.startsWith("64 "))).toContain("64 fde90007");
    expect(communities.filter((line) => line.startsWith("64 ")).every((line) => line === "64 fde90007")).toBe(true);
  });

  it("tells IPv6 routes, and each path of a prefix by its identifier (RFC 7911)", () => {
    const c = network.node("10.0.0.3");
    const both = { addPath: { send: true, receive: true } };
    configure(c, 65003, [peerOf(b.address, 65002, { passive: true })]);
    configure(b, 65002, [peerOf(a.address, 65001, { passive: true, ...both }), peerOf(c.address, 65003)]);
    configure(a, 65001, [peerOf(b.address, 65002, both)], { bmp: [collector(["inPrePolicy"])] });
    originate(c, prefix, "2001:db8::/32");
    originate(b, prefix);
    network.run(5_000);
    const told = routes([4, 6]).filter((line) => line.includes("+"));
    expect(told.filter((line) => line.startsWith(`in +${prefix}#`)).length).toBeGreaterThanOrEqual(2);
    expect(told.some((line) => line.startsWith("in +2001:db8::/32#"))).toBe(true);
    originate(c);
    network.run(1_000);
    expect(
      routes([4, 6])
        .filter((line) => line.startsWith("in -"))
        .toSorted(),
    ).toHaveLength(2);
  });
});

describe("RFC 8671 Adj-RIB-Out", () => {
  it("tells what the peer is told, and what it might be before its rules", () => {
    originate(a, prefix, "198.51.100.0/24");
    meet(["outPrePolicy", "outPostPolicy"], {
      ofA: { exportPolicy: { accept: [{ prefix, minLength: 24, maxLength: 24 }] } },
    });
    expect(routes().toSorted()).toEqual(
      [
        "out +203.0.113.0/24",
        "out +198.51.100.0/24",
        "out end 4",
        "out end 6",
        "out post +203.0.113.0/24",
        "out post end 4",
        "out post end 6",
      ].toSorted(),
    );
    const peers = [peerOf(b.address, 65002, { exportPolicy: { accept: [] } })];
    configure(a, 65001, peers, { bmp: [collector(["outPrePolicy", "outPostPolicy"])] });
    network.run(1_000);
    expect(routes().filter((line) => line.includes("-"))).toEqual(["out post -203.0.113.0/24"]);
  });

  it("has the same bytes as the peer was sent", () => {
    meet(["outPostPolicy"]);
    originate(a, { prefix, communities: ["65001:1"], med: 5 });
    network.run(1_000);
    const sent = network.sent.filter(
      ({ from, to, bytes }) => from === a.address && to === b.address && bytes[18] === 2,
    );
    const told = heard().filter(({ kind }) => kind === "routes");
    const holds = (bytes: Uint8Array): boolean => bytes.toHex().includes("18cb0071");
    expect(told.find(({ body }) => holds(body))?.body.toHex()).toBe(
      sent.find(({ bytes }) => holds(bytes))?.bytes.toHex(),
    );
  });
});

describe("RFC 9069 Loc-RIB", () => {
  it("is a peer of its own, with our AS, whose routes are the best ones", () => {
    meet(["locRib"]);
    originate(b, prefix);
    network.run(1_000);
    originate(b);
    network.run(1_000);
    const [up] = heard().filter(({ kind }) => kind === "up");
    expect(up).toMatchObject({ peerType: 3, flags: 0, asn: 65001 });
    expect(routes()).toEqual(["loc end 4", "loc end 6", `loc +${prefix}`, `loc -${prefix}`]);
  });

  it("has our own prefixes, with 0.0.0.0 for the next hop that they do not have", () => {
    originate(a, "198.51.100.0/24");
    meet(["locRib"]);
    const [first] = heard().filter(({ kind }) => kind === "routes");
    expect(first?.body.toHex()).toMatch(/40030400000000.*18c63364$/);
  });
});

describe("RFC 7854 §4.8 Statistics Report", () => {
  it("comes for each peer and the Loc-RIB as often as was asked for", () => {
    meet(["locRib"], { bmp: { statisticsSeconds: 10 } });
    originate(b, prefix, "198.51.100.0/24");
    network.run(26_000);
    const reports = heard().filter(({ kind }) => kind === "statistics");
    expect(reports.map(({ peerType }) => peerType)).toEqual([0, 3, 0, 3, 0, 3]);
    expect(lastOf("statistics")?.body.toHex()).toBe("00000001" + "00080008" + "0000000000000002");
    expect(reports.at(-2)?.body.toHex()).toContain("00070008" + "0000000000000002");
  });
});

describe("RFC 7854 §4.8 what a peer said in vain", () => {
  const told = `0000 0014 40010100 400206 0201 ${as(65002)} 400304 0a000002 18cb0071`;
  const withdrawn = "0004 18cb0071 0000";
  const loop = `0000 0018 40010100 40020a 0202 ${as(65002)} ${as(65001)} 400304 0a000002 18cb0071`;

  it.each([
    { name: "refused by policy", said: [told], refuses: true, counts: [1, 0, 0, 0, 0, 0] },
    { name: "told twice", said: [told, told], counts: [0, 1, 0, 0, 0, 0] },
    { name: "withdrawn twice", said: [told, withdrawn, withdrawn], counts: [0, 0, 1, 0, 0, 0] },
    { name: "of our own AS", said: [loop], counts: [0, 0, 0, 0, 1, 0] },
  ])("is counted as $name, in a counter of 32 bits", ({ said, refuses, counts }) => {
    let connection = 0;
    a.speaker = new Watched((action) => {
      if (action.type === "connect" && action.to.address === b.address) connection = action.connection;
    });
    meet(["inPrePolicy"], {
      ofA: refuses ? { importPolicy: { accept: [] } } : {},
      bmp: { statisticsSeconds: 10 },
    });
    for (const hex of said) network.tell(a, { type: "bytes", connection, bytes: updateOf(hex) });
    network.run(11_000);
    const body = Buffer.from(lastOf("statistics")?.body ?? []);
    const seen = [0, 1, 2, 3, 4, 5].map((i) => body.subarray(4 + i * 8, 12 + i * 8).toString("hex"));
    expect(seen).toEqual(counts.map((count, type) => `000${type}0004${count.toString(16).padStart(8, "0")}`));
  });

  function as(asn: number): string {
    return asn.toString(16).padStart(8, "0");
  }

  function updateOf(hex: string): Uint8Array {
    const body = Buffer.from(hex.replaceAll(" ", ""), "hex");
    const header = Buffer.from(`${"ff".repeat(16)}${(body.length + 19).toString(16).padStart(4, "0")}02`, "hex");
    return Buffer.concat([header, body]);
  }
});

describe("a station that does not read", () => {
  it("has no more than a window of routes made for it, and hears the newest when it reads", () => {
    meet(["inPrePolicy"]);
    a.isDraining = false;
    for (let round = 0; round < 20; round++) {
      const many = Array.from({ length: 256 }, (_, i) => ({ prefix: `10.1.${i}.0/24`, med: round * 256 + i }));
      originate(b, ...many);
      network.run(1_000);
    }
    const [status] = a.speaker.summary().bmp ?? [];
    expect(status?.queuedBytes).toBeLessThan(512 * 1024);
    expect(status?.overruns).toBe(0);
    expect(parseAddress(stationAddress)).not.toBeNull();
  });

  it("is hung up on after two minutes, is told why, counted, and begins anew", () => {
    meet(["inPrePolicy"], { ofA: { holdSeconds: 0 }, ofB: { holdSeconds: 0 } });
    a.isDraining = false;
    originate(b, prefix);
    network.run(119_000);
    expect(a.speaker.summary().bmp).toMatchObject([{ state: "up", overruns: 0 }]);
    network.run(2_000);
    const text = "it has read nothing for 120 s";
    expect(a.speaker.summary().bmp).toMatchObject([{ state: "idle", overruns: 1, queuedBytes: 0 }]);
    expect(a.speaker.summary().bmp?.[0]?.lastFailure?.text).toBe(`too slow: ${text}`);
    expect(Buffer.from(lastOf("termination")?.body ?? []).toString()).toContain(text);
    a.isDraining = true;
    network.run(40_000);
    expect(a.speaker.summary().bmp).toMatchObject([{ state: "up" }]);
    expect(routes().filter((line) => line === `in +${prefix}`)).toHaveLength(2);
  });

  it("is hung up on where what cannot be told later fills its queue", () => {
    const actions: SpeakerAction[] = [];
    const importRules = { filter: new PrefixFilter({ accept: "all" }), judge: () => "accepted" as const };
    const address = { family: 4, value: 1n } as const;
    const rib = new Rib({ name: "local", external: true, bgpId: 0, address, importRules });
    const facts = () => ({ asn: 65001, bgpId: 1, software: "s", hostName: "h" });
    const ports = { rib, nowMs: () => 0, newConnection: () => 1, facts, sessions: () => [] };
    const tested = new Collector(collector([]), { ...ports, emit: (action) => void actions.push(action) });
    tested.start();
    tested.connected();
    const open = new Uint8Array(2 ** 20);
    const up = { localAddress: null, localPort: 0, remotePort: 0, sentOpen: open, receivedOpen: new Uint8Array(0) };
    const terms = (): never => expect.unreachable();
    const session = { peer: { address, asn: 1, bgpId: 1 }, address, up, families: [], pathsReceived: [], terms };
    const told = () => actions.filter(({ type }) => type === "send").length;
    for (let id = 1; id <= 20; id++)
      tested.sessionUp({ ...session, id, advertised: () => 0, treatedAsWithdrawal: () => 0 });
    expect(told()).toBe(1 + queueBytesMax / 2 ** 20 - 1 + 1); // Initiation, what fits, Termination.
    expect(actions).toContainEqual({ type: "close", connection: 1 });
    expect(tested.status()).toMatchObject({ state: "idle", overruns: 1, queuedBytes: 0 });
  });
});
