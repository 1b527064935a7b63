/** What packets must be before BGP hears of them: signed (RFC 2385), and from near by (RFC 5082). */
import { encodeMessage, type PeerConfig, type SpeakerConfig } from "@brindle/bgp";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { NodeSpeaker, openPeer } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

interface Pair extends AsyncDisposable {
  readonly east: Namespace;
  readonly west: Namespace;
}

const addresses = {
  IPv4: { east: "172.30.9.1", west: "172.30.9.2" },
  IPv6: { east: "fd00:30:9::1", west: "fd00:30:9::2" },
} as const;
type Side = "east" | "west";

async function createPair(): Promise<Pair> {
  const stack = new AsyncDisposableStack();
  const east = stack.use(await createNamespace("east"));
  const west = stack.use(await createNamespace("west"));
  await linkNamespaces(
    { namespace: east, name: "eth0", addresses: ["172.30.9.1/24", "fd00:30:9::1/64"] },
    { namespace: west, name: "eth0", addresses: ["172.30.9.2/24", "fd00:30:9::2/64"] },
  );
  return { east, west, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** One end, with a peer of each IP family, both of them the other end. */
function configOf(side: Side, parts: Partial<PeerConfig>, ofIpv4: object = {}): SpeakerConfig {
  const isEast = side === "east";
  const other = isEast ? "west" : "east";
  const peers = (["IPv4", "IPv6"] as const).map((family) =>
    openPeer({
      name: `over ${family}`,
      address: addresses[family][other],
      localAddress: addresses[family][side],
      asn: isEast ? 65002 : 65001,
      nextHop: { 4: addresses.IPv4[side], 6: addresses.IPv6[side] },
      connectRetrySeconds: 1,
      ...parts,
      ...(family === "IPv4" && ofIpv4),
    }),
  );
  return {
    asn: isEast ? 65001 : 65002,
    bgpId: addresses.IPv4[side],
    listen: Object.values(addresses).map((each) => ({ address: each[side], port: 179 })),
    peers,
  };
}

async function bothEstablished(speaker: NodeSpeaker): Promise<void> {
  await Promise.all([speaker.established("over IPv4"), speaker.established("over IPv6")]);
}

async function failure(speaker: NodeSpeaker, name: string, pattern: RegExp): Promise<void> {
  await waitFor(
    async (saw) => {
      const { phase, lastFailure } = await speaker.peer(name);
      saw(lastFailure);
      return phase !== "established" && pattern.test(lastFailure?.text ?? "");
    },
    { what: `the session ${name} fails by ${pattern}` },
  );
}

const password = "a secret of 24 characters";
const whoDials = [
  { name: "when we dial", ofEast: { passive: false }, ofWest: { passive: true } },
  { name: "when the peer dials", ofEast: { passive: true }, ofWest: { passive: false } },
] as const;

describe("RFC 2385 TCP MD5", () => {
  it.each(whoDials)("carries sessions over both families $name", async ({ ofEast, ofWest }) => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { password, ...ofEast }));
    await using west = await NodeSpeaker.start(pair.west, configOf("west", { password, ...ofWest }));
    await bothEstablished(east);
    await bothEstablished(west);
    expect(await pair.east.exec("ss", ["-tnH", "state", "established"])).toContain(":179");
  });

  it.each(whoDials)("is no session with another password $name, and says so", async ({ ofEast, ofWest }) => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { password, ...ofEast }));
    await using west = await NodeSpeaker.start(pair.west, configOf("west", { password: "another", ...ofWest }));
    const dialler = ofEast.passive ? west : east;
    await failure(dialler, "over IPv4", /no answer within 1 s \(is the password the same there/);
    await failure(dialler, "over IPv6", /no answer within 1 s \(is the password the same there/);
    for (const speaker of [east, west]) expect(JSON.stringify(await speaker.peer("over IPv4"))).not.toContain("secret");
  });

  it("counts what the kernel drops, for the hint on either side", async () => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { password }));
    await using west = await NodeSpeaker.start(pair.west, configOf("west", {}));
    await failure(east, "over IPv4", /dropped \d+ TCP segments for their signatures: missing or wrong/);
    await failure(west, "over IPv6", /dropped \d+ TCP segments for their signatures: does the peer have a password/);
  });

  it("changes by a reset of that one session, as it comes and as it goes", async () => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { password }));
    await using west = await NodeSpeaker.start(pair.west, configOf("west", { password }));
    await bothEstablished(east);
    await bothEstablished(west);
    const { sinceMs } = await east.peer("over IPv6");
    for (const change of [{ password: "new" }, { password: undefined }, { password }]) {
      const { sinceMs: before } = await east.peer("over IPv4");
      await east.configure(withoutUndefined(configOf("east", { password }, change)));
      await west.configure(withoutUndefined(configOf("west", { password }, change)));
      await waitFor(async () => (await east.peer("over IPv4")).sinceMs > before, { what: "the session is reset" });
      await bothEstablished(east);
      await bothEstablished(west);
    }
    expect(await east.peer("over IPv6")).toMatchObject({ sinceMs });
  });

  it("lets in a whole range by one password, and nobody in it without", async () => {
    await using pair = await createPair();
    const { peers, ...plain } = configOf("east", {});
    const {
      name: _,
      address: __,
      passive: ___,
      localAddress: ____,
      ...template
    } = { ...peers[0], password } as PeerConfig;
    const dynamicPeers = [
      { name: "four", range: "172.30.0.0/16", limit: 4, template },
      { name: "six", range: "fd00:30:9::/64", limit: 4, template },
    ];
    await using east = await NodeSpeaker.start(pair.east, { ...plain, peers: [], dynamicPeers });
    await using west = await NodeSpeaker.start(pair.west, configOf("west", { password }));
    await bothEstablished(west);
    await east.established("four/172.30.9.2");
    await east.established("six/fd00:30:9::2");
    await west.configure(withoutUndefined(configOf("west", { password }, { password: undefined })));
    await failure(west, "over IPv4", /no answer within 1 s/);
    await east.established("six/fd00:30:9::2");
  });

  it("dials peers for whose passwords a listening socket has no room, and says what to raise", async () => {
    await using pair = await createPair();
    const config = configOf("east", { password });
    const absent = Array.from({ length: 1_500 }, (_, i) => {
      const address = `172.31.${i >> 8}.${i & 255}`;
      return openPeer({ name: `absent${i}`, address, asn: 65002, password, passive: true });
    });
    await using east = await NodeSpeaker.start(pair.east, config);
    await east.configure({ ...config, peers: [...absent, ...config.peers] });
    expect((await east.peer("absent1499")).lastFailure?.text).toContain("raise net.core.optmem_max");
    expect((await east.peer("absent0")).lastFailure).toBe(null);
    await using west = await NodeSpeaker.start(pair.west, configOf("west", { password, passive: true }));
    await bothEstablished(east);
    await bothEstablished(west);
  });
});

