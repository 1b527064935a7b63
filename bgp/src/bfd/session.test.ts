import { describe, expect, it } from "vitest";
import { type BfdState, bfdStates, type ControlPacket, diagnostic } from "./packet.ts";
import { type BfdAction, type BfdConfig, type BfdEvent, detectionMicros, initialBfdSession, step } from "./session.ts";

const config: BfdConfig = { localDiscriminator: 11, minTxMicros: 50_000, minRxMicros: 40_000, multiplier: 3 };
const theirs: ControlPacket = {
  state: "down",
  diagnostic: 0,
  poll: false,
  final: false,
  controlPlaneIndependent: true,
  demand: false,
  multiplier: 5,
  myDiscriminator: 22,
  yourDiscriminator: 11,
  desiredMinTxMicros: 1_000_000,
  requiredMinRxMicros: 100_000,
  requiredMinEchoRxMicros: 0,
};

/** A machine with all that it has done since it was last asked. */
class Machine {
  config: BfdConfig = config;
  session = initialBfdSession(config);
  #actions: BfdAction[] = [];

  tell(event: BfdEvent): this {
    const { state, actions } = step(this.session, event, this.config);
    this.session = state;
    this.#actions.push(...actions);
    return this;
  }

  hear(parts: Partial<ControlPacket>): this {
    return this.tell({ type: "received", packet: { ...theirs, ...parts } });
  }

  /** The three-way handshake, and the end of the poll that follows it. */
  up(): this {
    this.tell({ type: "start" }).hear({ state: "down" }).hear({ state: "init" });
    this.hear({ state: "up", desiredMinTxMicros: 60_000, final: true });
    this.take();
    return this;
  }

  take(): BfdAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  sent(): ControlPacket[] {
    return this.take().flatMap((action) => (action.type === "send" ? [action.packet] : []));
  }

  transmit(): ControlPacket | undefined {
    this.take();
    return this.tell({ type: "timerFired", timer: "transmit" }).sent()[0];
  }
}

function machineIn(state: BfdState): Machine {
  const machine = new Machine();
  if (state === "up") return machine.up();
  machine.tell({ type: "start" });
  if (state === "init") machine.hear({ state: "down" });
  if (state === "adminDown") machine.tell({ type: "stop" });
  machine.take();
  expect(machine.session.state).toBe(state);
  return machine;
}

describe("RFC 5880 §6.8.6 the state machine", () => {
  const rows: Readonly<Record<BfdState, Readonly<Record<BfdState, readonly [BfdState, number]>>>> = {
    adminDown: {
      adminDown: ["adminDown", diagnostic.adminDown],
      down: ["adminDown", diagnostic.adminDown],
      init: ["adminDown", diagnostic.adminDown],
      up: ["adminDown", diagnostic.adminDown],
    },
    down: { adminDown: ["down", 0], down: ["init", 0], init: ["up", 0], up: ["down", 0] },
    init: { adminDown: ["down", diagnostic.neighborDown], down: ["init", 0], init: ["up", 0], up: ["up", 0] },
    up: {
      adminDown: ["down", diagnostic.neighborDown],
      down: ["down", diagnostic.neighborDown],
      init: ["up", 0],
      up: ["up", 0],
    },
  };
  for (const ours of bfdStates) {
    for (const state of bfdStates) {
      const [becomes, why] = rows[ours][state];
      it(`${ours} that hears ${state} is ${becomes}`, () => {
        const { session } = machineIn(ours).hear({ state });
        expect([session.state, session.diagnostic]).toEqual([becomes, why]);
      });
    }
  }

  it("forgets the reason of the last time when it comes up", () => {
    const machine = machineIn("up").tell({ type: "timerFired", timer: "detect" });
    expect(machine.session.diagnostic).toBe(diagnostic.detectionExpired);
    machine.hear({ state: "down" });
    expect(machine.transmit()).toMatchObject({ state: "init", diagnostic: diagnostic.detectionExpired });
    expect(machine.hear({ state: "init" }).session).toMatchObject({ state: "up", diagnostic: diagnostic.none });
  });
});

