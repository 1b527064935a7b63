import assert from "node:assert/strict";
import type { ControlError } from "@brindle/net";
import { describe, it } from "vitest";
import type { SessionPhase } from "../control.ts";
import { bgpHandlers } from "./bgpHandlers.ts";
import type { RunningSpeaker } from "./runningSpeaker.ts";

interface Told {
  readonly name: string;
  readonly phase: SessionPhase;
  readonly negotiated: { readonly routeRefresh: boolean } | null;
}

const peers: readonly Told[] = [
  { name: "up", phase: "established", negotiated: { routeRefresh: true } },
  { name: "plain", phase: "established", negotiated: { routeRefresh: false } },
  { name: "away", phase: "connect", negotiated: null },
];

describe("bgp.refresh", () => {
  const asked: string[] = [];
  const speaker = {
    peer: async (name: string) => peers.find((each) => each.name === name) ?? null,
    refresh: async (name: string) => void asked.push(name),
  };
  const refresh = bgpHandlers(() => speaker as unknown as RunningSpeaker)["bgp.refresh"];

  it("asks a peer that can be asked", async () => {
    await refresh?.({ name: "up" });
    assert.deepEqual(asked, ["up"]);
  });

  it.each([
    ["away", "NO_SESSION", "away is not Established but connect: it tells all when its session begins"],
    ["plain", "UNSUPPORTED", "plain did not offer route refresh (RFC 2918): `bgp reset` makes it tell all"],
    ["nobody", "NOT_FOUND", 'there is no peer "nobody"'],
  ])("says why %s hears nothing", async (name, code, message) => {
    await assert.rejects(
      async () => refresh?.({ name }),
      (error: ControlError) => {
        assert.deepEqual([error.code, error.message], [code, message]);
        return true;
      },
    );
    assert.deepEqual(asked, ["up"]);
  });
});
