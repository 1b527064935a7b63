/** What the daemon's file means where it says nothing of policies: RFC 8212, on speakers that are configured by it. */
import { describe, expect, it } from "vitest";
import { SimulatedNetwork, type SimulatedNode } from "../speaker/testing.ts";
import { readSettings } from "./readSettings.ts";
import { speakerWish } from "./speakerConfigOf.ts";

/** A speaker as its file says, which announces a prefix. */
function start(network: SimulatedNetwork, address: string, yaml: string): SimulatedNode {
  const read = readSettings(`routerID: ${address}\nlisten: [{ address: ${address} }]\n${yaml}`);
  if (read.kind !== "settings") throw new Error(read.problems.join("\n"));
  const { config, originated } = speakerWish(read.settings, { passwords: new Map(), software: "test" });
  const node = network.node(address);
  network.tell(node, { type: "configure", config });
  network.tell(node, { type: "originate", prefixes: originated });
  return node;
}

const accepts = "importPolicy: accept, exportPolicy: accept";

/** What two speakers hold of each other's one prefix; `ours` stands in the file of the first for the second. */
function exchanged(ours: string, { theirAs }: { readonly theirAs: number }): { ofTheirs: number; atTheirs: number } {
  const network = new SimulatedNetwork();
  const peerOfA = `{ peerIP: 10.0.0.2, asNumber: ${theirAs}${ours} }`;
  const a = start(network, "10.0.0.1", `asNumber: 65001\npeers: [${peerOfA}]\noriginate: [192.0.2.0/24]\n`);
  const peerOfB = `{ peerIP: 10.0.0.1, asNumber: 65001, passive: true, ${accepts} }`;
  const b = start(network, "10.0.0.2", `asNumber: ${theirAs}\npeers: [${peerOfB}]\noriginate: [198.51.100.0/24]\n`);
  network.run(10_000);
  expect(a.status("10.0.0.2").phase).toBe("established");
  return {
    ofTheirs: a.nextHops("198.51.100.0/24").length,
    atTheirs: b.speaker.routes({ prefix: "192.0.2.0/24" }).length,
  };
}

const external = { theirAs: 65002 };

describe("RFC 8212 §3", () => {
  it("takes nothing from a peer of another AS, and tells it nothing, where no policy stands", () => {
    expect(exchanged("", external)).toEqual({ ofTheirs: 0, atTheirs: 0 });
  });

  it("asks for each direction by itself", () => {
    expect(exchanged(", importPolicy: accept", external)).toEqual({ ofTheirs: 1, atTheirs: 0 });
    expect(exchanged(", exportPolicy: accept", external)).toEqual({ ofTheirs: 0, atTheirs: 1 });
    expect(exchanged(`, ${accepts}`, external)).toEqual({ ofTheirs: 1, atTheirs: 1 });
  });

  it("lets pass what a list has, and nothing beside it", () => {
    expect(exchanged(", importPolicy: [198.51.100.0/24], exportPolicy: [10.0.0.0/8]", external)).toEqual({
      ofTheirs: 1,
      atTheirs: 0,
    });
  });

  it("says nothing of a peer of the own AS", () => {
    expect(exchanged("", { theirAs: 65001 })).toEqual({ ofTheirs: 1, atTheirs: 1 });
  });
});
