/** BFD with the daemons that have it: paths that are up as the router itself says, and what happens when they break. */
import type { PeerConfig, PeerStatus, SpeakerConfig } from "@brindle/bgp";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import type { Namespace } from "../fixtures/namespace.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import { startFrrWithBfd } from "../fixtures/routers/frr.ts";
import type { Router } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { unableTo } from "./everyDaemon.ts";
import { createRack, nodeAddress, nodeConfig, nodeConfigOverV6, type Rack, routerAddress } from "./rack.ts";
import { heldOfOurs, holdsOfOurs, pods4, viaNode } from "./routes.ts";
import { NodeSpeaker } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const intervalMs = 50;
const fast = { minTxMs: intervalMs, minRxMs: intervalMs, multiplier: 3 };
/** How long it may take from the cut of a link to the end of a session: three intervals, and a machine that is busy. */
const noticedMsMax = 3 * intervalMs + 2_850;

interface Way {
  readonly name: string;
  readonly address: string;
  readonly multihop: boolean;
  readonly config: () => SpeakerConfig;
}

const single: Way = { name: "IPv4", address: nodeAddress, multihop: false, config: nodeConfig };
const singleOverV6: Way = { ...single, name: "IPv6", address: "fd00:30:1::11", config: nodeConfigOverV6 };
const ways = [single, singleOverV6, { ...single, name: "IPv4, multihop", multihop: true }];

function withBfd(way: Way, parts: Partial<PeerConfig> = {}): SpeakerConfig {
  const config = way.config();
  const bfd = { ...fast, multihop: way.multihop };
  return { ...config, peers: config.peers.map((peer) => ({ ...peer, bfd, ...parts })) };
}

interface Subject {
  readonly name: string;
  /** BIRD is told in as many words that the end of BFD is not to end a graceful restart. */
  start(namespace: Namespace, way: Way, birdMode?: "bfd on" | "bfd graceful"): Promise<Router>;
  /** Of the router's own words: of its session of BFD, and of how its session of BGP ended last. */
  readonly questions: readonly [bfd: string, bgp: string];
  readonly isUp: RegExp;
  readonly isDown: RegExp;
  readonly saysWhy: RegExp;
}

const bird: Subject = {
  name: "BIRD",
  start: (namespace, way, mode = "bfd on") => startBird({ namespace, config: birdConfig(way).replace("bfd on", mode) }),
  questions: ["show bfd sessions", "show protocols all node1"],
  isUp: /\sUp\s+\S+\s+0\.050\s+0\.150/,
  isDown: /\s(Down|Init)\s/,
  saysWhy: /Error: .*BFD/,
};

function birdConfig({ address, multihop }: Way): string {
  const local = address.includes(":") ? "fd00:30:1::1" : routerAddress;
  const timing = `min rx interval ${intervalMs} ms; min tx interval ${intervalMs} ms; multiplier 3;`;
  return `log stderr all;
router id ${routerAddress};
protocol device { scan time 5; }
protocol bfd { interface "*" { ${timing} }; multihop { ${timing} }; }
protocol static s4 { ipv4; route 198.51.100.0/24 blackhole; }
protocol bgp node1 {
  local ${local} as 65001;
  neighbor ${address} as 64512;
  ${multihop ? "multihop 2" : "direct"};
  bfd on;
  hold time 30; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export all; };
  ipv6 { import all; export all; };
}
`;
}

const frr: Subject = {
  name: "FRR",
  start: (namespace, way) =>
    startFrrWithBfd({
      namespace,
      config: frrConfig(way),
      bfd: `bfd\n profile fast\n  transmit-interval ${intervalMs}\n  receive-interval ${intervalMs}\n  detect-multiplier 3\n exit\nexit\n`,
    }),
  questions: ["show bfd peers json", "show bgp neighbors json"],
  isUp: /"status":"up"[^}]*"remote-receive-interval":50,"remote-transmit-interval":50/,
  isDown: /"status":"down"/,
  saysWhy: /BFD/i,
};

function frrConfig({ address, multihop }: Way): string {
  const local = address.includes(":") ? "fd00:30:1::1" : routerAddress;
  return `frr version 8.4
frr defaults datacenter
hostname tor
router bgp 65001
 bgp router-id ${routerAddress}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${address} remote-as 64512
 neighbor ${address} update-source ${local}
 neighbor ${address} timers connect 1
${multihop ? ` neighbor ${address} ebgp-multihop 2\n` : ""} neighbor ${address} bfd
 neighbor ${address} bfd profile fast
 address-family ipv4 unicast
  network 198.51.100.0/24
  neighbor ${address} activate
 exit-address-family
exit
`;
}

