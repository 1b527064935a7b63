import assert from "node:assert/strict";
import { attachmentOf } from "@brindle/cni";
import { it } from "vitest";
import { MadeEnds } from "./madeEnds.ts";

function attachment(podName: string, container = "c") {
  const args = { podNamespace: "default", podName };
  const environment = { containerId: container.repeat(64), interfaceName: "eth0", netns: "/proc/1/ns/net", args };
  return attachmentOf(environment, "pods");
}

it("tells an index once, and to the container that it was made for", () => {
  const made = new MadeEnds();
  made.add(attachment("web"), 7);
  made.add(attachment("web", "d"), 8);
  assert.equal(made.take(attachment("web")), null);
  assert.deepEqual([made.take(attachment("web", "d")), made.take(attachment("web", "d"))], [8, null]);
});

it("forgets what is gone, and nothing else", () => {
  const made = new MadeEnds();
  for (const [name, index] of [
    ["web", 7],
    ["api", 8],
  ] as const)
    made.add(attachment(name), index);
  for (const index of [7, 9]) made.forget(index);
  assert.deepEqual([made.take(attachment("web")), made.take(attachment("api"))], [null, 8]);
  // The name has another index by now.
  made.add(attachment("web"), 10);
  made.add(attachment("web"), 11);
  made.forget(10);
  assert.equal(made.take(attachment("web")), 11);
});
