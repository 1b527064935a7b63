import { beforeEach, describe, expect, it } from "vitest";
import type { RouteStatus } from "../control.ts";
import type { FilterOperation, FilterRule, RouteFilter } from "../filter/rule.ts";
import type { PeerConfig } from "./config.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "./testing.ts";

const inside: FilterRule = { cidr: "10.0.0.0/8", matchOperator: "In", action: "Accept" };

function filter(...rules: FilterRule[]): RouteFilter[] {
  return [{ name: "tor-in", rules: { 4: rules } }];
}

describe("filters of a session", () => {
  let network: SimulatedNetwork;
  let a: SimulatedNode;
  let b: SimulatedNode;
  let c: SimulatedNode;

  beforeEach(() => {
    network = new SimulatedNetwork();
    [a, b, c] = [network.node("10.9.0.1"), network.node("10.9.0.2"), network.node("10.9.0.3")];
    network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [peerOf(b.address, 65002)] }) });
    configure({});
    network.tell(c, { type: "configure", config: speakerOf(c, 65003, { peers: [peerOf(b.address, 65002)] }) });
    network.tell(a, { type: "originate", prefixes: ["10.1.0.0/24", "192.0.2.0/24"] });
    network.run(10_000);
  });

  function configure(fromA: Partial<PeerConfig>, toC: Partial<PeerConfig> = {}): void {
    const peers = [peerOf(a.address, 65001, fromA), peerOf(c.address, 65003, toC)];
    network.tell(b, { type: "configure", config: speakerOf(b, 65002, { peers }) });
    network.run(1_000);
  }

  function at(node: SimulatedNode, prefix: string): RouteStatus | undefined {
    return node.speaker.routes({ prefix })[0];
  }

  it("keep what they refuse, with filter and rule, and give it back without a word to the peer", () => {
    const sent = () => network.sent.filter(({ to }) => to === a.address).length;
    const before = sent();
    configure({ importFilters: filter(inside, { action: "Reject" }) });
    expect(at(b, "192.0.2.0/24")).toMatchObject({
      best: false,
      lostBy: "importFilter",
      refusedBy: { filter: "tor-in", place: 2 },
    });
    expect(b.status(a.address).session?.families[0]).toMatchObject({ received: 2, accepted: 1, filtered: 1 });
    expect(at(c, "192.0.2.0/24")).toBeUndefined();
    configure({});
    expect(at(b, "192.0.2.0/24")).toMatchObject({ best: true, lostBy: null });
    expect(at(c, "192.0.2.0/24")).toMatchObject({ best: true });
    expect(sent()).toBe(before);
  });

  it("are asked before the policy, which has what they leave", () => {
    configure({ importFilters: filter(inside), importPolicy: { accept: [] } });
    expect(at(b, "10.1.0.0/24")).toMatchObject({ best: true });
    expect(at(b, "192.0.2.0/24")).toMatchObject({ lostBy: "importPolicy" });
  });

  const changing = (...operations: FilterOperation[]): RouteFilter[] => filter({ ...inside, operations });

  it("change what was told, and change it back", () => {
    configure({
      importFilters: changing({ setLocalPreference: { value: 7 } }, { addCommunity: { value: "65002:1" } }),
    });
    expect(at(b, "10.1.0.0/24")).toMatchObject({ localPref: 7, communities: ["65002:1"] });
    expect(at(b, "192.0.2.0/24")).toMatchObject({ localPref: null, communities: [] });
    expect(at(c, "10.1.0.0/24")).toMatchObject({ communities: ["65002:1"] });
    configure({ importFilters: changing({ addCommunity: { value: "65002:2" } }) });
    expect(at(b, "10.1.0.0/24")).toMatchObject({ localPref: null, communities: ["65002:2"] });
    configure({});
    expect(at(b, "10.1.0.0/24")).toMatchObject({ localPref: null, communities: [] });
    expect(at(c, "10.1.0.0/24")).toMatchObject({ communities: [] });
  });

  it("change what is told again, and forget it with the route", () => {
    configure({ importFilters: changing({ setMED: { value: 9 } }) });
    const again = { type: "refresh", peer: a.address } as const;
    network.tell(b, again);
    network.run(1_000);
    expect(at(b, "10.1.0.0/24")).toMatchObject({ med: 9 });
    network.tell(a, { type: "originate", prefixes: [] });
    network.run(1_000);
    expect(b.speaker.routes()).toEqual([]);
  });

  it("are asked of what a session tells, too", () => {
    const operations: FilterOperation[] = [{ setMED: { value: 9 } }, { prependASPath: { prefix: [65002, 65002] } }];
    configure({}, { exportFilters: filter({ ...inside, operations }, { action: "Reject" }) });
    expect(at(c, "10.1.0.0/24")).toMatchObject({ med: 9, asPath: "65002 65002 65002 65001" });
    expect(at(c, "192.0.2.0/24")).toBeUndefined();
    expect(at(b, "10.1.0.0/24")).toMatchObject({ med: null, asPath: "65001" });
  });

  it("set the next hop that is told", () => {
    expect(at(c, "10.1.0.0/24")?.nextHop).toBe(b.address);
    configure({}, { exportFilters: changing({ setNextHop: { value: "Keep" } }) });
    expect(at(c, "10.1.0.0/24")?.nextHop).toBe(a.address);
    expect(at(c, "192.0.2.0/24")?.nextHop).toBe(b.address);
  });

  it("ask for the interface of the next hop as the kernel has it now", () => {
    const overWire: FilterRule = { interface: "eth0", action: "Accept", operations: [{ setMED: { value: 1 } }] };
    configure({ importFilters: filter(overWire) }, { exportFilters: filter(overWire) });
    const fact = (name: string) => [{ address: a.address, igpCost: 1, interface: name }];
    network.tell(b, { type: "nextHops", facts: fact("eth0") });
    network.run(1_000);
    expect([at(b, "10.1.0.0/24")?.med, at(c, "10.1.0.0/24")?.med]).toEqual([1, 1]);
    network.tell(b, { type: "nextHops", facts: fact("eth1") });
    network.run(1_000);
    expect([at(b, "10.1.0.0/24")?.med, at(c, "10.1.0.0/24")?.med]).toEqual([null, null]);
  });
});
