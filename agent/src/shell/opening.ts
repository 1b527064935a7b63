/** What an agent cannot begin without, waited for: what is missing may be mended without a restart of the agent. */
import { setTimeout as delay } from "node:timers/promises";
import { isKernelError } from "@brindle/net";
import { openRouteSocket, type RouteSocket } from "@brindle/net/shell";
import { messageOf } from "../error.ts";
import type { MistakeCode } from "../node/mistakes.ts";
import type { AgentHealth } from "./agentHealth.ts";
import { type HealthServer, serveHealth } from "./healthServer.ts";
import { Links, type LinksOptions } from "./wiring/links.ts";

export interface OpeningPorts {
  readonly health: AgentHealth;
  readonly signal: AbortSignal;
}

const retryMs = 2_000;

/** Until it does not throw; `null` when the agent is ended before. */
export async function retried<T>(everyMs: number, signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch {
      await delay(everyMs, undefined, { signal }).catch(() => {});
    }
  }
  return null;
}

export function openKernel(ports: OpeningPorts): Promise<RouteSocket | null> {
  return opened("kernel", "CapabilityMissing", ports, () => openRouteSocket());
}

/** Also makes the node a router. */
export function openLinks(options: LinksOptions, ports: OpeningPorts): Promise<Links | null> {
  return opened("router", "ForwardingNotWritable", ports, () => Links.open(options));
}

/** The control socket answers meanwhile. */
export function openHealthServer(port: number, ports: OpeningPorts): Promise<HealthServer | null> {
  const problem = () => ports.health.state.problems();
  return opened("health", "HealthPortTaken", ports, () => serveHealth({ port, problem }));
}

async function opened<T>(
  name: string,
  code: MistakeCode,
  { health, signal }: OpeningPorts,
  open: () => Promise<T>,
): Promise<T | null> {
  const made = await retried(retryMs, signal, async () => {
    try {
      return await open();
    } catch (error) {
      if (!isKernelError(error) && name !== "health") throw error;
      health.found(name, [{ code, text: messageOf(error) }]);
      throw error;
    }
  });
  health.found(name, []);
  return made;
}
