/** The methods of the control interface that any speaker has, whoever runs it: the daemon or a node's agent. */
import { ControlError } from "@brindle/net";
import type { PeerDetail } from "../control.ts";
import { advertisedQuery, dumpFrom, maintenanceWish, recordedFrom, routeQuery } from "../controlQuery.ts";
import type { RunningSpeaker } from "./runningSpeaker.ts";

/** As `serveControl` of `net` takes them; the package's types need no Node for it. */
export type BgpHandler = (params: unknown) => unknown;

/** `speaker` gives `null` while none runs, as before a node's addresses are known. */
export function bgpHandlers(speaker: () => RunningSpeaker | null): Record<string, BgpHandler> {
  const running = (): RunningSpeaker => {
    const present = speaker();
    if (!present) throw new ControlError("NO_SPEAKER", "no BGP speaker runs here yet: brindlectl status may say why");
    return present;
  };
  const peerAsked = async (params: unknown, method: string): Promise<PeerDetail> => {
    const { name } = (params ?? {}) as Record<string, unknown>;
    if (typeof name !== "string") throw new ControlError("INVALID", `${method}: name must be that of a peer`);
    const peer = await running().peer(name);
    if (!peer) throw new ControlError("NOT_FOUND", `there is no peer "${name}"`);
    return peer;
  };
  const peerNamed = async (params: unknown, method: string): Promise<string> => (await peerAsked(params, method)).name;
  return {
    "bgp.summary": () => running().summary(),
    "bgp.peers": async () => (await speaker()?.peers()) ?? [],
    "bgp.peer": (params) => peerAsked(params, "bgp.peer"),
    "bgp.advertised": async (params) => {
      const { name, limit } = advertisedQuery(params);
      const routes = await running().advertised(name, { limit });
      if (!routes) throw new ControlError("NOT_FOUND", `there is no peer "${name}"`);
      return routes;
    },
    "bgp.refresh": async (params) => {
      const peer = await peerAsked(params, "bgp.refresh");
      assertRefreshable(peer);
      await running().refresh(peer.name);
    },
    "bgp.reset": async (params) => {
      const name = await peerNamed(params, "bgp.reset");
      const { text } = (params ?? {}) as Record<string, unknown>;
      if (text !== undefined && typeof text !== "string")
        throw new ControlError("INVALID", "bgp.reset: text is no text");
      await running().reset(name, text);
    },
    "bgp.maintenance": async (params) => {
      const { peer, wish } = maintenanceWish(params);
      if (peer !== null) await peerNamed(params, "bgp.maintenance");
      await running().maintenance(peer, wish);
      const peers = await running().peers();
      return peers
        .filter(({ name }) => peer === null || name === peer)
        .map(({ name, phase, maintenance = null }) => ({ name, phase, maintenance }));
    },
    "bgp.record": (params) => {
      const { id, isLast, afresh } = recordedFrom(params);
      if (afresh)
        throw new ControlError(
          "INVALID",
          "bgp.record: only a brindle-bgp starts its speaker afresh; an agent does not",
        );
      return running().record(id, isLast);
    },
    "bgp.dump": async (params) => {
      const { bytes, next } = await running().dump(dumpFrom(params));
      return { mrt: bytes.toBase64(), next };
    },
    "bgp.routes": async (params) => (await speaker()?.routes(routeQuery(params))) ?? [],
  };
}

/** Nobody hears what is asked where there is no session, or one whose peer did not offer route refresh (RFC 2918 §3). */
function assertRefreshable({ name, phase, negotiated }: PeerDetail): void {
  if (phase !== "established")
    throw new ControlError(
      "NO_SESSION",
      `${name} is not Established but ${phase}: it tells all when its session begins`,
    );
  if (negotiated?.routeRefresh !== true)
    throw new ControlError(
      "UNSUPPORTED",
      `${name} did not offer route refresh (RFC 2918): \`bgp reset\` makes it tell all`,
    );
}
