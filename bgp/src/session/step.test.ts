import { describe, expect, it } from "vitest";
import { cease, errorCode, notification } from "../wire/fault.ts";
import type { Message, Open } from "../wire/message.ts";
import { offeredCapabilities, type SessionConfig } from "./config.ts";
import { negotiate } from "./negotiate.ts";
import type { SessionAction, SessionEvent, SessionState } from "./state.ts";
import { initialSession, step } from "./step.ts";

const config: SessionConfig = {
  localAsn: 64512,
  localBgpId: 1,
  peerAsn: 65001,
  holdSeconds: 90,
  connectRetrySeconds: 5,
  passive: false,
  families: [4, 6],
  capabilities: offeredCapabilities({ localAsn: 64512, families: [4, 6] }),
};
const passiveConfig: SessionConfig = { ...config, passive: true };

const open: Open = {
  type: "open",
  asn: 65001,
  holdSeconds: 30,
  bgpId: 2,
  capabilities: offeredCapabilities({ localAsn: 65001, families: [4] }),
};
const agreed = {
  open,
  holdSeconds: 30,
  keepaliveSeconds: 10,
  sendHoldSeconds: 480,
  negotiated: negotiate(offeredCapabilities({ localAsn: 1, families: [4] }), open.capabilities),
} as const;

const states = {
  idle: { phase: "idle" },
  connect: { phase: "connect" },
  active: { phase: "active" },
  openSent: { phase: "openSent" },
  openConfirm: { phase: "openConfirm", ...agreed },
  established: { phase: "established", ...agreed },
} as const satisfies Record<SessionState["phase"], SessionState>;

const received = (message: Message): SessionEvent => ({ type: "received", message });
const events = {
  start: { type: "start" },
  stop: { type: "stop", subcode: cease.administrativeShutdown, text: "maintenance" },
  connected: { type: "connected" },
  connectFailed: { type: "connectFailed", reason: "connection refused" },
  disconnected: { type: "disconnected", reason: "connection reset" },
  connectRetryFired: { type: "timerFired", timer: "connectRetry" },
  holdFired: { type: "timerFired", timer: "hold" },
  keepaliveFired: { type: "timerFired", timer: "keepalive" },
  sendHoldFired: { type: "timerFired", timer: "sendHold" },
  sendBlocked: { type: "sendBlocked" },
  sendResumed: { type: "sendResumed" },
  idleHoldFired: { type: "timerFired", timer: "idleHold" },
  malformed: { type: "malformed", notification: notification(errorCode.messageHeader, 2), reason: "too short" },
  open: received(open),
  update: received({ type: "update", withdrawn: [], announced: [], attributes: null, endOfRib: 4, faults: [] }),
  notification: received(notification(errorCode.cease, cease.connectionRejected)),
  keepalive: received({ type: "keepalive" }),
  routeRefresh: received({ type: "routeRefresh", family: 4 }),
} as const satisfies Record<string, SessionEvent>;

type EventName = keyof typeof events;

/** How a failure ends, after what was sent. */
const ended = "disconnect, disarm all, failed, arm idleHold 1";
const stopped = "send 6/2, disconnect, disarm all, disarm idleHold, failed";
const opening = "openSent: disarm connectRetry, send open, arm hold 240";
const dialling = "arm connectRetry 5, connect";

