import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";

describe("bgp record", () => {
  it("fetches for so long, and writes a line each", async () => {
    const asked: object[] = [];
    const rig = new Rig({
      "bgp.record": (params) => {
        asked.push(params);
        return { id: 7, lines: [`{"n":${asked.length}}`], ended: null };
      },
    });
    const { out, exitCode } = await rig.run("bgp record --for 1s --to flap.jsonl");
    assert.equal(exitCode, 0);
    assert.equal(out, "flap.jsonl: 3 lines\n");
    assert.deepEqual(asked, [
      { id: null, isLast: false },
      { id: 7, isLast: false },
      { id: 7, isLast: true },
    ]);
    assert.equal(Buffer.from(rig.files.get("flap.jsonl") ?? []).toString(), '{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  it("asks once for a speaker that begins anew, where that is wished for", async () => {
    const asked: object[] = [];
    const rig = new Rig({
      "bgp.record": (params) => {
        asked.push(params);
        return { id: 1, lines: [], ended: null };
      },
    });
    const { exitCode } = await rig.run("bgp record --for 1s --to flap.jsonl --afresh");
    assert.equal(exitCode, 0);
    assert.deepEqual(asked, [
      { id: null, isLast: false, afresh: true },
      { id: 1, isLast: false },
      { id: 1, isLast: true },
    ]);
  });

  it("says that it ended early, and why", async () => {
    const rig = new Rig({ "bgp.record": () => ({ id: 1, lines: [], ended: "too much" }) });
    const { err, exitCode } = await rig.run("bgp record --for 5m --to flap.jsonl");
    assert.equal(exitCode, 1);
    assert.match(err, /ended early: too much/);
  });

  for (const text of ["30", "0s", "61m", "1h"]) {
    it(`refuses --for ${text}`, async () => {
      const { err, exitCode } = await new Rig().run(`bgp record --for ${text} --to x`);
      assert.equal(exitCode, 2);
      assert.match(err, /no duration like 30s or 5m/);
    });
  }
});
