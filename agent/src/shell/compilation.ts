/** When V8 compiles what the agent does, and by how many it collects what is garbage. */
import { setFlagsFromString } from "node:v8";

/** Of the Node that Brindle is delivered with. Asked for a flag that it does not know, V8 writes an error to stderr. */
const knownV8 = "14.6.";

/**
 * V8 takes a function for worth compiling (by Maglev, its quick compiler, on a thread of its own) after 400 calls, 500 of them since
 * it met an object of another shape. Most of what a pod needs is called once a pod, so a node would have had hundreds before its
 * agent left the interpreter. TurboFan, which takes its time, stays as it is: asked for earlier, it cost more than it saved.
 * None for another release of V8, whose flags and whose own idea of it may be others.
 */
export function compilationFlags(v8Version: string): readonly string[] {
  if (!v8Version.startsWith(knownV8)) return [];
  return ["--invocation-count-for-maglev=100", "--minimum-invocations-after-ic-update=100"];
}

/**
 * What lives of the young generation is little, some hundred kilobytes: to wake other threads for that, and to wait for them on a
 * machine that is busy with pods, takes twice as long as to collect it. Where much lives, as while a large cluster is
 * listed, one thread is as quick on two processors.
 */
export function collectionFlags(v8Version: string): readonly string[] {
  return v8Version.startsWith(knownV8) ? ["--no-parallel-scavenge"] : [];
}

/** For all threads of the process. */
export function tuneV8(): void {
  const { v8 } = process.versions;
  for (const flag of [...compilationFlags(v8), ...collectionFlags(v8)]) setFlagsFromString(flag);
}
