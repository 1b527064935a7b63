import { describe, expect, it } from "vitest";
import { BgpError } from "../error.ts";
import { checkConfig } from "./checkConfig.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { peerOf } from "./testing.ts";

const valid: SpeakerConfig = { asn: 64512, bgpId: "10.0.0.1", listen: [], peers: [peerOf("10.0.0.2", 65001)] };

function withPeer(parts: Partial<PeerConfig>): SpeakerConfig {
  return { ...valid, peers: [peerOf("10.0.0.2", 65001, parts)] };
}

const range = { prefix: "10.0.0.0/8", minLength: 24, maxLength: 16 };

const refused: { name: string; config: SpeakerConfig; field: string }[] = [
  { name: "AS 0", config: { ...valid, asn: 0 }, field: "asn" },
  { name: "an AS number beyond 32 bits", config: { ...valid, asn: 2 ** 32 }, field: "asn" },
  { name: "an identifier of zero", config: { ...valid, bgpId: "0.0.0.0" }, field: "bgpId" },
  { name: "an IPv6 address as identifier", config: { ...valid, bgpId: "::1" }, field: "bgpId" },
  {
    name: "a listener with a name",
    config: { ...valid, listen: [{ address: "eth0", port: 1 }] },
    field: "listen[0].address",
  },
  {
    name: "a restart time beyond 12 bits",
    config: { ...valid, gracefulRestart: { restartSeconds: 4096, forwardingKept: true } },
    field: "gracefulRestart.restartSeconds",
  },
  {
    name: "two peers of one name",
    config: { ...valid, peers: [peerOf("10.0.0.2", 1, { name: "a" }), peerOf("10.0.0.3", 1, { name: "a" })] },
    field: "peers[a]",
  },
  {
    name: "two peers of one address",
    config: { ...valid, peers: [peerOf("fd00::2", 1, { nextHop: {} }), peerOf("fd00:0::2", 1, { nextHop: {} })] },
    field: "peers[fd00:0::2].address",
  },
  { name: "a peer by our own name", config: withPeer({ name: "local" }), field: "peers[local]" },
  {
    name: "a source address of the other family",
    config: withPeer({ localAddress: "fd00::1" }),
    field: "peers[10.0.0.2].localAddress",
  },
  { name: "a hold time of one second", config: withPeer({ holdSeconds: 1 }), field: "peers[10.0.0.2].holdSeconds" },
  { name: "an empty password", config: withPeer({ password: "" }), field: "peers[10.0.0.2].password" },
  {
    name: "a password of more bytes than the kernel takes",
    config: withPeer({ password: "ü".repeat(41) }),
    field: "peers[10.0.0.2].password",
  },
  {
    name: "an interval of BFD that nobody can keep",
    config: withPeer({ bfd: { minTxMs: 9, minRxMs: 50, multiplier: 3 } }),
    field: "peers[10.0.0.2].bfd.minTxMs",
  },
  {
    name: "an interval of BFD beyond a minute",
    config: withPeer({ bfd: { minTxMs: 50, minRxMs: 60_001, multiplier: 3 } }),
    field: "peers[10.0.0.2].bfd.minRxMs",
  },
  {
    name: "a multiplier of BFD of zero",
    config: withPeer({ bfd: { minTxMs: 50, minRxMs: 50, multiplier: 0 } }),
    field: "peers[10.0.0.2].bfd.multiplier",
  },
  {
    name: "BFD over several hops on a link",
    config: withPeer({
      address: "::",
      interface: "eth0",
      bfd: { minTxMs: 50, minRxMs: 50, multiplier: 3, multihop: true },
    }),
    field: "peers[10.0.0.2].bfd.multihop",
  },
  { name: "a peer no hop away", config: withPeer({ ttlSecurity: 0 }), field: "peers[10.0.0.2].ttlSecurity" },
  { name: "a peer 256 hops away", config: withPeer({ ttlSecurity: 256 }), field: "peers[10.0.0.2].ttlSecurity" },
  { name: "no family", config: withPeer({ families: [] }), field: "peers[10.0.0.2].families" },
  {
    name: "an IPv6 next hop for IPv4",
    config: withPeer({ nextHop: { 4: "fd00::1" } }),
    field: "peers[10.0.0.2].nextHop[4]",
  },
  {
    name: "lengths the wrong way round",
    config: withPeer({ importPolicy: { accept: [range] } }),
    field: "peers[10.0.0.2].importPolicy.accept[0]",
  },
  {
    name: "a policy's prefix with host bits",
    config: withPeer({ exportPolicy: { accept: [{ ...range, prefix: "10.0.0.1/8" }] } }),
    field: "peers[10.0.0.2].exportPolicy.accept[0].prefix",
  },
];

describe("checkConfig", () => {
  it("accepts what works", () => expect(() => checkConfig(valid)).not.toThrow());

  it("says nothing of a password but its length", () => {
    const failure = failureOf(() => checkConfig(withPeer({ password: "hunter2".repeat(20) })));
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });

  for (const { name, config, field } of refused) {
    it(`refuses ${name} at ${field}`, () => {
      const failure = failureOf(() => checkConfig(config));
      expect(failure).toMatchObject({ code: "CONFIG_INVALID", field, reason: expect.any(String) });
    });
  }
});

function failureOf(act: () => void): BgpError["failure"] | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof BgpError) return error.failure;
    throw error;
  }
}
