/** What Prometheus is told of a speaker: the same numbers as `brindlectl bgp summary` and `bgp peer` show. */
import { createServer, type Server } from "node:http";
import { Gauge, Registry } from "prom-client";
import type { PeerStatus, SpeakerSummary } from "../../control.ts";
import { BgpError, messageOf } from "../../error.ts";
import type { RunningSpeaker } from "../runningSpeaker.ts";

/**
 * Metrics of a speaker, `null` while none runs. Whoever answers a scrape calls what this gives before: the numbers are
 * those of that moment.
 */
export function registerSpeakerMetrics(registry: Registry, speaker: () => RunningSpeaker | null): () => Promise<void> {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: `brindle_bgp_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const gauges = {
    up: gauge("peer_established", "1 while the session is Established", ["peer", "asn"]),
    since: gauge("peer_state_since_seconds", "when the present state began, seconds since 1970", ["peer"]),
    losses: gauge("peer_losses_total", "how often an Established session was lost", ["peer"]),
    routes: gauge("peer_routes", "routes of an Established session, by what became of them", [
      "peer",
      "family",
      "kind",
    ]),
    prefixes: gauge("rib_prefixes", "prefixes in the table"),
    ribRoutes: gauge("rib_routes", "routes in the table"),
    attributeSets: gauge("rib_attribute_sets", "distinct sets of path attributes in the table"),
  };
  return async () => {
    const running = speaker();
    const found = running && { peers: await running.peers(), summary: await running.summary() };
    for (const each of Object.values(gauges)) each.reset();
    if (found) fill(gauges, found);
  };
}

type Gauges = Readonly<
  Record<"up" | "since" | "losses" | "routes" | "prefixes" | "ribRoutes" | "attributeSets", Gauge>
>;

interface Found {
  readonly peers: readonly PeerStatus[];
  readonly summary: SpeakerSummary;
}

function fill(gauges: Gauges, { peers, summary: { rib } }: Found): void {
  gauges.prefixes.set(rib.prefixes);
  gauges.ribRoutes.set(rib.routes);
  gauges.attributeSets.set(rib.attributeSets);
  for (const { name: peer, asn, phase, sinceMs, flaps, session } of peers) {
    gauges.up.set({ peer, asn }, phase === "established" ? 1 : 0);
    gauges.since.set({ peer }, sinceMs / 1000);
    gauges.losses.set({ peer }, flaps);
    for (const { family, received, accepted, filtered, advertised } of session?.families ?? []) {
      for (const [kind, count] of Object.entries({ received, accepted, filtered, advertised })) {
        gauges.routes.set({ peer, family: `ipv${family}`, kind }, count);
      }
    }
  }
}

/** Answers `/metrics`, and nothing else. */
export async function serveMetrics(
  { address, port }: { readonly address: string; readonly port: number },
  speaker: () => RunningSpeaker | null,
): Promise<AsyncDisposable> {
  const registry = new Registry();
  const look = registerSpeakerMetrics(registry, speaker);
  const server = createServer((request, response) => {
    if (request.url !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404).end("there is /metrics alone\n");
      return;
    }
    look()
      .then(() => registry.metrics())
      .then(
        (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
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