/** As JSON does it: a configuration has no fields that are there and undefined. */
function withoutUndefined(config: SpeakerConfig): SpeakerConfig {
  return JSON.parse(JSON.stringify(config));
}

describe("RFC 5082 GTSM", () => {
  it.each(whoDials)("carries sessions between neighbours $name", async ({ ofEast, ofWest }) => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { ttlSecurity: 1, ...ofEast }));
    await using west = await NodeSpeaker.start(pair.west, configOf("west", { ttlSecurity: 1, ...ofWest }));
    await bothEstablished(east);
    await bothEstablished(west);
  });

  it.each(["IPv4", "IPv6"] as const)("believes nothing of a connection over %s from further away", async (family) => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { ttlSecurity: 1, passive: true }));
    const { east: host, west: localAddress } = addresses[family];
    const open = { type: "open", asn: 65002, holdSeconds: 90, bgpId: 0xac1e0902, capabilities: [] } as const;
    const bytes = [open, { type: "keepalive" } as const].map((each) =>
      encodeMessage(each, { fourOctetAs: true }).toHex(),
    );
    // What a router far away would send: all at once, with the hop limit that Linux gives.
    const script = `const socket = require("node:net").connect({ host: "${host}", port: 179, localAddress: "${localAddress}" });
      let heard = 0;
      socket.on("connect", () => socket.write(Buffer.from("${bytes.join("")}", "hex")));
      socket.on("data", (data) => { heard += data.length; });
      socket.on("error", () => {});
      socket.on("close", () => process.stdout.write("heard " + heard));`;
    expect(await pair.west.exec(process.execPath, ["-e", script])).toBe("heard 0");
    expect(await east.peer(`over ${family}`)).toMatchObject({ phase: "active", lastFailure: null });
    expect((await east.summary()).refused).toMatchObject({ unknown: 0, tooFar: 1 });
  });

  it("drops what comes from a peer that does not send with a hop limit of 255", async () => {
    await using pair = await createPair();
    await using east = await NodeSpeaker.start(pair.east, configOf("east", { ttlSecurity: 1 }));
    await using _west = await NodeSpeaker.start(pair.west, configOf("west", { passive: true }));
    await failure(east, "over IPv4", /no answer within 1 s \(is the peer at most 1 hops away/);
    await failure(east, "over IPv6", /no answer within 1 s \(is the peer at most 1 hops away/);
  });
});
