import assert from "node:assert/strict";
import { parseAddress } from "@brindle/net";
import type { DirectRoutes } from "@brindle/net/shell";
import { it } from "vitest";
import { untilLocal, untilRunning } from "./settled.ts";

/** A kernel that says these, one after the other. */
function kernelThatSays<T>(method: "isRunning" | "lookup", answers: T[]): DirectRoutes {
  return { [method]: () => answers.shift() } as unknown as DirectRoutes;
}

it("waits until an address is local, which it is not while packets to it would leave by the default route", async () => {
  const address = parseAddress("fd00::5");
  assert(address);
  const answers = [null, { kind: "unicast" }, { kind: "local" }, { kind: "unicast" }];
  await untilLocal(kernelThatSays("lookup", answers), address);
  assert.deepEqual(answers, [{ kind: "unicast" }]);
});

it("waits until an interface runs, and not for one that is gone", async () => {
  const answers = [false, true, null];
  await untilRunning(kernelThatSays("isRunning", answers), 7);
  assert.deepEqual(answers, [null]);
  await untilRunning(kernelThatSays("isRunning", answers), 7);
});
