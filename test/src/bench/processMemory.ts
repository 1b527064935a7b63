/**
 * How much a process of Node holds when nothing is garbage: asked of its inspector, which a signal opens, in its own network. It says
 * what lives, where the size that the kernel tells depends on when garbage was collected last.
 */
import type { Machine } from "../lab/topology/machine.ts";

export interface Held {
  /** Objects and buffers that live, in bytes. */
  readonly live: number;
  /** What the kernel has given the process, in bytes. */
  readonly resident: number;
}

/** `processId` as this side sees it. The inspector stays open: the process is not to be used for anything else than measuring. */
export async function memoryOf(machine: Machine, processId: number): Promise<Held> {
  process.kill(processId, "SIGUSR1");
  return JSON.parse(
    await machine.exec(process.execPath, ["--input-type=module", "-e", client], { deadlineMs: 60_000 }),
  );
}

const client = `
const url = "http://127.0.0.1:9229/json/list";
const targets = async () => (await fetch(url)).json();
let found = null;
for (let tries = 0; found === null && tries < 500; tries++) {
  found = await targets().catch(() => null);
  if (found === null) await new Promise((resolve) => setTimeout(resolve, 20));
}
const socket = new WebSocket(found[0].webSocketDebuggerUrl);
await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
let last = 0;
const call = (method, params = {}) => new Promise((resolve) => {
  const id = ++last;
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.id === id) resolve(message.result);
  });
  socket.send(JSON.stringify({ id, method, params }));
});
for (let round = 0; round < 3; round++) await call("HeapProfiler.collectGarbage");
const { result } = await call("Runtime.evaluate", { expression: "JSON.stringify(process.memoryUsage())" });
const { heapUsed, external, rss } = JSON.parse(result.value);
console.log(JSON.stringify({ live: heapUsed + external, resident: rss }));
socket.close();
`;
