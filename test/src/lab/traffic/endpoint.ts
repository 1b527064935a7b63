/**
 * One end of the traffic, a process of its own inside the namespace: `node endpoint.ts SPEC`, a JSON `EndpointSpec`.
 * Says `ready` when its sockets stand and `flowing` when every flow has been heard. At SIGTERM it stops sending and says
 * `stopped`; at a second one, by which the other end has stopped too, it listens on until nothing more comes, and prints
 * its counts as one line of JSON.
 */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { Arrivals, type EndpointSpec, type FlowCount, type FlowSpec, packet, packetBytes } from "./flow.ts";
import { socketDrops } from "./socketDrops.ts";

const tickMs = 5;
/** Nothing is under way any more when so many looks in a row have met nothing: a process that waits for its turn does not look. */
const drainLooks = 20;
const drainLookMs = 20;

interface Flow {
  readonly spec: FlowSpec;
  readonly arrivals: Arrivals;
  heard: boolean;
  sent: number;
  startMs: number | undefined;
  /** Absent until the other end is known. */
  send: ((bytes: Buffer) => void) | undefined;
  /** What the kernel has dropped since our own socket was full: the network had brought it. */
  overflowed: () => number;
}

const spec: EndpointSpec = JSON.parse(process.argv[2] ?? "");
const flows = await Promise.all(spec.flows.map((flow) => openFlow(flow, spec.role)));
console.log("ready");
const ticker = setInterval(sendDue, tickMs);
process.once("SIGTERM", stopSending);
let endOfSendingMs = 0;

function openFlow(flowSpec: FlowSpec, role: EndpointSpec["role"]): Promise<Flow> {
  const flow: Flow = {
    spec: flowSpec,
    arrivals: new Arrivals(),
    heard: false,
    sent: 0,
    startMs: undefined,
    send: undefined,
    overflowed: () => 0,
  };
  return flowSpec.protocol === "udp" ? openUdp(flow, role) : openTcp(flow, role);
}

function openUdp(flow: Flow, role: EndpointSpec["role"]): Promise<Flow> {
  const { address, port } = flow.spec;
  const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4", recvBufferSize: 1 << 20 });
  // An unreachable peer is a loss, which the counts show; it is no reason to end.
  socket.on("error", () => {});
  socket.on("message", (bytes, from) => {
    flow.send ??= (reply) => socket.send(reply, from.port, from.address);
    onPacket(flow, bytes.readUInt32BE());
  });
  if (role === "dial") flow.send = (bytes) => socket.send(bytes, port, address, () => {});
  const table = address.includes(":") ? "udp6" : "udp";
  flow.overflowed = () => socketDrops(readFileSync(`/proc/self/net/${table}`, "utf8"), socket.address().port);
  return new Promise((resolve) => {
    const at = role === "listen" ? { address, port } : { port: 0 };
    socket.bind(at, () => resolve(flow));
  });
}

function openTcp(flow: Flow, role: EndpointSpec["role"]): Promise<Flow> {
  const { address, port } = flow.spec;
  return new Promise((resolve, reject) => {
    if (role === "listen") {
      createServer((socket) => wireTcp(flow, socket))
        .once("error", reject)
        .listen(port, address, () => resolve(flow));
      return;
    }
    const socket = createConnection({ host: address, port }, () => {
      wireTcp(flow, socket);
      resolve(flow);
    }).once("error", reject);
  });
}

function wireTcp(flow: Flow, socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on("error", () => {
    flow.send = undefined;
  });
  socket.on("data", (bytes) => {
    rest = Buffer.concat([rest, typeof bytes === "string" ? Buffer.from(bytes) : bytes]);
    for (; rest.length >= packetBytes; rest = rest.subarray(packetBytes)) onPacket(flow, rest.readUInt32BE());
  });
  flow.send = (bytes) => void socket.write(bytes);
}

function onPacket(flow: Flow, number: number): void {
  flow.arrivals.on(number, performance.now());
  if (flow.heard) return;
  flow.heard = true;
  if (flows.every((other) => other.heard)) console.log("flowing");
}

/** By the clock and not by the tick: a late tick sends what is due, and the rate holds. */
function sendDue(): void {
  const nowMs = performance.now();
  for (const flow of flows) {
    if (!flow.send) continue;
    flow.startMs ??= nowMs;
    const due = Math.floor(((nowMs - flow.startMs) * spec.packetsPerSecond) / 1000);
    for (; flow.sent < due; flow.sent += 1) flow.send(packet(flow.sent));
  }
}

function stopSending(): void {
  clearInterval(ticker);
  endOfSendingMs = performance.now();
  process.once("SIGTERM", () => drain(heardOfAll(), drainLooks));
  console.log("stopped");
}

function drain(heardBefore: number, looksLeft: number): void {
  const heard = heardOfAll();
  const isQuiet = heard === heardBefore;
  if (isQuiet && looksLeft === 0) tell();
  else setTimeout(() => drain(heard, isQuiet ? looksLeft - 1 : drainLooks), drainLookMs);
}

function heardOfAll(): number {
  return flows.reduce((sum, { arrivals }) => sum + arrivals.received, 0);
}

function tell(): void {
  const counts: FlowCount[] = flows.map(({ spec: { name }, arrivals, sent, overflowed }) => ({
    ...arrivals.count(name, sent, endOfSendingMs),
    overflowed: overflowed(),
  }));
  process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(0));
}
