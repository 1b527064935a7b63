import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";

describe("bgp dump", () => {
  it("puts the slices of the table together in a file", async () => {
    const slices: Record<number, object> = {
      1: { mrt: Buffer.from("one").toString("base64"), next: 2049 },
      2049: { mrt: Buffer.from("two").toString("base64"), next: null },
    };
    const rig = new Rig({ "bgp.dump": (params) => slices[(params as { from: number }).from] });
    const { out, exitCode } = await rig.run("bgp dump --mrt table.mrt");
    assert.deepEqual([out, exitCode], ["table.mrt: 6 bytes\n", 0]);
    assert.equal(Buffer.from(rig.files.get("table.mrt") ?? []).toString(), "onetwo");
  });
});
