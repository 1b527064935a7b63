import { describe, expect, it } from "vitest";
import { peerOf, SimulatedNetwork, speakerOf } from "./testing.ts";

describe("own routes", () => {
  function meet() {
    const network = new SimulatedNetwork();
    const [a, b] = [network.node("10.9.0.1"), network.node("10.9.0.2")];
    network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [peerOf(b.address, 65002)] }) });
    network.tell(b, { type: "configure", config: speakerOf(b, 65002, { peers: [peerOf(a.address, 65001)] }) });
    return { network, a, b };
  }

  it("are told with their attributes, and told anew when these change", () => {
    const { network, a, b } = meet();
    const communities = ["65001:1", "no-peer", "65001:2:3"];
    const routes = ["10.1.0.0/24", { prefix: "10.2.0.0/24", communities, med: 5 }];
    network.tell(a, { type: "originate", prefixes: routes });
    network.run(10_000);
    const told = () =>
      b.speaker
        .routes()
        .map(({ prefix, communities, largeCommunities, med }) => ({ prefix, communities, largeCommunities, med }));
    expect(told()).toEqual([
      { prefix: "10.1.0.0/24", communities: [], largeCommunities: [], med: null },
      { prefix: "10.2.0.0/24", communities: ["65001:1", "no-peer"], largeCommunities: ["65001:2:3"], med: 5 },
    ]);
    network.tell(a, { type: "originate", prefixes: ["10.2.0.0/24"] });
    network.run(1_000);
    expect(told()).toEqual([{ prefix: "10.2.0.0/24", communities: [], largeCommunities: [], med: null }]);
  });

  const refused: {
    name: string;
    routes: readonly (string | { prefix: string; communities: string[] })[];
    says: RegExp;
  }[] = [
    { name: "no prefix", routes: ["10.1.0.1/24"], says: /originate: 10.1.0.1\/24 is not a prefix/ },
    {
      name: "no community",
      routes: [{ prefix: "10.1.0.0/24", communities: ["1:x"] }],
      says: /1:x of 10.1.0.0\/24 is not/,
    },
  ];
  for (const { name, routes, says } of refused) {
    it(`are refused as a whole for ${name}`, () => {
      const { network, a } = meet();
      network.tell(a, { type: "originate", prefixes: ["10.3.0.0/24"] });
      expect(() => network.tell(a, { type: "originate", prefixes: ["10.4.0.0/24", ...routes] })).toThrow(says);
      network.run(1_000);
      expect(a.speaker.routes().map(({ prefix }) => prefix)).toEqual(["10.3.0.0/24"]);
    });
  }
});
