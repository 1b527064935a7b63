/** What Prometheus is told of a speaker, over HTTP. */
import { createServer, type Server } from "node:http";
import { Counter, Gauge, Registry } from "prom-client";
import { BgpError, messageOf } from "../../error.ts";
import { type Metric, speakerMetrics } from "../../metrics.ts";
import type { RunningSpeaker } from "../runningSpeaker.ts";

/** Each value is of the moment at which somebody asks. */
function registryOf(metrics: readonly Metric[]): Registry {
  const registry = new Registry();
  for (const { name, help, type, labelNames, samples } of metrics) {
    const options = { name, help, labelNames: [...labelNames], registers: [registry] };
    const gauge = type === "gauge" ? new Gauge(options) : null;
    const counter = gauge ? null : new Counter(options);
    for (const { labels, value } of samples) {
      gauge?.set(labels, value);
      counter?.inc(labels, value);
    }
  }
  return registry;
}

async function textOf(running: RunningSpeaker | null): Promise<{ readonly text: string; readonly type: string }> {
  const told = running && { peers: await running.peers(), summary: await running.summary() };
  const registry = registryOf(speakerMetrics(told));
  return { text: await registry.metrics(), type: registry.contentType };
}

/** Answers `/metrics`, and nothing else. */
export async function serveMetrics(
  { address, port }: { readonly address: string; readonly port: number },
  speaker: () => RunningSpeaker | null,
): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    if (request.url !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404).end("there is /metrics alone\n");
      return;
    }
    textOf(speaker()).then(
      ({ text, type }) => response.writeHead(200, { "content-type": type }).end(text),
      (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
    );
  });
  await listening(server, { address, port });
  return { [Symbol.asyncDispose]: () => closed(server) };
}

function listening(server: Server, { address, port }: { address: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause) => {
    reject(new BgpError({ code: "LISTEN_FAILED", address, port, reason: messageOf(cause) }, { cause }));
  });
  server.listen({ host: address, port }, () => resolve());
  return promise;
}

function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  return promise;
}
