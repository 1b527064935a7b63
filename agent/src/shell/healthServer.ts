/**
 * What a kubelet asks of the agent: HTTP, since a probe that starts a program in the container costs more than the agent
 * itself does. `/liveness` says that the process answers, `/readiness` that every part is ready, else which is not and why.
 */
import { createServer } from "@brindle/net/shell/http";
import { AgentError } from "../error.ts";

export interface HealthServerOptions {
  /** 0 is any that is free. */
  readonly port: number;
  /** Loopback unless told: the answers tell of the node. In a pod with a network of its own the kubelet asks at the pod's. */
  readonly host?: string;
  /** The first part that is not ready, in words. */
  readonly problem: () => string | null;
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number;
}

export async function serveHealth({ port, host = "127.0.0.1", problem }: HealthServerOptions): Promise<HealthServer> {
  const answers: Readonly<Record<string, () => string | null>> = { "/liveness": () => null, "/readiness": problem };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    const found = answer?.() ?? null;
    response.writeHead(answer === undefined ? 404 : found === null ? 200 : 503, { "content-type": "text/plain" });
    response.end(`${answer === undefined ? "there is /liveness and /readiness" : (found ?? "ready")}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(isTaken(cause) ? taken(host, port) : cause));
    server.listen(port, host, resolve);
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

function taken(host: string, port: number): AgentError {
  const reason = `another program has port ${port} of ${host}, perhaps one of Calico's: end it, or choose another by --health-port`;
  return new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}
