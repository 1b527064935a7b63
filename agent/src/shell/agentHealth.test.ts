import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, it } from "vitest";
import { AgentHealth } from "./agentHealth.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentHealth-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function agentHealth(): AgentHealth {
  const networkList = { source: "/usr/share/10-brindle.conflist", directory: folder };
  return new AgentHealth({ networkList, signal: AbortSignal.abort() }, pino({ level: "silent" }));
}

describe("what an agent that is not ready yet says of the network list", () => {
  const path = () => join(folder, "10-brindle.conflist");

  it("is that it is not in its place", () => {
    assert.deepEqual(agentHealth().networkList(), { path: path(), isInPlace: false });
  });

  it("is that it is in its place, where an agent before has put it there", () => {
    writeFileSync(path(), "{}");
    assert.deepEqual(agentHealth().networkList(), { path: path(), isInPlace: true });
  });
});
