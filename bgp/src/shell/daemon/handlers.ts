/** The methods of the daemon's control socket: those of any speaker, and those about its file. */
import { ControlError } from "@brindle/net";
import type { ControlHandler } from "@brindle/net/shell/control";
import { advertisedQuery, recordedFrom } from "../../controlQuery.ts";
import { planLines, type ReloadPlan } from "../../daemon/plan.ts";
import { BgpError } from "../../error.ts";
import { bgpHandlers } from "../bgpHandlers.ts";
import type { Daemon } from "./daemon.ts";

/** `present` gives `null` until the daemon has started. */
export function daemonHandlers(present: () => Daemon | null): Record<string, ControlHandler> {
  const speakers = bgpHandlers(() => present()?.speaker ?? null);
  const running = (): Daemon => {
    const daemon = present();
    if (!daemon) throw new ControlError("NO_SPEAKER", "brindle-bgp is starting: no BGP speaker runs here yet");
    return daemon;
  };
  return {
    ...speakers,
    "bgp.record": (params) =>
      recordedFrom(params).afresh ? answer(() => running().recordAfresh()) : speakers["bgp.record"]?.(params),
    "bgp.plan": (params) => {
      const { text, file } = fileIn(params, "bgp.plan");
      return answer(async () => withLines(await running().plan(text, file)));
    },
    "bgp.rehearse": async (params) => {
      const { name, limit } = advertisedQuery(params);
      const file = fileIn(params, "bgp.rehearse");
      return answer(() => running().rehearse(name, { ...file, limit }));
    },
    "bgp.reload": () => answer(async () => withLines(await running().reload())),
  };
}

function withLines(plan: ReloadPlan): ReloadPlan & { readonly lines: readonly string[] } {
  return { ...plan, lines: planLines(plan) };
}

async function answer<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BgpError) throw new ControlError("INVALID", `${error.message}\nnothing has changed`);
    throw error;
  }
}

function fileIn(params: unknown, method: string): { readonly text: string; readonly file: string } {
  const { text, file } = (params ?? {}) as Record<string, unknown>;
  if (typeof text === "string" && typeof file === "string") return { text, file };
  throw new ControlError("INVALID", `${method}: text and name of a file are needed`);
}
