import workspace from "../../../package.json" with { type: "json" };
import type { ClusterAccess } from "../../kubernetes/clusterAccess.ts";
import { ApiClient } from "./apiClient.ts";
import { openCredentials } from "./credentials.ts";
import { SessionPool } from "./sessionPool.ts";

export interface ApiClientOptions {
  readonly access: ClusterAccess;
  /** How long one call may take; 10 s unless told. */
  readonly timeoutMs?: number;
  /** How often a connection is asked for a sign of life; it has half as long to give it. 10 s unless told. */
  readonly pingIntervalMs?: number;
  /** How often files of tokens and certificates are read again; 30 s unless told. */
  readonly rereadMs?: number;
}

/** What the API server writes in its audit log. */
const userAgent = `brindle/${workspace.version}`;

/** Opens nothing yet: the first call connects. */
export function openApiClient({
  access,
  rereadMs,
  timeoutMs = 10_000,
  pingIntervalMs = 10_000,
}: ApiClientOptions): ApiClient {
  return new ApiClient(
    { timeoutMs, userAgent },
    {
      credentials: openCredentials(access, rereadMs),
      sessions: new SessionPool(access.server, { connectTimeoutMs: timeoutMs / 2, pingIntervalMs }),
    },
  );
}
