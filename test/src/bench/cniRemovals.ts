/** Many DELs at once, asked of an agent by its socket: what a runtime's executables do, without starting them. */
import { connect } from "node:net";
import { encodeRequest } from "@brindle/cni";
import { openRouteSocket } from "@brindle/net/shell";
import { FixtureError } from "../fixtures/error.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { CniCall } from "../lab/runtime.ts";
import type { Machine } from "../lab/topology/machine.ts";
import { elapsedMs } from "./row.ts";

/** Milliseconds until all are answered, and none of the node's interfaces is a pod's of these. */
export async function removalsAtOnce(
  calls: readonly CniCall[],
  { socket, node }: { readonly socket: string; readonly node: Machine },
): Promise<number> {
  using kernel = await openRouteSocket({ namespace: node.namespace.path });
  const present = async () => (await kernel.links()).filter(({ name }) => name.startsWith("cali")).length;
  const others = (await present()) - calls.length;
  return await elapsedMs(async () => {
    await Promise.all(calls.map((call) => ask(socket, call)));
    await waitFor(async () => (await present()) <= others, { what: "the pods' interfaces are gone", intervalMs: 1 });
  });
}

async function ask(path: string, { env, config }: CniCall): Promise<void> {
  const variables = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("CNI_")));
  const socket = connect(path);
  const answer: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => answer.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on("error", reject);
  socket.on("close", () => resolve());
  socket.write(encodeRequest({ variables, stdin: config }));
  await promise;
  const bytes = Buffer.concat(answer);
  const exitCode = bytes.length >= 12 ? bytes.readUInt32BE(8) : -1;
  if (exitCode === 0) return;
  const seen = `${exitCode}: ${bytes.subarray(12).toString()}`;
  throw new FixtureError({ code: "EXPECTED", what: "a DEL", expected: "exit code 0", seen });
}