/** The phase after the event, then the actions. The type makes sure that no pair is left out. */
const table: Record<SessionState["phase"], Record<EventName, string>> = {
  idle: {
    start: `connect: disarm idleHold, ${dialling}`,
    stop: "idle: disarm idleHold",
    connected: "idle: disconnect",
    connectFailed: "idle:",
    disconnected: "idle:",
    connectRetryFired: "idle:",
    holdFired: "idle:",
    keepaliveFired: "idle:",
    sendHoldFired: "idle:",
    sendBlocked: "idle:",
    sendResumed: "idle:",
    idleHoldFired: `connect: ${dialling}`,
    malformed: "idle:",
    open: "idle:",
    update: "idle:",
    notification: "idle:",
    keepalive: "idle:",
    routeRefresh: "idle:",
  },
  connect: {
    start: "connect:",
    stop: "idle: disarm connectRetry, disconnect",
    connected: opening,
    connectFailed: "active: failed, arm connectRetry 5",
    disconnected: "active: failed, arm connectRetry 5",
    connectRetryFired: `connect: disconnect, failed, ${dialling}`,
    holdFired: "connect:",
    keepaliveFired: "connect:",
    sendHoldFired: "connect:",
    sendBlocked: "connect:",
    sendResumed: "connect:",
    idleHoldFired: "connect:",
    malformed: "connect:",
    open: "connect:",
    update: "connect:",
    notification: "connect:",
    keepalive: "connect:",
    routeRefresh: "connect:",
  },
  active: {
    start: "active:",
    stop: "idle: disarm connectRetry, disconnect",
    connected: opening,
    connectFailed: "active:",
    disconnected: "active:",
    connectRetryFired: `connect: ${dialling}`,
    holdFired: "active:",
    keepaliveFired: "active:",
    sendHoldFired: "active:",
    sendBlocked: "active:",
    sendResumed: "active:",
    idleHoldFired: "active:",
    malformed: "active:",
    open: "active:",
    update: "active:",
    notification: "active:",
    keepalive: "active:",
    routeRefresh: "active:",
  },
  openSent: {
    start: "openSent:",
    stop: `idle: ${stopped}`,
    connected: `idle: send 5/0, ${ended}`,
    connectFailed: "openSent:",
    disconnected: "active: disarm hold, failed, arm connectRetry 5",
    connectRetryFired: "openSent:",
    holdFired: `idle: send 4/0, ${ended}`,
    keepaliveFired: "openSent:",
    sendHoldFired: "openSent:",
    sendBlocked: "openSent:",
    sendResumed: "openSent:",
    idleHoldFired: "openSent:",
    malformed: `idle: send 1/2, ${ended}`,
    open: "openConfirm: send keepalive, arm hold 30, arm keepalive 10",
    update: `idle: send 5/1 02, ${ended}`,
    notification: `idle: ${ended}`,
    keepalive: `idle: send 5/1 04, ${ended}`,
    routeRefresh: `idle: send 5/1 05, ${ended}`,
  },
  openConfirm: {
    start: "openConfirm:",
    stop: `idle: ${stopped}`,
    connected: `idle: send 5/0, ${ended}`,
    connectFailed: "openConfirm:",
    disconnected: `idle: ${ended}`,
    connectRetryFired: "openConfirm:",
    holdFired: `idle: send 4/0, ${ended}`,
    keepaliveFired: "openConfirm: send keepalive, arm keepalive 10",
    sendHoldFired: "openConfirm:",
    sendBlocked: "openConfirm:",
    sendResumed: "openConfirm:",
    idleHoldFired: "openConfirm:",
    malformed: `idle: send 1/2, ${ended}`,
    open: `idle: send 5/2 01, ${ended}`,
    update: `idle: send 5/2 02, ${ended}`,
    notification: `idle: ${ended}`,
    keepalive: "established: arm hold 30, established",
    routeRefresh: `idle: send 5/2 05, ${ended}`,
  },
  established: {
    start: "established:",
    stop: `idle: ${stopped}`,
    connected: `idle: send 5/0, ${ended}`,
    connectFailed: "established:",
    disconnected: `idle: ${ended}`,
    connectRetryFired: "established:",
    holdFired: `idle: send 4/0, ${ended}`,
    keepaliveFired: "established: send keepalive, arm keepalive 10",
    sendHoldFired: `idle: send 8/0, ${ended}`,
    sendBlocked: "established: arm sendHold 480",
    sendResumed: "established: disarm sendHold",
    idleHoldFired: "established:",
    malformed: `idle: send 1/2, ${ended}`,
    open: `idle: send 5/3 01, ${ended}`,
    update: "established: arm hold 30",
    notification: `idle: ${ended}`,
    keepalive: "established: arm hold 30",
    routeRefresh: "established: refresh 4",
  },
};

