/** What an AgentConfiguration says of BGP. */
import type * as z from "zod";
import { address, flag, integer, textUpTo } from "../fields.ts";
import { field, list, object, optional } from "../schema.ts";

export interface AgentBgpSettings {
  readonly multipath?: MultipathSettings;
  readonly monitoringStations?: readonly MonitoringStation[];
  readonly dynamicPeersMax?: number;
  readonly gracefulShutdown?: boolean;
  readonly shutdownMessage?: string;
}

export interface MultipathSettings {
  readonly pathsMax: number;
  readonly asPathRelax?: boolean;
}

/** Who is told of all sessions and their routes (RFC 7854). */
export interface MonitoringStation {
  readonly address: string;
  readonly port: number;
}

export const agentBgp: z.ZodType<AgentBgpSettings> = object<AgentBgpSettings>({
  multipath: optional(
    field(
      object<MultipathSettings>({
        pathsMax: field(integer(1, 128), "How many routes of the same worth packets are spread over; 1 for none."),
        asPathRelax: optional(field(flag, "Routes by different AS are of the same worth, if equally far.")),
      }),
      "Whether packets to one network take several ways. Where left out: one.",
    ),
  ),
  monitoringStations: optional(
    field(
      list(
        object<MonitoringStation>({
          address: field(address, "The address of the station."),
          port: field(integer(1, 65535), "The TCP port of the station."),
        }),
        { max: 16 },
      ),
      "Stations that are told of all sessions and routes (RFC 7854).",
    ),
  ),
  dynamicPeersMax: optional(
    field(integer(0, 100_000), "How many routers of ranges may have a session at a time. Where left out: 100."),
  ),
  gracefulShutdown: optional(
    field(flag, "All routes of the node are the last resort of its peers (RFC 8326), before work on it."),
  ),
  shutdownMessage: optional(
    field(textUpTo(128), "What the peers' people are told when the node is taken down for good (RFC 9003)."),
  ),
});