/** From the router's end, in both directions; only what it is that BGP and BFD send to each other is lost. */
async function cut(rack: Rack): Promise<void> {
  const rules =
    "table inet cut { chain in { type filter hook input priority 0; iifname rack drop; }; chain out { type filter hook output priority 0; oifname rack drop; }; }";
  await rack.router.exec("nft", [rules]);
}

async function mend(rack: Rack): Promise<void> {
  await rack.router.exec("nft", ["delete table inet cut"]);
}

function peerWith(speaker: NodeSpeaker, what: string, holds: (peer: PeerStatus) => boolean): Promise<PeerStatus> {
  return waitFor(
    async (saw) => {
      const peer = await speaker.peer("tor");
      saw(peer);
      return holds(peer) && peer;
    },
    { what, deadlineMs: 60_000, intervalMs: 10 },
  );
}

/** FRR begins its session of BFD over IPv6 anew, with another discriminator, when that of BGP has come up. */
function settled(speaker: NodeSpeaker): Promise<PeerStatus> {
  return peerWith(speaker, "both sessions are up, BFD by what both want, and that for half a second", (peer) => {
    const { phase, bfd } = peer;
    const isUp = bfd?.state === "up" && bfd.transmitMs === intervalMs && bfd.detectionMs === 3 * intervalMs;
    return phase === "established" && isUp && Date.now() - Math.max(bfd.sinceMs, peer.sinceMs) > 500;
  });
}