describe("step (RFC 4271 §8.2.2, RFC 6608 §3)", () => {
  for (const state of Object.values(states)) {
    for (const [name, expected] of Object.entries(table[state.phase])) {
      it(`goes from ${state.phase} on ${name} to ${expected}`, () => {
        const after = step(state, events[name as EventName], config);
        expect(`${after.state.phase}: ${summaryOf(after.actions)}`.trim()).toBe(expected);
      });
    }
  }

  const passive: { name: string; state: SessionState; event: SessionEvent; expected: string }[] = [
    { name: "waits when it is started", state: states.idle, event: events.start, expected: "active: disarm idleHold" },
    { name: "waits again after a failure", state: states.idle, event: events.idleHoldFired, expected: "active:" },
    { name: "greets who dials", state: states.active, event: events.connected, expected: opening },
    {
      name: "waits on when a newcomer leaves",
      state: states.openSent,
      event: events.disconnected,
      expected: "active: disarm hold, failed",
    },
  ];
  for (const { name, state, event, expected } of passive) {
    it(`${name}, when passive`, () => {
      const after = step(state, event, passiveConfig);
      expect(`${after.state.phase}: ${summaryOf(after.actions)}`.trim()).toBe(expected);
    });
  }
});

describe("the peer's OPEN (RFC 4271 §6.2)", () => {
  const internal: SessionConfig = { ...config, peerAsn: 64512 };
  const refused: { name: string; open: Open; config?: SessionConfig; sent: string }[] = [
    { name: "another AS than configured", open: { ...open, asn: 65002 }, sent: "2/2" },
    {
      name: "our own BGP identifier inside our AS (RFC 6286)",
      open: { ...open, asn: 64512, bgpId: 1 },
      config: internal,
      sent: "2/3",
    },
    {
      name: "no family in common, naming those that are missed (RFC 5492 §5)",
      open: { ...open, capabilities: [{ code: 1, name: "multiprotocol", family: 4 }] },
      config: { ...config, families: [6], capabilities: offeredCapabilities({ localAsn: 64512, families: [6] }) },
      sent: "2/7 010400020001",
    },
  ];
  for (const each of refused) {
    it(`is refused with ${each.name}`, () => {
      const after = step(states.openSent, received(each.open), each.config ?? config);
      expect(summaryOf(after.actions)).toBe(`send ${each.sent}, ${ended}`);
    });
  }

  it("is taken with our own BGP identifier from another AS (RFC 6286)", () => {
    expect(step(states.openSent, received({ ...open, bgpId: 1 }), config).state.phase).toBe("openConfirm");
  });

  const holds: { ours: number; theirs: number; actions: string }[] = [
    { ours: 90, theirs: 30, actions: "send keepalive, arm hold 30, arm keepalive 10" },
    { ours: 9, theirs: 180, actions: "send keepalive, arm hold 9, arm keepalive 3" },
    { ours: 3, theirs: 3, actions: "send keepalive, arm hold 3, arm keepalive 1" },
    { ours: 90, theirs: 0, actions: "send keepalive, disarm hold" },
    { ours: 0, theirs: 90, actions: "send keepalive, disarm hold" },
  ];
  for (const { ours, theirs, actions } of holds) {
    it(`of hold time ${theirs} s meets ours of ${ours} s: ${actions}`, () => {
      const after = step(states.openSent, received({ ...open, holdSeconds: theirs }), { ...config, holdSeconds: ours });
      expect(summaryOf(after.actions)).toBe(actions);
    });
  }

  it("without hold time leads to a session that no timer watches", () => {
    const { state } = step(states.openSent, received({ ...open, holdSeconds: 0 }), config);
    const established = step(state, events.keepalive, config);
    expect(summaryOf(established.actions)).toBe("established");
    expect(step(established.state, events.update, config).actions).toEqual([]);
  });
});

