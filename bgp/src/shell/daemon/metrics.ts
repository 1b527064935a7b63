/** What Prometheus is told of a speaker, over HTTP. */
import type { Server } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createServer } from "@brindle/net/shell/http";
import { BgpError, messageOf } from "../../error.ts";
import { speakerMetrics } from "../../metrics.ts";
import { metricsContentType, metricText } from "../../metricsText.ts";
import type { RunningSpeaker } from "../runningSpeaker.ts";

/** Each value is of the moment at which somebody asks. A metric a turn, so that no keepalive waits for thousands of peers. */
async function textOf(running: RunningSpeaker | null): Promise<string> {
  const told = running && { peers: await running.peers(), summary: await running.summary() };
  const texts: string[] = [];
  for (const metric of speakerMetrics(told)) {
    texts.push(metricText(metric));
    await nextTurn();
  }
  return texts.join("\n");
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
      (text) => response.writeHead(200, { "content-type": metricsContentType }).end(text),
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
