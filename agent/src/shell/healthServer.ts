/**
 * What a kubelet asks of the agent: HTTP, since a probe that starts a program in the container costs more than the agent
 * itself does. `/liveness` says that the process answers, `/readiness` that every part is ready, else which is not and why.
 */
import { createServer } from "node:http";
import { AgentError } from "../error.ts";

export interface HealthServerOptions {
  /** Of loopback alone: the answers tell of the node. 0 is any that is free. */
  readonly port: number;
  /** The first part that is not ready, in words. */
  readonly problem: () => string | null;
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number;
}

export async function serveHealth({ port, problem }: HealthServerOptions): Promise<HealthServer> {
  const answers: Readonly<Record<string, () => string | null>> = { "/liveness": () => null, "/readiness": problem };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    const found = answer?.() ?? null;
    response.writeHead(answer === undefined ? 404 : found === null ? 200 : 503, { "content-type": "text/plain" });
    response.end(`${answer === undefined ? "there is /liveness and /readiness" : (found ?? "ready")}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(isTaken(cause) ? taken(port) : cause));
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isTaken(error: NodeJS.ErrnoException): boolean {
  return error.code === "EADDRINUSE";
}

function taken(port: number): AgentError {
  const reason = `another program has port ${port} of this node's loopback, perhaps Calico's Felix: end it, or choose another by --health-port`;
  return new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}
