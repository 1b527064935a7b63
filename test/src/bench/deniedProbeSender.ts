/** `node deniedProbeSender.ts ADDRESS...`: a datagram to each, each 20 ms; prints how many rounds it has gone, now and then. */
import { createSocket } from "node:dgram";
import { setTimeout as delay } from "node:timers/promises";

const port = 7799;
const pauseMs = 20;
const socket = createSocket("udp4");
socket.on("error", () => {}); // Where there is nobody yet, the node says so.
for (let round = 1; ; round++) {
  for (const address of process.argv.slice(2)) socket.send("probe", port, address, () => {});
  if (round % 10 === 0) console.log(round);
  await delay(pauseMs);
}
