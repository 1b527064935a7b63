/** The methods of the daemon's control socket: those of any speaker, and those about its file. */
import { ControlError } from "@brindle/net";
import type { ControlHandler } from "@brindle/net/shell";
import { planLines, type ReloadPlan } from "../../daemon/plan.ts";
import { BgpError } from "../../error.ts";
import { bgpHandlers } from "../bgpHandlers.ts";
import type { Daemon } from "./daemon.ts";

export function daemonHandlers(daemon: Daemon): Record<string, ControlHandler> {
  return {
    ...bgpHandlers(() => daemon.speaker),
    "bgp.plan": async (params) => {
      const { text, name } = fileIn(params, "bgp.plan");
      return answer(() => daemon.plan(text, name));
    },
    "bgp.reload": () => answer(() => daemon.reload()),
  };
}

async function answer(plan: () => Promise<ReloadPlan>): Promise<ReloadPlan & { readonly lines: readonly string[] }> {
  try {
    const made = await plan();
    return { ...made, lines: planLines(made) };
  } catch (error) {
    if (error instanceof BgpError) throw new ControlError("INVALID", `${error.message}\nnothing has changed`);
    throw error;
  }
}

function fileIn(params: unknown, method: string): { readonly text: string; readonly name: string } {
  const { text, name } = (params ?? {}) as Record<string, unknown>;
  if (typeof text === "string" && typeof name === "string") return { text, name };
  throw new ControlError("INVALID", `${method}: text and name of a file are needed`);
}
