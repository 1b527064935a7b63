/** While policies, labels, sets and agents change at random, nothing opens that is denied before and after, and nothing that is allowed is dropped. */
import type { PolicySpec } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { playDeparture } from "./departures.ts";
import { PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints, randomPackets } from "./randomCase.ts";
import { agreedOn, play, randomTransition, sortedBy, type Transition } from "./transition.ts";

const transitions = 6;
const departures = 2;
/** In few it is so that no chain is kept for anybody. */
const departuresMax = 10;
const packetsOfEach = 150;
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);

describe.each(["nft", "legacy"] as const)(`packets on the way, backend %s, BRINDLE_SEED=${seed}`, (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it(`pass if both states allow them, and never if both deny them, in ${transitions} turns`, async () => {
    let [denied, allowed] = [0, 0];
    for (let index = 0; index < transitions; index++) {
      const own = seed * 100 + index + (backend === "legacy" ? 50 : 0);
      const transition = randomTransition(own);
      const outcome = await play(node, transition, agreedOn(transition, own, packetsOfEach));
      expect([own, outcome.passedThough, outcome.droppedThough]).toEqual([own, [], []]);
      denied += outcome.denied;
      allowed += outcome.allowed;
    }
    expect(denied).toBeGreaterThan(1_000);
    expect(allowed).toBeGreaterThan(1_000);
  });

  it("are treated so while a pod goes, its chains stay for the next one, and another comes in its place", async () => {
    let [denied, allowed, kept] = [0, 0, 0];
    for (let index = 0; index < departures || (kept === 0 && index < departuresMax); index++) {
      const own = seed * 100 + 70 + index + (backend === "legacy" ? 10 : 0);
      const outcome = await playDeparture(node, own, packetsOfEach);
      expect([own, outcome.passedThough, outcome.droppedThough]).toEqual([own, [], []]);
      denied += outcome.denied;
      allowed += outcome.allowed;
      kept += outcome.kept;
    }
    expect(denied).toBeGreaterThan(300);
    expect(allowed).toBeGreaterThan(300);
    expect(kept).toBeGreaterThan(0);
  });

  it("notice an instant that is open, and one that is closed", async () => {
    const selected: PolicySpec = { selector: "place == 'p2'", types: ["Ingress"] };
    const closed = clusterWith([selected]);
    const open = clusterWith([{ ...selected, ingress: [{ action: "Allow" }] }]);
    const toP2 = randomPackets(1, 400).filter(({ destination }) => formatAddress(destination) === "10.65.0.2");
    const turns = [
      { state: closed, instant: open },
      { state: open, instant: closed },
    ];
    for (const { state, instant } of turns) {
      const transition: Transition = { before: state, after: state, deathAfter: null, instants: [instant] };
      const outcome = await play(node, transition, sortedBy(state, toP2));
      expect(outcome.passedThough.length > 0).toBe(state === closed);
      expect(outcome.droppedThough.length > 0).toBe(state === open);
    }
  });
});
