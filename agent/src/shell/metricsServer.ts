/** Answers `/metrics` over HTTP, and nothing else. Who asks at the same time gets the same answer. */
import { createServer } from "@brindle/net/shell/http";
import { AgentError, messageOf } from "../error.ts";
import type { MetricsAddress } from "../metrics/metricsWish.ts";

export interface MetricsPage {
  readonly text: string;
  readonly contentType: string;
}

/** One Prometheus is two connections at most; others are turned away before they cost anything. */
const connectionsMax = 32;

/** Rejects with `UNSUITABLE_MACHINE` where it cannot listen. */
export async function serveMetrics(where: MetricsAddress, page: () => Promise<MetricsPage>): Promise<AsyncDisposable> {
  let underWay: Promise<MetricsPage> | null = null;
  const shared = (): Promise<MetricsPage> => {
    underWay ??= page().finally(() => {
      underWay = null;
    });
    return underWay;
  };
  const server = createServer((request, response) => {
    const isAsked = request.url === "/metrics" || request.url?.startsWith("/metrics?");
    if (!isAsked || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404, { "content-type": "text/plain" }).end("there is GET /metrics alone\n");
      return;
    }
    shared().then(
      ({ text, contentType }) => response.writeHead(200, { "content-type": contentType }).end(text),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${messageOf(error)}\n`),
    );
  });
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(unservable(where, cause)));
    server.listen(where, resolve);
  });
  server.on("error", () => {}); // Of a single connection that could not be taken: the next one may be.
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function unservable({ host, port }: MetricsAddress, cause: NodeJS.ErrnoException): AgentError {
  const at = `port ${port} of ${host ?? "all addresses"}`;
  const why = cause.code === "EADDRINUSE" ? "another program has it" : cause.message;
  return new AgentError({ code: "UNSUITABLE_MACHINE", reason: `metrics are not served at ${at}: ${why}` }, { cause });
}