describe("RFC 5880 §6.8.7 what is sent", () => {
  it("begins with Down, no discriminator of theirs, no echo and one packet a second", () => {
    const actions = new Machine().tell({ type: "start" }).take();
    expect(actions).toEqual([
      {
        type: "send",
        packet: {
          state: "down",
          diagnostic: 0,
          poll: false,
          final: false,
          controlPlaneIndependent: false,
          demand: false,
          multiplier: 3,
          myDiscriminator: 11,
          yourDiscriminator: 0,
          desiredMinTxMicros: 1_000_000,
          requiredMinRxMicros: 40_000,
          requiredMinEchoRxMicros: 0,
        },
      },
      { type: "arm", timer: "transmit", micros: 1_000_000, jitter: { from: 0.75, to: 1 } },
    ]);
  });

  it("bears their discriminator from their first packet on", () => {
    expect(machineIn("init").transmit()).toMatchObject({ myDiscriminator: 11, yourDiscriminator: 22 });
  });

  it("has a jitter of at most nine tenths with a multiplier of one", () => {
    const machine = new Machine();
    machine.config = { ...config, multiplier: 1 };
    expect(machine.tell({ type: "start" }).take().at(-1)).toMatchObject({ jitter: { from: 0.75, to: 0.9 } });
  });

  it("tells another state at once, not when its turn comes", () => {
    expect(machineIn("down").hear({ state: "down" }).sent()).toMatchObject([{ state: "init" }]);
    expect(machineIn("init").hear({ state: "up" }).sent()).toMatchObject([{ state: "up" }]);
    expect(machineIn("up").hear({ state: "down" }).sent()).toMatchObject([{ state: "down", diagnostic: 3 }]);
    expect(machineIn("up").hear({ state: "up", desiredMinTxMicros: 60_000 }).sent()).toEqual([]);
  });

  it("is nothing periodic while they ask for nothing, but an answer to their poll", () => {
    const machine = machineIn("up").hear({ state: "up", requiredMinRxMicros: 0 });
    expect(machine.take()).toContainEqual({ type: "disarm", timer: "transmit" });
    expect(machine.transmit()).toBeUndefined();
    expect(machine.hear({ state: "up", requiredMinRxMicros: 0, poll: true }).sent()).toMatchObject([{ final: true }]);
    machine.hear({ state: "up" });
    expect(machine.take()).toContainEqual(expect.objectContaining({ type: "arm", timer: "transmit", micros: 100_000 }));
  });

  it("§6.6: is nothing periodic in their demand mode, for as long as both are Up", () => {
    const machine = machineIn("up").hear({ state: "up", demand: true });
    expect(machine.transmit()).toBeUndefined();
    expect(machineIn("init").hear({ state: "down", demand: true }).transmit()).toBeDefined();
  });

  it("does not put off the next packet for each that comes", () => {
    const machine = machineIn("up");
    for (let heard = 0; heard < 3; heard += 1) machine.hear({ state: "up", desiredMinTxMicros: 60_000 });
    const arms = machine.take().filter((action) => action.type === "arm" && action.timer === "transmit");
    expect(arms).toEqual([]);
  });
});

describe("RFC 5880 §6.8.3 intervals", () => {
  it("go to the configured one when it is Up, told by a poll", () => {
    const machine = machineIn("init").hear({ state: "init" });
    const [send, arm] = machine.take();
    expect(send).toMatchObject({ packet: { state: "up", poll: true, desiredMinTxMicros: 50_000 } });
    expect(arm).toMatchObject({ timer: "transmit", micros: 100_000 }); // They want no more.
  });

  it("go back to a second as soon as it is not Up", () => {
    const machine = machineIn("up").hear({ state: "down" });
    expect(machine.take()).toContainEqual(expect.objectContaining({ timer: "transmit", micros: 1_000_000 }));
  });

  it("grow when they want less, shrink when they want more", () => {
    const machine = machineIn("up").hear({ state: "up", requiredMinRxMicros: 400_000 });
    expect(machine.take()).toContainEqual(expect.objectContaining({ timer: "transmit", micros: 400_000 }));
    machine.hear({ state: "up", requiredMinRxMicros: 10_000 });
    expect(machine.take()).toContainEqual(expect.objectContaining({ timer: "transmit", micros: 50_000 }));
  });

  it("that are configured longer are kept short until they know", () => {
    const machine = machineIn("up");
    machine.config = { ...config, minTxMicros: 500_000 };
    machine.tell({ type: "configured" });
    expect(machine.take()).toMatchObject([
      { packet: { poll: true, desiredMinTxMicros: 500_000 } },
      { timer: "transmit", micros: 100_000 },
    ]);
    machine.hear({ state: "up", final: true });
    expect(machine.take()).toContainEqual(expect.objectContaining({ timer: "transmit", micros: 500_000 }));
  });

  it("of theirs that are to be shorter are not counted on until they know", () => {
    const machine = machineIn("up").hear({ state: "up", desiredMinTxMicros: 10_000 });
    machine.config = { ...config, minRxMicros: 20_000 };
    machine.tell({ type: "configured" });
    expect(detectionMicros(machine.session)).toBe(5 * 40_000);
    machine.hear({ state: "up", desiredMinTxMicros: 10_000, final: true });
    expect(detectionMicros(machine.session)).toBe(5 * 20_000);
  });
});

