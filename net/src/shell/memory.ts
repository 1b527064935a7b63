/**
 * Memory that was needed once, for the first listing of a large cluster, and that neither V8 nor the C library gives back
 * soon. V8 keeps the pages of its young generation, the C library whatever lies below its last block: after 100,000
 * endpoints some 130 MiB that nothing uses, with the defaults of both.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { trimHeap } from "./libc.ts";

let collect: NodeJS.GCFunction | undefined;

/** Stands still for as long as a full collection takes: some 100 ms where 100 MiB are held. Meant for quiet moments. */
export function giveBackMemory(): void {
  collect ??= exposedCollector();
  // The last resort alone makes V8 let go of its pages too.
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
  trimHeap();
}

/** Node has the function for whoever starts it with a flag; a context made after the flag was set has it too. */
function exposedCollector(): NodeJS.GCFunction {
  setFlagsFromString("--expose-gc");
  const exposed: NodeJS.GCFunction = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return exposed;
}
