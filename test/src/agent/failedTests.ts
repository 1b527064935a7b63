/** What keeps a test that fails from making the next one fail: its own second try first of all. */
import { afterEach, beforeEach } from "vitest";
import type { Pod, Runtime } from "../lab/runtime.ts";

interface HasPods {
  readonly runtime: Pick<Runtime, "pods" | "unwire" | "endSandbox">;
}

/** Pods that a test has made are in the way of those of the same names. They go where it fails before it has them go. */
export function removePodsOfFailedTests<T extends HasPods>(
  standOf: () => T,
  also: (stand: T, pod: Pod) => Promise<unknown> = async () => {},
): void {
  let earlier: ReadonlySet<string> = new Set();
  beforeEach(async () => {
    earlier = new Set((await standOf().runtime.pods()).map(({ containerId }) => containerId));
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    const stand = standOf();
    for (const pod of await stand.runtime.pods()) {
      if (earlier.has(pod.containerId)) continue;
      // Whether or not anybody answers: what the test's failure has left of the node is not known.
      await stand.runtime.unwire(pod).catch(() => {});
      await stand.runtime.endSandbox(pod).catch(() => {});
      await also(stand, pod).catch(() => {});
    }
  });
}
