/** What of a cluster one process does for all nodes: `brindle controllers`. Of several replicas one acts. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { findClusterAccess, openKubernetesApi } from "@brindle/api/shell";
import type { Logger } from "pino";
import { Candidate, type CandidateOptions } from "../../controllers/candidate.ts";
import { keepConditions } from "./conditions.ts";
import { Leadership, renewalDeadlineMs } from "./leadership.ts";

export interface ControllersOptions extends Pick<CandidateOptions, "lease"> {
  readonly environment: NodeJS.ProcessEnv;
  readonly kubeconfig?: string;
}

/** Until `signal`. Rejects with a `StoreError` where no cluster is named. */
export async function runControllers(
  { lease, environment, kubeconfig }: ControllersOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const access = await findClusterAccess({ environment, ...(kubeconfig !== undefined && { kubeconfig }) });
  // Two calls renew a lease.
  const api = openKubernetesApi({ access, timeoutMs: renewalDeadlineMs / 2 });
  const candidate = new Candidate({ identity: `${hostname()}_${randomUUID()}`, lease });
  try {
    const lead = (until: AbortSignal) => keepConditions({ api, log }, until);
    await new Leadership(candidate, { api, log, lead }).run(signal);
  } finally {
    api.close();
  }
}
