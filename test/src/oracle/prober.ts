/**
 * Runs inside the network namespace of one pod for as long as the test: sends what it is told over standard input and
 * says on standard output what arrived. One JSON value a line; nothing but Node's own modules, so that it starts fast.
 *
 * A UDP datagram counts as passed when its receiver has it, a TCP connection when it is established, an echo when its
 * answer is back. Receivers of UDP never answer, so that each further datagram of a flow is still a new one to
 * conntrack.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { ProbeOrder, ProberCommand, ProberReport } from "./probe.ts";

const open = new Set<() => void>();

function report(message: ProberReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function listen(ports: readonly number[]): Promise<void> {
  const ready = ports.flatMap((port) => [
    new Promise<void>((resolve) => {
      const server = createServer((socket) => void socket.on("error", () => {}).resume());
      server.listen({ port, host: "::" }, resolve);
    }),
    new Promise<void>((resolve) => {
      const socket = createSocket({ type: "udp6", recvBufferSize: 4 << 20 });
      socket.on("message", (data, { address }) =>
        report({ type: "passed", id: data.toString(), source: address.replace("::ffff:", "") }),
      );
      socket.bind(port, "::", resolve);
    }),
  ]);
  await Promise.all(ready);
}

function send(order: ProbeOrder): void {
  if (order.protocol === "tcp") sendTcp(order);
  else if (order.protocol === "udp") sendUdp(order);
  else sendEcho(order);
}

function sendTcp({ id, source, sourcePort, destination, destinationPort }: ProbeOrder): void {
  const target = { host: destination, port: destinationPort, localAddress: source, localPort: sourcePort };
  const socket: Socket = connect(target, () => {
    report({ type: "passed", id });
    socket.resetAndDestroy();
  });
  socket.on("error", () => {});
  open.add(() => socket.destroy());
}

function sendUdp({ id, source, sourcePort, destination, destinationPort }: ProbeOrder): void {
  const socket = udpSocket(source, sourcePort, () =>
    socket.send(id, destinationPort, destination, () => socket.close()),
  );
}

function sendEcho({ id, source, destination }: ProbeOrder): void {
  const ping: ChildProcess = spawn("ping", ["-n", "-q", "-c", "1", "-I", source, destination], { stdio: "ignore" });
  ping.on("exit", (code) => code === 0 && report({ type: "passed", id }));
  open.add(() => ping.kill("SIGKILL"));
}

/** Numbered datagrams of one flow, a few thousand a second, until `end`; tells that it began and how many there were. */
function stream({ id, source, sourcePort, destination, destinationPort }: ProbeOrder): void {
  let count = 0;
  const socket = udpSocket(source, sourcePort, () => {
    const timer = setInterval(() => {
      for (let burst = 0; burst < 4; burst++) socket.send(`${id}:${count++}`, destinationPort, destination);
    }, 1);
    report({ type: "streamed", id, count });
    open.add(() => {
      clearInterval(timer);
      socket.close(() => report({ type: "streamed", id, count }));
    });
  });
}

function udpSocket(source: string, port: number, onBound: () => void): UdpSocket {
  const socket = createSocket(source.includes(":") ? "udp6" : "udp4");
  socket.on("error", () => {});
  socket.bind({ address: source, port }, onBound);
  return socket;
}

function obey(command: ProberCommand): void {
  switch (command.type) {
    case "send":
      for (const order of command.orders) send(order);
      break;
    case "stream":
      stream(command.order);
      break;
    case "end":
      for (const close of open) close();
      open.clear();
      break;
  }
}

await listen(process.argv.slice(2).map(Number));
report({ type: "ready" });
for await (const line of createInterface({ input: process.stdin })) obey(JSON.parse(line) as ProberCommand);
process.exit(0);
