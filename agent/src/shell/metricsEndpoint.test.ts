import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { afterEach, describe, it, vi } from "vitest";
import type { MetricsWish } from "../metrics/metricsWish.ts";
import { MetricsEndpoint } from "./metricsEndpoint.ts";

const host = "127.0.0.1";
const pageText = "# HELP x an x\n# TYPE x gauge\nx 1\n";

describe("where metrics are served", () => {
  const problems: (string | null)[] = [];
  const endpoint = new MetricsEndpoint({
    page: async () => ({ text: pageText, contentType: "text/plain" }),
    onHealth: (problem) => problems.push(problem),
  });
  afterEach(() => endpoint.end());

  it("follows what is asked, and waits for a port that is another's", async () => {
    const other = await listening();
    const port = portOf(other);
    const wish: MetricsWish = { kind: "on", host, port };
    endpoint.follow(wish);
    const reason = `metrics are not served at port ${port} of ${host}: another program has it`;
    await vi.waitFor(() => assert.equal(problems.at(-1), reason));
    await new Promise((resolve) => other.close(resolve));
    await vi.waitFor(() => assert.equal(problems.at(-1), null), { timeout: 5_000 });
    assert.equal(await answer(port), pageText);

    endpoint.follow({ kind: "refused", reason: "no certificate" });
    await vi.waitFor(() => assert.equal(problems.at(-1), "no certificate"));
    await assert.rejects(answer(port));

    endpoint.follow(wish);
    await vi.waitFor(async () => assert.equal(await answer(port), pageText));
    endpoint.follow({ kind: "off" });
    await vi.waitFor(() => assert.rejects(answer(port)));
    assert.equal(problems.at(-1), null);
  });
});

async function listening(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  assert(typeof address === "object" && address);
  return address.port;
}

async function answer(port: number): Promise<string> {
  return (await fetch(`http://${host}:${port}/metrics`)).text();
}
