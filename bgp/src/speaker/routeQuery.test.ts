import { beforeAll, describe, expect, it } from "vitest";
import { routeQuery } from "../controlQuery.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "./testing.ts";

describe("the most specific prefix that holds an address", () => {
  let node: SimulatedNode;

  beforeAll(() => {
    const network = new SimulatedNetwork();
    const far = network.node("10.9.0.1");
    node = network.node("10.9.0.2");
    const config = speakerOf(far, 65001, { peers: [peerOf(node.address, 65002)] });
    network.tell(far, { type: "configure", config });
    const accept = [
      { prefix: "10.0.0.0/8", minLength: 8, maxLength: 24 },
      { prefix: "172.16.0.0/12", minLength: 12, maxLength: 12 },
      { prefix: "2001:db8::/32", minLength: 32, maxLength: 128 },
    ];
    const peers = [peerOf(far.address, 65001, { families: [4, 6], importPolicy: { accept } })];
    network.tell(node, { type: "configure", config: speakerOf(node, 65002, { peers }) });
    const prefixes = ["10.0.0.0/8", "10.1.0.0/16", "10.1.7.0/24", "10.1.7.64/26", "192.0.2.0/24", "192.0.2.128/25"];
    network.tell(far, { type: "originate", prefixes });
    network.tell(node, { type: "originate", prefixes: ["2001:db8::/32", "2001:db8:1::/48", "10.1.7.9/32"] });
    network.run(10_000);
  });

  const cases: [address: string, found: string | undefined][] = [
    ["10.200.0.1", "10.0.0.0/8"],
    ["10.1.8.0", "10.1.0.0/16"],
    ["10.1.7.9", "10.1.7.9/32"],
    ["10.1.7.10", "10.1.7.0/24"],
    ["10.1.7.65", "10.1.7.0/24"], // The policy refuses the /26.
    ["192.0.2.200", "192.0.2.128/25"], // Refused as the wider one is, but there.
    ["11.0.0.1", undefined],
    ["2001:db8:1::7", "2001:db8:1::/48"],
    ["2001:db8:2::", "2001:db8::/32"],
    ["2001:db9::", undefined],
  ];
  for (const [address, found] of cases) {
    it(`is ${found ?? "none"} for ${address}`, () => {
      expect(node.speaker.routes({ covering: address })[0]?.prefix).toBe(found);
    });
  }

  it("is asked for by an address, and not together with a prefix", () => {
    expect(routeQuery({ covering: "10.1.7.9" })).toEqual({ covering: "10.1.7.9" });
    expect(() => routeQuery({ covering: "10.1.7.0/24" })).toThrow("covering is no address");
    expect(() => routeQuery({ covering: "10.1.7.9", prefix: "10.1.7.0/24" })).toThrow("go not together");
  });
});
