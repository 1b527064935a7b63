/**
 * The process that owns the cluster of `npm run cluster`: it starts it, tells whoever started the keeper how that goes,
 * and stays. The cluster is gone when this process is, however it ends.
 */
import { startCluster } from "../fixtures/kubeadm/startCluster.ts";
import { clusterInstance, type KeeperMessage, type KeeperRequest } from "./protocol.ts";

function tell(message: KeeperMessage): void {
  if (process.connected) process.send?.(message);
}

const ended = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
});
// Who asked for a cluster and went away before it was up does not want it.
const abandoned = new Promise<void>((resolve) => process.once("disconnect", resolve));
const request: KeeperRequest = JSON.parse(process.argv[2] ?? "{}");

try {
  const starting = startCluster({ ...request, id: clusterInstance, say: (line) => tell({ kind: "progress", line }) });
  const cluster = await Promise.race([starting, abandoned, ended]);
  if (cluster !== undefined) {
    tell({ kind: "up" });
    await ended;
    await cluster[Symbol.asyncDispose]();
  }
} catch (error) {
  tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
}
// What it started holds pipes to this process; the reaper ends it.
process.exit();
