/** A program for the rows of traffic: one stream of TCP. `receive`, or `send ADDRESS`, which prints Gbit/s. */
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const port = 5201;
const chunk = Buffer.alloc(1024 * 1024);
const warmUpMs = 200;
const measuredMs = 500;
const patienceMs = 10_000;
const attemptMs = 20;

const [mode, address = ""] = process.argv.slice(2);
if (mode === "receive") receive();
else console.log((await send()).toFixed(3));

function receive(): void {
  createServer((socket) => socket.resume().on("error", () => {})).listen(port);
}

async function send(): Promise<number> {
  const socket = await connected();
  let sent = 0;
  const pump = (): void => {
    while (socket.write(chunk)) sent += chunk.length;
    sent += chunk.length;
  };
  socket.on("drain", pump);
  pump();
  await delay(warmUpMs);
  const [beforeBytes, startMs] = [sent - socket.writableLength, performance.now()];
  await delay(measuredMs);
  const [bytes, elapsedMs] = [sent - socket.writableLength - beforeBytes, performance.now() - startMs];
  socket.destroy();
  return (bytes * 8) / elapsedMs / 1e6;
}

/** The receiver may just have been started. */
async function connected(): Promise<ReturnType<typeof connect>> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const socket = connect(port, address);
    const failure = await new Promise<Error | null>((resolve) => {
      socket.once("connect", () => resolve(null));
      socket.once("error", resolve);
    });
    if (!failure) return socket;
    if (performance.now() > deadline) throw failure;
    await delay(attemptMs);
  }
}
