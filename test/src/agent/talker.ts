/**
 * One end of two long conversations, one over TCP and one over UDP: `node talker.ts listen PORT` or `talker.ts connect HOST
 * PORT`. What it is told on standard input, `tcp TEXT` or `udp TEXT`, it says to the other end; what it hears it prints.
 */
import { createSocket, type RemoteInfo } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

const [role, ...rest] = process.argv.slice(2);
const isListener = role === "listen";
const [host = "", port = 0] = isListener ? ["", Number(rest[0])] : [rest[0], Number(rest[1])];
const conversation: { tcp: Socket | null } = { tcp: null };
let peer: Pick<RemoteInfo, "address" | "port"> | null = isListener ? null : { address: host, port };

const udp = createSocket(host.includes(":") || isListener ? "udp6" : "udp4");
udp.on("message", (data, from) => {
  peer = from;
  console.log(`udp ${data}`);
});
udp.on("error", () => {});

function talk(socket: Socket): void {
  conversation.tcp = socket;
  socket.setNoDelay(true).on("error", () => {});
  // What was held up comes in one piece with what was said after it.
  createInterface({ input: socket }).on("line", (line) => console.log(`tcp ${line}`));
}

if (isListener) {
  createServer(talk).listen({ port, host: "::" }, () => udp.bind(port, "::", () => console.log("ready")));
} else {
  const socket = connect({ host, port }, () => udp.bind(0, () => console.log("ready")));
  talk(socket);
}
for await (const line of createInterface({ input: process.stdin })) {
  const [protocol, text = ""] = line.split(" ");
  if (protocol === "tcp") conversation.tcp?.write(`${text}\n`);
  else if (peer) udp.send(text, peer.port, peer.address);
}
