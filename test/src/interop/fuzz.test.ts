/**
 * The hostile peer of `npm run fuzz` over TCP, and beside it BIRD with a session of the same speaker: no peer hurts
 * another. What the one says, the other is told, as far as it can be used.
 */
import { fileURLToPath } from "node:url";
import type { PeerConfig, SpeakerConfig } from "@brindle/bgp";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import type { Namespace } from "../fixtures/namespace.ts";
import type { Router } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { counterparts, createRack, nodeAddress, nodeConfig, routerAddress } from "./rack.ts";
import { holdsOfOurs, pods4, pods6, viaNode } from "./routes.ts";
import { NodeSpeaker } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const fuzz = fileURLToPath(new URL("../../../bgp/src/shell/fuzz.ts", import.meta.url));
const seed = Number(process.env.BRINDLE_SEED ?? 20261121);
const messages = 10_000;
const holdSeconds = 9;
const range = "172.30.66.0/24";

/** The router's addresses of the range are those of nobody whom the speaker knows: each session is a new peer. */
function withHostiles(): SpeakerConfig {
  const config = nodeConfig();
  const peers = config.peers.map((peer): PeerConfig => ({ ...peer, holdSeconds, keepaliveSeconds: 1 }));
  const [tor] = peers;
  if (!tor) throw new Error("no peer");
  const { name: _, address: __, passive: ___, localAddress: ____, ...template } = tor;
  const hostile = { ...template, asn: 65066, addPath: { send: true, receive: true }, extendedNextHop: true };
  return { ...config, peers, dynamicPeers: [{ name: "hostile", range, limit: 50, template: hostile }] };
}

/**
 * Asks BIRD again and again what is left of its hold timer, which each word of ours starts anew, at three quarters of the
 * time at least (RFC 4271 §10).
 */
class HoldTimerWatch implements AsyncDisposable {
  looks = 0;
  leastSeconds: number = holdSeconds;
  #isOver = false;
  readonly #watching: Promise<void>;

  constructor(router: Router) {
    this.#watching = this.#watch(router);
  }

  async #watch(router: Router): Promise<void> {
    while (!this.#isOver) {
      const left = /Hold timer:\s+([\d.]+)\//.exec(await router.show("show protocols all node1"))?.[1];
      this.leastSeconds = Math.min(this.leastSeconds, Number(left ?? 0));
      this.looks += 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }
}

async function attack(router: Namespace): Promise<{ readonly messages: number; readonly sessions: number }> {
  await router.exec("ip", ["route", "add", "local", range, "dev", "lo"]);
  const args = ["--conditions=brindle-source", fuzz, "bgp-live", nodeAddress, "179", range, String(messages)];
  const told = await router.exec(process.execPath, args, {
    env: { ...process.env, BRINDLE_SEED: String(seed) },
    deadlineMs: 90_000,
  });
  return JSON.parse(told.split("\n")[1] ?? "");
}

describe("a hostile peer over TCP", () => {
  it(`costs BIRD neither its session, its route, nor a keepalive (BRINDLE_SEED=${seed})`, async () => {
    const bird = counterparts.find(({ name }) => name === "BIRD");
    if (!bird) throw new Error("no BIRD");
    await using rack = await createRack("fuzz");
    await rack.node.exec("ip", ["route", "add", range, "via", routerAddress]);
    await using speaker = await NodeSpeaker.start(rack.node, withHostiles());
    const config = bird.config.replace("hold time 30", `hold time ${holdSeconds}`);
    await using router = await bird.start({ namespace: rack.router, config });
    await speaker.originate(pods4, pods6);
    const before = await speaker.established("tor");
    await holdsOfOurs(router, viaNode(pods4, pods6));
    await using watch = new HoldTimerWatch(router);

    const { messages: sent, sessions } = await attack(rack.router);
    expect(sent).toBeGreaterThanOrEqual(messages);
    expect(sessions).toBeGreaterThan(50);

    await watch[Symbol.asyncDispose]();
    expect(watch.looks).toBeGreaterThan(10);
    // With a word each second, some five are left at any time.
    expect(watch.leastSeconds).toBeGreaterThan(holdSeconds / 3);
    expect(await speaker.peer("tor")).toMatchObject({ phase: "established", flaps: 0, sinceMs: before.sinceMs });
    for (const prefix of bird.announces) expect(speaker.best.get(prefix)?.from, prefix).toBe("tor");
    // What was usable of it went to BIRD too, and leaves with the last of the hostile sessions.
    await waitFor(async () => (await speaker.routes()).every(({ from }) => !from.startsWith("hostile")), {
      what: "nothing of the hostile peers is left",
      deadlineMs: 30_000,
    });
    await holdsOfOurs(router, viaNode(pods4, pods6));
  });
});
