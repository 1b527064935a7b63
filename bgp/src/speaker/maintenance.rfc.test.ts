/** A session that is taken down gently (RFC 8326, RFC 9003), and one that is brought back. */
import { beforeEach, describe, expect, it } from "vitest";
import { maintenanceWish } from "../controlQuery.ts";
import { ceaseNotification } from "../wire/notification.ts";
import type { SpeakerEvent } from "./event.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode } from "./testing.ts";

const prefix = "203.0.113.0/24";
let network: SimulatedNetwork;
let a: SimulatedNode;
let b: SimulatedNode;
let c: SimulatedNode;

function tell(node: SimulatedNode, event: SpeakerEvent): void {
  network.tell(node, event);
  network.run(1_000);
}

function route(
  node: SimulatedNode,
  from: string,
): { communities: readonly string[]; localPref: number | null; best: boolean } | undefined {
  return node.speaker.routes({ prefix }).find((each) => each.from === from);
}

const on = { text: "new optics", waitSeconds: 60 };

/** a (65001) between b (65002) and c (65003), who both announce the prefix; a prefers b, who has the lower address. */
beforeEach(() => {
  network = new SimulatedNetwork();
  [a, b, c] = [network.node("10.0.0.1"), network.node("10.0.0.2"), network.node("10.0.0.3")];
  network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true })]);
  network.configure(c, 65003, [peerOf(a.address, 65001, { passive: true })]);
  network.configure(a, 65001, [peerOf(b.address, 65002), peerOf(c.address, 65003)]);
  for (const node of [b, c]) network.tell(node, { type: "originate", prefixes: [prefix] });
  network.tell(a, { type: "originate", prefixes: ["198.51.100.0/24"] });
  network.run(5_000);
  expect(a.nextHops(prefix)).toEqual([b.address]);
});

describe("RFC 8326 §4.2 an EBGP session that is about to be shut down", () => {
  it("has its routes as the last resort on both sides, while it stands", () => {
    tell(a, { type: "maintenance", peer: b.address, wish: on });
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0, maintenance: { phase: "draining" } });
    expect(a.nextHops(prefix)).toEqual([c.address]);
    expect(route(a, b.address)).toMatchObject({ communities: ["graceful-shutdown"], localPref: 0, best: false });
    const [heard] = b.speaker.routes({ prefix: "198.51.100.0/24" });
    expect(heard?.communities).toEqual(["graceful-shutdown"]);
    expect(c.speaker.routes({ prefix: "198.51.100.0/24" })[0]?.communities).toEqual([]);
  });

  it("marks what filters and lists of prefixes let pass, and nothing else", () => {
    const rules = {
      4: [
        {
          cidr: prefix,
          matchOperator: "Equal",
          action: "Accept",
          operations: [{ addCommunity: { value: "65001:5" } }],
        },
      ],
    } as const;
    const some = {
      importFilters: [{ name: "some", rules }],
      importPolicy: { accept: [{ prefix: "192.0.2.0/24", minLength: 24, maxLength: 32 }] },
    };
    network.configure(a, 65001, [
      peerOf(b.address, 65002, { ...some, gracefulShutdown: true }),
      peerOf(c.address, 65003),
    ]);
    tell(b, { type: "originate", prefixes: [prefix, "192.0.2.0/25", "192.0.3.0/24"] });
    expect(route(a, b.address)?.communities).toEqual(["65001:5", "graceful-shutdown"]);
    const of = (text: string) => a.speaker.routes({ prefix: text, peer: b.address })[0];
    expect(of("192.0.2.0/25")).toMatchObject({ best: true, communities: ["graceful-shutdown"], localPref: 0 });
    expect(of("192.0.3.0/24")).toMatchObject({ best: false, lostBy: "importPolicy" });
  });
});

describe("RFC 9003 §2 the end of the session", () => {
  it("comes after the wait, with the text, and it stays away", () => {
    tell(a, { type: "maintenance", peer: b.address, wish: on });
    network.run(58_000);
    expect(a.status(b.address).phase).toBe("established");
    network.run(2_000);
    expect(a.status(b.address)).toMatchObject({ phase: "idle", maintenance: { phase: "down", text: "new optics" } });
    expect(b.status(a.address).lastFailure?.text).toBe('peer sent Cease/Administrative Shutdown: "new optics"');
    network.run(300_000);
    expect(a.status(b.address).phase).toBe("idle");
    expect(a.status(c.address)).toMatchObject({ phase: "established", flaps: 0 });
  });

  it("comes at once where nobody wants to wait, and the session comes back when it is turned off", () => {
    tell(a, { type: "maintenance", peer: b.address, wish: { waitSeconds: 0 } });
    expect(a.status(b.address)).toMatchObject({ phase: "idle", maintenance: { phase: "down", text: null } });
    tell(a, { type: "maintenance", peer: b.address, wish: null });
    network.run(10_000);
    expect(a.status(b.address)).toMatchObject({ phase: "established" });
    expect(a.status(b.address).maintenance).toBeUndefined();
    expect(a.nextHops(prefix)).toEqual([b.address]);
  });

  it("does not come where it is turned off before, and the routes are as they were", () => {
    tell(a, { type: "maintenance", peer: b.address, wish: on });
    tell(a, { type: "maintenance", peer: b.address, wish: null });
    network.run(120_000);
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0 });
    expect(a.nextHops(prefix)).toEqual([b.address]);
    expect(b.speaker.routes({ prefix: "198.51.100.0/24" })[0]?.communities).toEqual([]);
  });
});

describe("maintenance of all", () => {
  it("takes every session down, also of peers that come later, and outlives a reload", () => {
    const dynamicPeers = [{ name: "rack", range: "10.0.0.0/24", limit: 5, template: peerOf("10.0.0.0", 65004) }];
    network.configure(a, 65001, [peerOf(b.address, 65002), peerOf(c.address, 65003)], { dynamicPeers });
    tell(a, { type: "maintenance", peer: null, wish: { waitSeconds: 0, text: "power" } });
    const d = network.node("10.0.0.4");
    network.configure(d, 65004, [peerOf(a.address, 65001)]);
    network.configure(a, 65001, [peerOf(b.address, 65002, { holdSeconds: 30 }), peerOf(c.address, 65003)], {
      dynamicPeers,
    });
    network.run(60_000);
    expect(a.speaker.peers().map(({ phase }) => phase)).toEqual(["idle", "idle"]);
    tell(a, { type: "maintenance", peer: null, wish: null });
    network.run(120_000);
    expect(a.speaker.peers().map(({ phase }) => phase)).toEqual(["established", "established", "established"]);
  });
});

describe("what may be asked for", () => {
  it("has a text of 255 bytes at most (RFC 9003 §2)", () => {
    const ask = (text: string) => () => maintenanceWish({ name: null, on: true, text });
    expect(ask("é".repeat(128))).toThrow("text has 256 bytes, and 255 can be sent");
    expect(ask("é".repeat(127))()).toEqual({ peer: null, wish: { waitSeconds: 60, text: "é".repeat(127) } });
    expect(ceaseNotification(2, "é".repeat(127)).data.length).toBe(255);
  });

  for (const params of [{}, { name: 1, on: true }, { name: "a" }, { name: "a", on: true, waitSeconds: 1.5 }]) {
    it(`is not ${JSON.stringify(params)}`, () => expect(() => maintenanceWish(params)).toThrow(/^bgp\.maintenance: /));
  }
});