describe("the wait after failures", () => {
  it("doubles up to a minute", () => {
    const waits: string[] = [];
    let state: SessionState = states.openSent;
    for (let i = 0; i < 8; i++) {
      const after = step({ ...states.openSent, ...(state.past && { past: state.past }) }, events.notification, config);
      waits.push(summaryOf(after.actions).split("arm idleHold ")[1] ?? "");
      state = after.state;
    }
    expect(waits).toEqual(["1", "2", "4", "8", "16", "32", "60", "60"]);
  });

  const failedTwice = { past: { failures: 2, withoutCapabilities: false } };

  it("is remembered through every phase of the next attempt", () => {
    let state: SessionState = { phase: "idle", ...failedTwice };
    for (const event of [events.start, events.connectFailed, events.connectRetryFired, events.connected, events.open]) {
      state = step(state, event, config).state;
      expect(state.past).toEqual(failedTwice.past);
    }
    const established = step(state, events.keepalive, config);
    expect(established.state).toMatchObject({ phase: "established", ...failedTwice });
    expect(summaryOf(established.actions)).toBe("arm hold 30, established, arm idleHold 60");
  });

  it("starts anew once a session has stood for a while", () => {
    const { state } = step({ ...states.established, ...failedTwice }, events.idleHoldFired, config);
    expect(state).toEqual(states.established);
  });

  it("starts anew when the operator stopped the session", () => {
    expect(step({ ...states.established, ...failedTwice }, events.stop, config).state).toEqual(initialSession);
  });
});

describe("a peer that refuses our optional parameters (RFC 5492 §3)", () => {
  const refusal = received(notification(errorCode.open, 4));

  it("is asked without capabilities, and with them again when it refuses that too", () => {
    let state: SessionState = states.openSent;
    const offered: number[] = [];
    for (let i = 0; i < 3; i++) {
      const idle = step(state, refusal, config).state;
      const sent = step(step(idle, events.start, config).state, events.connected, config);
      for (const action of sent.actions) {
        if (action.type === "send" && action.message.type === "open") offered.push(action.message.capabilities.length);
      }
      state = sent.state;
    }
    expect(offered).toEqual([0, 4, 0]);
  });

  it("then speaks IPv4 with two-octet AS numbers", () => {
    const bare: SessionState = { phase: "openSent", past: { failures: 1, withoutCapabilities: true } };
    const { state } = step(bare, received({ ...open, capabilities: [] }), config);
    expect(state).toMatchObject({ negotiated: { families: [4], fourOctetAs: false, routeRefresh: false } });
  });

  it("is not asked without capabilities when IPv4 is not wanted", () => {
    const { state } = step(states.openSent, refusal, { ...config, families: [6] });
    expect(state.past?.withoutCapabilities).toBe(false);
  });

  it("is told from one that refuses a capability", () => {
    const { state } = step(states.openSent, received(notification(errorCode.open, 7)), config);
    expect(state.past?.withoutCapabilities).toBe(false);
  });
});

describe("why an attempt was refused", () => {
  const wrongAs = step(states.openSent, received({ ...open, asn: 65002 }), config).state;

  it("is known to the next attempts, until one of them ends otherwise", () => {
    expect(wrongAs.past?.refusal).toMatch(/^sent OPEN Message Error\/Bad Peer AS/);
    const dialled = step(step(wrongAs, events.idleHoldFired, config).state, events.connected, config).state;
    const closed = step(dialled, events.disconnected, config);
    expect(closed.actions).toContainEqual({ type: "failed", text: expect.stringContaining("configured is AS 65001") });
    expect(closed.state.past?.refusal).toBe(wrongAs.past?.refusal);
  });

  it("is nothing that ended a session which stood", () => {
    expect(step(states.established, events.holdFired, config).state.past?.refusal).toBeUndefined();
  });
});

it("says of a peer without an OPEN why that may be, and not why a dial may be without an answer", () => {
  const hints = { silenceHint: "is the password the same there?", openHint: "is it one hop away?" };
  const silent = step(states.openSent, events.holdFired, { ...config, ...hints });
  expect(silent.actions).toContainEqual(
    expect.objectContaining({
      type: "failed",
      text: expect.stringMatching(/: no OPEN came \(is it one hop away\?\)$/),
    }),
  );
});

