/** BGP of a node: the speaker, and what its sessions depend on beside the datastore: passwords, and where the default routes lead. */
import type { Logger } from "pino";
import type { AgentHealth } from "./agentHealth.ts";
import type { ClusterSync } from "./clusterSync.ts";
import { DefaultGateways, type DefaultGatewaysPorts } from "./defaultGateways.ts";
import type { RouteSync } from "./routeSync.ts";
import { openSecrets } from "./secrets.ts";
import { SpeakerSync } from "./speakerSync.ts";
import { speakerWish } from "./speakerWish.ts";

export interface SpeakerSideOptions {
  readonly node: string;
  readonly namespace: string;
  readonly bgpPasswords?: string;
  readonly usesPodCidrs: boolean;
}

export interface SpeakerSideParts {
  readonly kernel: DefaultGatewaysPorts["kernel"];
  readonly api: Parameters<typeof openSecrets>[1]["api"];
  readonly cluster: () => ClusterSync;
  readonly routes: RouteSync;
  readonly health: AgentHealth;
  readonly log: Logger;
  readonly onBug: (error: Error) => void;
}

/** What it is disposed of with are the sources; the speaker ends before what it tells of routes does. */
export interface SpeakerSide extends AsyncDisposable {
  readonly speaker: SpeakerSync;
}

export async function followSpeaker(options: SpeakerSideOptions, parts: SpeakerSideParts): Promise<SpeakerSide> {
  const { node, usesPodCidrs } = options;
  const { kernel, api, cluster, routes, health, log, onBug } = parts;
  const speaker = new SpeakerSync(
    { isRestart: await routes.hasEarlierRoutes() },
    {
      wish: () =>
        speakerWish(node, {
          cluster: cluster(),
          secrets,
          gateways,
          onPeerRoutes: (wanted) => routes.setPeerRoutes(wanted),
          onPasswords: (found) => health.found("passwords", found),
          usesPodCidrs,
        }),
      listeners: {
        bestChanged: (changes) => routes.bestChanged(changes),
        tableComplete: () => routes.tableComplete(),
        peerChanged: ({ name, phase, lastFailure }) => log.info({ peer: name, phase, lastFailure }, "peer"),
        failed: onBug,
      },
      onHealth: (problem) => health.report("bgp", problem),
    },
  );
  const secrets = openSecrets(options, { api, onChanged: () => speaker.changed() });
  const gateways = new DefaultGateways({
    kernel,
    onChanged: () => speaker.changed(),
    onFailure: (error) => log.warn({ err: error }, "default routes of the node were not read"),
  });
  return {
    speaker,
    async [Symbol.asyncDispose]() {
      await Promise.all([secrets.end(), gateways[Symbol.asyncDispose]()]);
    },
  };
}
