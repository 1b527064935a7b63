import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, it, vi } from "vitest";
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

describe("the network list that somebody took away", () => {
  it("is put back where all is ready, and else when it is", async () => {
    const source = join(folder, "10-brindle.conflist.source");
    writeFileSync(source, "{}");
    const target = join(folder, "lists/10-brindle.conflist.source");
    mkdirSync(join(folder, "lists"));
    const options = { networkList: { source, directory: join(folder, "lists") }, signal: new AbortController().signal };
    const health = new AgentHealth(options, pino({ level: "silent" }));
    health.networkListMissing();
    for (const part of ["store", "bgp", "routes", "policy", "ipam", "cni"] as const) {
      assert(!existsSync(target), part);
      health.report(part, null);
    }
    await vi.waitFor(() => assert(existsSync(target)));

    rmSync(target);
    health.found("lists", [{ code: "OtherNetworkList", text: "another" }]);
    health.networkListMissing();
    health.found("lists", []);
    await vi.waitFor(() => assert(existsSync(target)));

    rmSync(target);
    health.networkListMissing();
    await vi.waitFor(() => assert(existsSync(target)));
  });
});

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
