/**
 * `node prober.ts PORT ADDRESS...`: sends a datagram to each address, round after round, from before there is anybody, and
 * prints `round N` after each; prints `heard ADDRESS` of whoever sends one to the port.
 */
import { createSocket, type Socket } from "node:dgram";
import { setTimeout as delay } from "node:timers/promises";

const [port = "", ...addresses] = process.argv.slice(2);
const opened = new Map<"udp4" | "udp6", Socket>();
const heard = new Set<string>();
for (const type of ["udp4", "udp6"] as const) {
  const socket = createSocket({ type, ipv6Only: type === "udp6" });
  socket.on("message", (_data, { address }) => {
    if (heard.has(address)) return;
    heard.add(address);
    console.log(`heard ${address}`);
  });
  socket.on("error", () => {}); // Where there is nobody yet, the node says so.
  socket.bind(Number(port));
  opened.set(type, socket);
}
for (let round = 1; ; round++) {
  for (const address of addresses) {
    opened.get(address.includes(":") ? "udp6" : "udp4")?.send("probe", Number(port), address, () => {});
  }
  console.log(`round ${round}`);
  await delay(2);
}
