import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { listWithout } from "./optionalPlugins.ts";

describe("the network list of a node", () => {
  const list = { cniVersion: "1.0.0", name: "pods", plugins: [{ type: "brindle", mtu: 0 }, { type: "bandwidth" }] };
  const text = JSON.stringify(list);

  it("is the same to the byte where nothing is missing, and with what is not named in it", () => {
    assert.equal(listWithout(text, []), text);
    assert.equal(listWithout(text, ["tuning"]), text);
    assert.equal(listWithout("{}", ["bandwidth"]), "{}");
  });

  it("leaves out what is missing, and nothing else", () => {
    assert.deepEqual(JSON.parse(listWithout(text, ["bandwidth"])), { ...list, plugins: [{ type: "brindle", mtu: 0 }] });
  });
});