function says(router: Router, question: string, pattern: RegExp): Promise<string> {
  return waitFor(
    async (saw) => {
      const text = (await router.show(question)).replaceAll(/"\s*:\s*/g, '":').replaceAll(/,\s+"/g, ',"');
      saw(text);
      return pattern.test(text) && text;
    },
    { what: `${router.kind} says ${pattern} of ${question}` },
  );
}

const unable = unableTo("BFD", [bird, frr], {
  GoBGP: "it has no BFD",
  OpenBGPD: "it has no BFD",
  ExaBGP: "it has no BFD",
});

describe("RFC 5880", () => {
  it.each(unable)("cannot be had with $name, in version $version: $why", async ({ version, ask }) => {
    expect(await ask()).toContain(version);
  });
});

describe.each([bird, frr])("RFC 5880, 5881, 5883: $name", (subject) => {
  it.each(ways)("$name: comes up, finds a cut link, ends BGP for it, and comes back", async (way) => {
    await using rack = await createRack("bfd");
    await using speaker = await NodeSpeaker.start(rack.node, withBfd(way));
    await using router = await subject.start(rack.router, way);
    const [ofBfd, ofBgp] = subject.questions;
    const { flaps } = await settled(speaker);
    await says(router, ofBfd, subject.isUp);

    await cut(rack);
    const cutMs = Date.now(); // Of a busy machine the command alone may take longer than what it does is to be noticed in.
    const down = await peerWith(speaker, "our session is down", ({ phase }) => phase !== "established");
    expect(down.sinceMs - cutMs).toBeLessThan(noticedMsMax);
    expect(down).toMatchObject({
      flaps: flaps + 1,
      lastFailure: {
        text: "sent Cease/BFD Down: control detection time expired",
        notification: { sentBy: "us", code: 6, subcode: 10 },
      },
      bfd: { state: "down", diagnostic: "control detection time expired", remoteState: null, detectionMs: null },
    });
    await says(router, ofBfd, subject.isDown);
    await says(router, ofBgp, subject.saysWhy);

    await mend(rack);
    await speaker.established("tor");
    await says(router, ofBfd, subject.isUp);
    await peerWith(speaker, "our BFD is up again", ({ bfd }) => bfd?.state === "up" && bfd.transmitMs === intervalMs);
  });
});

describe("RFC 5880: a thread of its own", () => {
  it.each(["ownThread", "mainThread"] as const)(
    "stays up while the main thread is busy for a second (speaker: %s)",
    async (thread) => {
      await using rack = await createRack("bfd-busy");
      await using speaker = await NodeSpeaker.start(rack.node, withBfd(single), { in: thread });
      await using router = await bird.start(rack.router, single);
      const { bfd, flaps } = await settled(speaker);
      const since = await sinceOf(router);
      await speaker.block(1_000);
      expect(await speaker.peer("tor")).toMatchObject({ phase: "established", flaps, bfd: { sinceMs: bfd?.sinceMs } });
      expect(await sinceOf(router)).toBe(since);
    },
  );

  it("comes before all that is not of its kind, and it alone", async () => {
    await using rack = await createRack("bfd-first");
    await using speaker = await NodeSpeaker.start(rack.node, withBfd(single));
    const ofThreads = async (): Promise<string[]> => {
      const classes = await rack.node.exec("ps", ["-L", "-o", "cls=", "-p", String(speaker.pid)]);
      return classes.split("\n").map((line) => line.trim());
    };
    await waitFor(async () => (await ofThreads()).includes("FF"), { what: "a thread of SCHED_FIFO" });
    expect((await ofThreads()).filter((each) => each === "FF")).toHaveLength(1);
  });
});

/** When BIRD's session came into its state, which is Up. */
async function sinceOf(router: Router): Promise<string | undefined> {
  return /\sUp\s+(\S+)/.exec(await router.show("show bfd sessions"))?.[1];
}

/** Sends one packet of BFD, Down and to whoever has the address, with this hop limit. */
const sender = `
const [address, multihop, hops] = process.argv.slice(1);
const socket = require("node:dgram").createSocket(address.includes(":") ? "udp6" : "udp4");
const packet = Buffer.from("204003180000000700000000000f4240000f424000000000", "hex");
socket.bind(49999, () => {
  socket.setTTL(Number(hops));
  socket.send(packet, multihop === "true" ? 4784 : 3784, address, () => socket.close());
});
`;

describe("RFC 5881 §5, RFC 5883 §5: hop limits", () => {
  it.each(ways)("$name: a packet with 254 hops left counts over several hops alone", async (way) => {
    await using rack = await createRack("bfd-hops");
    await using speaker = await NodeSpeaker.start(rack.node, withBfd(way));
    const send = async (hops: number): Promise<void> => {
      const args = ["-e", sender, way.address, String(way.multihop), String(hops)];
      await rack.router.exec(process.execPath, args);
    };
    const dropped = async (): Promise<number> => {
      const counters = await rack.node.exec("cat", ["/proc/net/snmp", "/proc/net/snmp6"]);
      const v4 = /^Udp: \d.*$/m.exec(counters)?.[0].split(" ") ?? [];
      return Number(v4[3]) + Number(/^Udp6InErrors\s+(\d+)/m.exec(counters)?.[1]);
    };
    const droppedBefore = await dropped();
    await send(254);
    if (way.multihop) {
      await peerWith(speaker, "BFD has heard the packet", ({ bfd }) => bfd?.state === "init");
      return;
    }
    await waitFor(async () => (await dropped()) === droppedBefore + 1, { what: "the kernel has dropped the packet" });
    expect((await speaker.peer("tor")).bfd).toMatchObject({ state: "down", remoteState: null });
    await send(255);
    await peerWith(speaker, "BFD has heard the other packet", ({ bfd }) => bfd?.state === "init");
  });
});

describe("RFC 5882: BFD and what else is going on", () => {
  it("§3.2: when FRR's operator takes BFD down, the session stays", async () => {
    await using rack = await createRack("bfd-off");
    await using speaker = await NodeSpeaker.start(rack.node, withBfd(single));
    await using router = await frr.start(rack.router, single);
    const { flaps } = await settled(speaker);
    const [vtysh = "", ...args] = router.tool;
    const lines = ["configure terminal", "bfd", "profile fast", "shutdown"].flatMap((line) => ["-c", line]);
    await rack.router.exec(vtysh, [...args, ...lines]);
    const peer = await peerWith(speaker, "we hear AdminDown", ({ bfd }) => bfd?.remoteState === "adminDown");
    expect(peer).toMatchObject({ phase: "established", flaps, bfd: { state: "down" } });
  });

  it.each([bird, frr])(
    "§4.3.2: when our process is killed, $name keeps our routes though BFD ends",
    async (subject) => {
      await using rack = await createRack("bfd-kill");
      await using speaker = await NodeSpeaker.start(rack.node, withBfd(single));
      await using router = await subject.start(rack.router, single, "bfd graceful");
      await speaker.originate(pods4);
      await settled(speaker);
      await holdsOfOurs(router, viaNode(pods4));
      await speaker.kill();
      await says(router, subject.questions[0], subject.isDown);
      await using successor = await NodeSpeaker.start(rack.node, {
        ...withBfd(single),
        restarting: { deadlineSeconds: 20 },
      });
      expect(await heldOfOurs(router)).toEqual(viaNode(pods4));
      await successor.originate(pods4);
      await settled(successor);
      await holdsOfOurs(router, viaNode(pods4));
    },
  );

  it.each([
    {
      how: "is shut down",
      end: (speaker: NodeSpeaker) => speaker.configure(withBfd(single, { shutdown: { text: "" } })),
    },
    { how: "is stopped", end: (speaker: NodeSpeaker) => speaker.stop({ text: "" }) },
  ])("a session that $how says so before BFD ends, however long the peer takes to hear it", async ({ end }) => {
    await using rack = await createRack("bfd-order");
    await using peer = rack.router.spawn(process.execPath, ["-e", slowPeer]);
    await waitFor(() => peer.output().includes("listens"), { what: "the peer listens", deadlineMs: 30_000 });
    await using speaker = await NodeSpeaker.start(rack.node, withBfd(single));
    await speaker.established("tor");
    await waitFor(() => peer.output().includes("bfd up"), { what: "BFD is up", deadlineMs: 30_000 });
    await end(speaker);
    await waitFor(() => peer.output().includes("bfd adminDown"), { what: "BFD's end is heard", deadlineMs: 30_000 });
    const said = peer.output().match(/notification|closes|bfd adminDown/g) ?? [];
    expect(said.slice(0, 3)).toEqual(["notification", "closes", "bfd adminDown"]);
  });

  it("a port that another program has is told, and had when it is free", async () => {
    await using rack = await createRack("bfd-port");
    const holder = rack.node.spawn(process.execPath, ["-e", 'require("node:dgram").createSocket("udp4").bind(3784)']);
    await waitFor(async () => (await rack.node.exec("ss", ["-Hlun"])).includes(":3784"), { what: "the port is taken" });
    await using speaker = await NodeSpeaker.start(rack.node, withBfd(single));
    await peerWith(
      speaker,
      "it says that it cannot listen",
      ({ bfd }) => bfd?.fault?.includes("UDP port 3784") === true,
    );
    await holder.stop({ graceMs: 1_000 });
    await peerWith(speaker, "it listens", ({ bfd }) => bfd?.fault === undefined && bfd?.transmitMs === 1_000);
  });
});

/** It takes our connection, and half a second until it has understood that the session ends. */
const slowPeer = `
const marker = "ff".repeat(16);
const message = (type, body) => {
  const length = (19 + body.length / 2).toString(16).padStart(4, "0");
  return Buffer.from(marker + length + type + body, "hex");
};
const open = message("01", "04fde9001eac1e010100"); // AS 65001, 30 s, 172.30.1.1, and IPv4 alone
const states = ["adminDown", "down", "init", "up"];
const bfd = require("node:dgram").createSocket("udp4").bind(3784, "${routerAddress}", () => bfd.setTTL(255));
bfd.on("message", (packet) => {
  const state = packet[1] >> 6;
  console.log("bfd " + states[state]);
  if (state === 0) return;
  // RFC 5880 §4.1: ours is 7, a packet a second, three of them.
  const answer = Buffer.from("2000031800000007" + packet.toString("hex", 4, 8) + "000f42400000c35000000000", "hex");
  answer[1] = (state === 1 ? 2 : 3) << 6;
  bfd.send(answer, 3784, "${nodeAddress}");
});
const server = require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
  socket.write(open);
  socket.on("error", () => {});
  let heard = Buffer.alloc(0);
  socket.on("data", (data) => {
    heard = Buffer.concat([heard, data]);
    for (let length; heard.length >= 19 && heard.length >= (length = heard.readUInt16BE(16)); heard = heard.subarray(length)) {
      if (heard[18] === 1) socket.write(message("04", ""));
      if (heard[18] !== 3) continue;
      console.log("notification");
      setTimeout(() => { console.log("closes"); socket.end(); }, 500);
    }
  });
});
server.listen(179, "${routerAddress}", () => console.log("listens"));
`;