describe("RFC 5880 §6.5 polls", () => {
  it("are answered at once, with F and without P", () => {
    const machine = machineIn("init").hear({ state: "init", poll: true });
    expect(machine.sent()).toMatchObject([{ state: "up", poll: false, final: true }]);
  });

  it("are repeated until they are answered", () => {
    const machine = machineIn("init").hear({ state: "init" });
    expect(machine.transmit()).toMatchObject({ poll: true });
    machine.hear({ state: "up" });
    expect(machine.transmit()).toMatchObject({ poll: true });
    machine.hear({ state: "up", final: true });
    expect(machine.transmit()).toMatchObject({ poll: false });
  });

  it("begin anew where values changed before the answer came", () => {
    const machine = machineIn("init").hear({ state: "init" });
    machine.config = { ...config, minTxMicros: 70_000 };
    machine.tell({ type: "configured" }).hear({ state: "up", final: true });
    expect(machine.transmit()).toMatchObject({ poll: true, desiredMinTxMicros: 70_000 });
    expect(machine.hear({ state: "up", final: true }).transmit()).toMatchObject({ poll: false });
  });

  it("ignore an answer that nobody asked for", () => {
    const before = machineIn("up");
    const { used } = before.session;
    expect(before.hear({ state: "up", final: true }).session).toMatchObject({ used, poll: "none" });
  });
});

describe("RFC 5880 §6.8.4 the detection time", () => {
  it("is their multiplier times the slower of what they send and what we take", () => {
    expect(detectionMicros(machineIn("up").session)).toBe(5 * 60_000);
    expect(detectionMicros(machineIn("up").hear({ state: "up", desiredMinTxMicros: 1 }).session)).toBe(5 * 40_000);
  });

  it("begins with each packet", () => {
    const detect = { type: "arm", timer: "detect", micros: 300_000, jitter: { from: 1, to: 1 } };
    expect(machineIn("up").hear({ state: "up", desiredMinTxMicros: 60_000 }).take()).toEqual([detect]);
  });

  it("takes the session down at its end, tells so at once, and forgets them", () => {
    const machine = machineIn("up").tell({ type: "timerFired", timer: "detect" });
    expect(machine.session).toMatchObject({ state: "down", remote: null });
    expect(machine.sent()).toMatchObject([{ state: "down", diagnostic: 1, yourDiscriminator: 0, poll: false }]);
  });

  it("takes back an Init, too", () => {
    const machine = machineIn("init").tell({ type: "timerFired", timer: "detect" });
    expect(machine.session).toMatchObject({ state: "down", diagnostic: 1 });
  });

  it("§6.8.1: only forgets them where the session is Down", () => {
    const machine = machineIn("up").hear({ state: "down" });
    machine.take();
    machine.tell({ type: "timerFired", timer: "detect" });
    expect(machine.session).toMatchObject({ state: "down", diagnostic: diagnostic.neighborDown, remote: null });
    expect(machine.transmit()).toMatchObject({ yourDiscriminator: 0 });
  });
});

describe("RFC 5880 §6.8.16 administrative control", () => {
  it("says AdminDown as often as it may be missed, and then nothing", () => {
    const machine = machineIn("up").tell({ type: "stop" });
    const actions = machine.take();
    expect(actions.filter(({ type }) => type === "send")).toHaveLength(3);
    expect(actions[0]).toMatchObject({ packet: { state: "adminDown", diagnostic: 7, yourDiscriminator: 22 } });
    expect(actions).toContainEqual({ type: "disarm", timer: "transmit" });
    expect(actions).toContainEqual({ type: "disarm", timer: "detect" });
    expect(machine.transmit()).toBeUndefined();
  });
});

describe("two machines", () => {
  it("come up whatever order their packets have, and agree on their intervals", () => {
    const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 0x7fffffff);
    let random = seed || 1;
    const chance = (of: number): number => {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (random >> 16) % of;
    };
    for (let round = 0; round < 200; round += 1) {
      const [a, b] = [new Machine(), new Machine()];
      b.config = { localDiscriminator: 22, minTxMicros: 70_000, minRxMicros: 90_000, multiplier: 4 };
      b.session = initialBfdSession(b.config);
      const ends = [a, b] as const;
      for (const end of ends) end.tell({ type: "start" });
      // A third of the packets is lost, and then none.
      for (let turn = 0; turn < 60; turn += 1) {
        const [from, to] = chance(2) === 0 ? [a, b] : [b, a];
        const packets = from.sent();
        if (turn > 30 || chance(3) > 0) for (const packet of packets) to.tell({ type: "received", packet });
        from.tell({ type: "timerFired", timer: "transmit" });
      }
      for (const end of [a, b, a, b]) {
        for (const packet of end.sent()) (end === a ? b : a).tell({ type: "received", packet });
      }
      expect([a.session.state, b.session.state], `seed ${seed}, round ${round}`).toEqual(["up", "up"]);
      expect(a.session.transmitMicros, `seed ${seed}`).toBe(90_000);
      expect(b.session.transmitMicros, `seed ${seed}`).toBe(70_000);
    }
  });
});
