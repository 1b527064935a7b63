/** Whether what the cluster has of Brindle is being deleted, told once, whatever else is told meanwhile. */
import type { Logger } from "pino";
import type { ClusterState } from "../graph/clusterState.ts";
import { type TearDown, tearDown } from "../graph/tearDown.ts";
import type { AgentHealth } from "./agentHealth.ts";

export class TearDownWatch {
  readonly #health: Pick<AgentHealth, "found">;
  readonly #log: Logger;
  #reason: string | undefined;

  constructor({ health, log }: { readonly health: Pick<AgentHealth, "found">; readonly log: Logger }) {
    this.#health = health;
    this.#log = log;
  }

  /** That there are no blocks the speaker says of itself. */
  look(state: ClusterState): { readonly going: TearDown | null; readonly isNews: boolean } {
    const going = tearDown(state);
    if (going?.reason === this.#reason) return { going, isNews: false };
    this.#reason = going?.reason;
    if (going) this.#log.warn({ reason: going.reason }, "left as it is");
    const isAll = going?.what === "all";
    this.#health.found("tearDown", isAll ? [{ code: "ClusterInformationMissing", text: going.reason }] : []);
    return { going, isNews: true };
  }
}
