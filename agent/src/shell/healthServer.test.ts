import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { serveHealth } from "./healthServer.ts";

async function ask(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${(await response.text()).trim()}`;
}

describe("the health server", () => {
  it("is alive while it is not ready, and says which part is not", async () => {
    let problem: string | null = "store is failing: no answer";
    await using server = await serveHealth({ port: 0, problem: () => problem });
    assert.equal(await ask(server.port, "/liveness"), "200 ready");
    assert.equal(await ask(server.port, "/readiness"), "503 store is failing: no answer");
    problem = null;
    assert.equal(await ask(server.port, "/readiness"), "200 ready");
  });

  it("knows no other path", async () => {
    await using server = await serveHealth({ port: 0, problem: () => null });
    assert.match(await ask(server.port, "/"), /^404 /);
  });

  it("says in words that its port is taken", async () => {
    await using server = await serveHealth({ port: 0, problem: () => null });
    await assert.rejects(serveHealth({ port: server.port, problem: () => null }), /another program has port \d+/);
  });
});
