/** What a person is told when the other end is away, silent, or answers: the datastore and the agent. */
import { createServer } from "node:net";
import { join } from "node:path";
import type { AgentStatus } from "@brindle/api";
import type { PeerStatus } from "@brindle/bgp";
import { serveControl } from "@brindle/net/shell";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { brindlectl } from "./brindlectl.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

describe("a datastore that is away", () => {
  it("is one sentence with its address and what to do", async () => {
    // Port 1 was TCPMUX, which is historic (RFC 7805): nothing listens on it.
    const { exitCode, stdout, stderr } = await brindlectl(["--etcd", "http://127.0.0.1:1", "get", "nodes"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/^the datastore is away: .*http:\/\/127\.0\.0\.1:1.*--etcd or --kubeconfig\n$/);
  });

  it("that takes connections and says nothing is given up at the deadline", async () => {
    await using silent = await listenInSilence();
    const { exitCode, stderr } = await brindlectl(["get", "nodes", "--etcd", silent.url, "--timeout", "700ms"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^the datastore is away: .*\n$/);
    expect(stderr).toContain(`${silent.url} in 700 ms`);
  });

  it("is never told the password of a user in its address", async () => {
    const { exitCode, stderr } = await brindlectl(["--etcd", "http://u:hunter2@127.0.0.1:1", "get", "nodes"]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/has a user in it/);
    expect(stderr).not.toContain("hunter2");
  });
});

const peer: PeerStatus = {
  name: "tor-a",
  role: "peer",
  address: "172.30.1.1",
  asn: 65001,
  localAsn: 64512,
  phase: "active",
  sinceMs: 0,
  flaps: 0,
  lastFailure: { atMs: 0, text: "connection refused" },
  session: null,
};
const status: AgentStatus = {
  nodeName: "node1",
  version: "9.9.9",
  sinceMs: 0,
  store: { state: "connected", sinceMs: 0 },
  pods: 1,
  blocks: [],
  health: [],
  mistakes: [],
  sessions: { configured: 0, established: 0 },
  networkList: null,
  problems: [],
};

describe("the agent of this node", () => {
  it("is asked over its socket", async () => {
    const socket = join(await (await processInstance()).createDirectory("agent"), "agent.sock");
    const asked: unknown[] = [];
    await using _agent = await serveControl(
      { path: socket },
      {
        status: () => status,
        "bgp.peers": () => [peer],
        "bgp.summary": () => ({ peers: [peer] }),
        "bgp.routes": (query) => {
          asked.push(query);
          return [];
        },
      },
    );
    const type = async (line: string) => (await brindlectl([...line.split(" "), "--socket", socket])).stdout;
    expect(await type("version")).toMatch(/^Client: +\d.*\nAgent: +9\.9\.9 \(node1\)\n$/);
    expect(await type("status")).toMatch(/^Node: +node1\n/);
    expect(await type("bgp peers")).toMatch(/\ntor-a +172\.30\.1\.1 +65001 +Active .*connection refused/);
    expect(await type("bgp routes --advertised-to tor-a")).toBe("no such routes\n");
    expect(asked).toEqual([{ bestOnly: true, limit: 1000, advertisedTo: "tor-a" }]);
  });

  it("is told of in one sentence when it is away", async () => {
    const { exitCode, stderr } = await brindlectl(["bgp", "peers", "--socket", "/run/brindle-none.sock"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^nothing listens at \/run\/brindle-none\.sock: is the agent, or the brindle-bgp, running.*\n$/,
    );
    expect(await brindlectl(["version", "--socket", "/run/brindle-none.sock"])).toMatchObject({ exitCode: 0 });
  });
});

async function listenInSilence(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => socket.resume().on("error", () => {}));
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}
