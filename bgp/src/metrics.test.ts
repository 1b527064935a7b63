import { describe, expect, it } from "vitest";
import { speakerMetrics } from "./metrics.ts";
import { peerOf, SimulatedNetwork, speakerOf } from "./speaker/testing.ts";

describe("metrics of a speaker", () => {
  const network = new SimulatedNetwork();
  const [a, b] = [network.node("10.9.0.1"), network.node("10.9.0.2")];
  const peers = [peerOf(b.address, 65002, { families: [4] }), peerOf("10.9.0.3", 65003)];
  network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers }) });
  network.tell(b, { type: "configure", config: speakerOf(b, 65002, { peers: [peerOf(a.address, 65001)] }) });
  network.tell(a, { type: "originate", prefixes: ["10.1.0.0/24"] });
  network.run(20_000);
  const metrics = speakerMetrics({ peers: a.speaker.peers(), summary: a.speaker.summary() });
  const samples = (name: string) =>
    metrics
      .find((metric) => metric.name === `brindle_bgp_${name}`)
      ?.samples.map(({ labels, value }) => `${Object.values(labels).join(" ")} ${value}`.trim());

  it("say of each peer whether it is there, and count its routes while it is", () => {
    expect(samples("peer_established")).toEqual(["10.9.0.2 65002 1", "10.9.0.3 65003 0"]);
    expect(samples("peer_routes")).toEqual([
      "10.9.0.2 ipv4 received 0",
      "10.9.0.2 ipv4 accepted 0",
      "10.9.0.2 ipv4 filtered 0",
      "10.9.0.2 ipv4 advertised 1",
    ]);
  });

  it("count what RFC 7606 lets pass of a session, while it stands", () => {
    const [established, other] = a.speaker.peers();
    const attributeFaults = { count: 3, lastText: "ORIGIN of length 7" };
    const peers = [established, other].flatMap((peer) =>
      peer ? [{ ...peer, session: peer.session && { ...peer.session, attributeFaults } }] : [],
    );
    const told = speakerMetrics({ peers, summary: a.speaker.summary() });
    const faults = told.find(({ name }) => name === "brindle_bgp_peer_attribute_faults_total");
    expect(faults?.samples.map(({ value }) => value)).toEqual([3, 0]);
  });

  it("say how large the table is", () =>
    expect([samples("rib_prefixes"), samples("rib_routes")]).toEqual([["1"], ["1"]]));

  it("have the labels that they name, and no name twice", () => {
    for (const { labelNames, samples: each } of metrics) {
      for (const { labels } of each) expect(Object.keys(labels)).toEqual(labelNames);
    }
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
  });

  it("are there without values while there is no speaker", () => {
    expect(speakerMetrics(null).map(({ name }) => name)).toEqual(metrics.map(({ name }) => name));
    expect(speakerMetrics(null).every(({ samples: each }) => each.length === 0)).toBe(true);
  });
});