describe("the reason of a failure", () => {
  const rows: { name: string; state: SessionState; event: SessionEvent; text: string }[] = [
    { name: "a refused dial", state: states.connect, event: events.connectFailed, text: "connection refused" },
    {
      name: "a dial into a hole",
      state: states.connect,
      event: events.connectRetryFired,
      text: "no answer within 5 s",
    },
    {
      name: "a router that does not know us",
      state: states.openSent,
      event: events.disconnected,
      text: "connection reset before the peer's OPEN (is this neighbour configured there?)",
    },
    {
      name: "a router that does not answer after it was refused",
      state: { ...states.openSent, past: { failures: 1, withoutCapabilities: false, refusal: "sent Bad Peer AS" } },
      event: events.disconnected,
      text: "connection reset before the peer's OPEN (the last attempt: sent Bad Peer AS)",
    },
    {
      name: "another AS",
      state: states.openSent,
      event: received({ ...open, asn: 65002 }),
      text: "sent OPEN Message Error/Bad Peer AS (the AS number configured on one side is not the one that the other side has): the peer says AS 65002, configured is AS 65001",
    },
    {
      name: "the peer's shutdown",
      state: states.established,
      event: received(notification(errorCode.cease, 2, Uint8Array.of(2, 0x68, 0x69))),
      text: 'peer sent Cease/Administrative Shutdown: "hi"',
    },
    {
      name: "our shutdown",
      state: states.established,
      event: events.stop,
      text: 'sent Cease/Administrative Shutdown: "maintenance"',
    },
    {
      name: "broken bytes",
      state: states.established,
      event: events.malformed,
      text: "sent Message Header Error/Bad Message Length: too short",
    },
  ];
  for (const { name, state, event, text } of rows) {
    it(`names ${name}`, () => {
      const failed = step(state, event, config).actions.find((action) => action.type === "failed");
      expect(failed).toMatchObject({ text });
    });
  }

  it("says who sent the NOTIFICATION, for those who count them", () => {
    const by = (event: SessionEvent): unknown => step(states.established, event, config).actions;
    expect(by(events.notification)).toContainEqual(
      expect.objectContaining({ notification: { sentBy: "peer", code: 6, subcode: 5 } }),
    );
    expect(by(events.holdFired)).toContainEqual(
      expect.objectContaining({ notification: { sentBy: "us", code: 4, subcode: 0 } }),
    );
  });
});

it("ignores a ROUTE-REFRESH for a family that was not agreed on (RFC 2918 §4)", () => {
  expect(step(states.established, received({ type: "routeRefresh", family: 6 }), config).actions).toEqual([]);
});

it("ends from every phase in idle when it is stopped, with no timer left running", () => {
  for (const state of Object.values(states)) {
    const after = step(state, events.stop, config);
    expect(after.state).toEqual(initialSession);
    expect(after.actions.filter(({ type }) => type === "arm")).toEqual([]);
  }
});

/** `disarm all` stands for the timers of a connection. */
function summaryOf(actions: readonly SessionAction[]): string {
  const all = "disarm connectRetry, disarm hold, disarm keepalive, disarm sendHold";
  return actions.map(describeAction).join(", ").replace(all, "disarm all");
}

function describeAction(action: SessionAction): string {
  switch (action.type) {
    case "arm":
      return `arm ${action.timer} ${action.seconds}`;
    case "disarm":
      return `disarm ${action.timer}`;
    case "refresh":
      return `refresh ${action.family}`;
    case "send":
      return `send ${describeMessage(action.message)}`;
    default:
      return action.type;
  }
}

function describeMessage(message: Message): string {
  if (message.type !== "notification") return message.type;
  const data = message.code === errorCode.cease ? "" : message.data.toHex();
  return `${message.code}/${message.subcode} ${data}`.trim();
}
