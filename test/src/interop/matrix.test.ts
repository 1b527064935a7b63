/**
 * The matrix: what each router and we agree on, in one session with everything switched on. A cell holds when the router
 * itself says so, and routes with their attributes went both ways. What a router cannot do is named with its version.
 */
import type { SpeakerConfig } from "@brindle/bgp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { createRack, nodeConfig, type Rack } from "./rack.ts";
import { NodeSpeaker } from "./speaker.ts";
import { type Cell, cells, ours, password, type Running, type Subject, subjects } from "./subjects.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

function everything({ name, waits }: Subject): SpeakerConfig {
  const config = nodeConfig();
  const secured = { password: name === "FRR" ? password.replace(" ", "-") : password, ttlSecurity: 1 };
  return {
    ...config,
    identity: { hostName: "node1", software: "Brindle" },
    gracefulRestart: { restartSeconds: 120, forwardingKept: true, longLivedSeconds: 600 },
    peers: config.peers.map((peer) => ({ ...peer, ...secured, passive: !waits, localRole: "customer" })),
  };
}

describe.each(subjects)("$name", (subject) => {
  const stack = new AsyncDisposableStack();
  let rack: Rack;
  let speaker: NodeSpeaker;
  let router: Running;

  beforeAll(async () => {
    rack = stack.use(await createRack(`m-${subject.name.toLowerCase()}`));
    speaker = stack.use(await NodeSpeaker.start(rack.node, everything(subject)));
    const communities = ["64512:7:8"];
    await speaker.originate(...Object.values(ours).map((prefix) => ({ prefix, communities })));
    router = stack.use(await subject.start(rack.router));
    await speaker.established("tor");
  });
  afterAll(() => stack.disposeAsync());

  for (const cell of cells) {
    const reason = subject.missing[cell];
    if (reason !== undefined) {
      it(`cannot do: ${cell}, in version ${subject.version}: ${reason}`, async () => {
        expect(await router.version()).toContain(subject.version);
      });
    } else {
      it(`and we have ${cell}`, () => holds(cell));
    }
  }

  /** Signatures and hop limits show in nothing but that there is a session: without them, `transport.test.ts` has none. */
  async function holds(cell: Cell): Promise<void> {
    if (cell === "TCP MD5 (RFC 2385)" || cell === "GTSM (RFC 5082)") {
      expect(await speaker.peer("tor")).toMatchObject({ phase: "established", flaps: 0 });
      return;
    }
    const pattern = subject.shows[cell];
    await waitFor(
      async (saw) => {
        const told = await router.tell();
        saw(told.slice(-3_000));
        return pattern?.test(told) === true;
      },
      { what: `${subject.name} shows ${cell}` },
    );
  }

  it("tells us its routes with a large community", async () => {
    for (const prefix of subject.announces) {
      await waitFor(
        async (saw) => {
          const [route] = await speaker.routes({ prefix });
          saw(route);
          return route?.best === true && route.largeCommunities.includes("65001:1:2");
        },
        { what: `we hold ${prefix} with its large community` },
      );
    }
  });
});
