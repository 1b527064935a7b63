import { fileURLToPath } from "node:url";
import type { Daemon } from "../../fixtures/command.ts";
import type { Namespace } from "../../fixtures/namespace.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { type EndpointSpec, type FlowCount, type FlowSpec, protocols } from "./flow.ts";

export interface TrafficOptions {
  readonly from: Pick<Namespace, "spawn">;
  readonly to: Pick<Namespace, "spawn">;
  /** Addresses of `to`, one flow each of TCP and of UDP to every one. */
  readonly addresses: readonly string[];
  /** Each flow, each way. */
  readonly packetsPerSecond?: number;
  /**
   * Both ends come before whatever else wants the processors (SCHED_FIFO): where the gaps are the subject, those of the
   * network and not those of a machine that is busy. What is sent passes the kernel in the sender's own turn.
   */
  readonly isUrgent?: boolean;
}

/** One direction of one flow, both ends' counts put together. */
export interface FlowReport extends FlowCount {
  readonly direction: "there" | "back";
  /** By the network, without what overflowed. */
  readonly lost: number;
}

export interface TrafficReport {
  readonly flows: readonly FlowReport[];
  readonly sent: number;
  readonly lost: number;
  readonly outOfOrder: number;
  readonly longestGapMs: number;
}

export interface Traffic extends AsyncDisposable {
  /** Ends the sending, waits for what is under way, and counts. */
  finish(): Promise<TrafficReport>;
}

const endpoint = fileURLToPath(new URL("endpoint.ts", import.meta.url));
const firstPort = 7001;

/** Starts numbered packets both ways and returns when every flow is heard at both ends. */
export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { from, to, addresses, packetsPerSecond = 1_000, isUrgent = false } = options;
  const flows = addresses.flatMap((address, index): FlowSpec[] =>
    protocols.map((protocol) => ({ name: `${protocol} to ${address}`, protocol, address, port: firstPort + index })),
  );
  const start = (at: Pick<Namespace, "spawn">, role: EndpointSpec["role"]): Daemon => {
    const spec: EndpointSpec = { role, packetsPerSecond, flows };
    const command = [...(isUrgent ? ["chrt", "--fifo", "1"] : []), process.execPath, endpoint, JSON.stringify(spec)];
    const [program = "", ...args] = command;
    return at.spawn(program, args);
  };
  await using undo = new AsyncDisposableStack();
  const kill = async (daemon: Daemon): Promise<void> => {
    daemon.kill("SIGKILL");
    await daemon.exited;
  };
  const listener = undo.adopt(start(to, "listen"), kill);
  await says(listener, "ready", "the listening end of the traffic stands");
  const dialer = undo.adopt(start(from, "dial"), kill);
  await says(dialer, "flowing", "every flow is answered");
  await says(listener, "flowing", "every flow arrives");

  const made = undo.move();
  return {
    async finish() {
      const ends = [dialer, listener];
      for (const end of ends) end.kill("SIGTERM");
      for (const end of ends) await says(end, "stopped", "an end of the traffic sends no more");
      for (const end of ends) end.kill("SIGTERM");
      const [fromDialer, fromListener] = await Promise.all([countsOf(dialer), countsOf(listener)]);
      return report(fromDialer, fromListener);
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

async function says(daemon: Daemon, word: string, what: string): Promise<void> {
  await waitFor(
    (saw) => {
      daemon.assertRunning();
      saw(daemon.output());
      return daemon.output().includes(word);
    },
    { what, intervalMs: 10 },
  );
}

async function countsOf(daemon: Daemon): Promise<FlowCount[]> {
  const { stdout } = await daemon.exited;
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

export function report(dialer: readonly FlowCount[], listener: readonly FlowCount[]): TrafficReport {
  const flows = dialer.flatMap((near, index): FlowReport[] => {
    const far = listener[index];
    if (!far) return [];
    // What one end sent is set against what the other received.
    return [
      { ...far, direction: "there", sent: near.sent, lost: near.sent - far.received - far.overflowed },
      { ...near, direction: "back", sent: far.sent, lost: far.sent - near.received - near.overflowed },
    ];
  });
  const sum = (of: (flow: FlowReport) => number): number => flows.reduce((total, flow) => total + of(flow), 0);
  return {
    flows,
    sent: sum((flow) => flow.sent),
    lost: sum((flow) => flow.lost),
    outOfOrder: sum((flow) => flow.outOfOrder),
    longestGapMs: Math.max(0, ...flows.map((flow) => flow.longestGapMs)),
  };
}
