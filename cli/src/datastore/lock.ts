/**
 * A datastore is locked by its ClusterInformation saying that it is not ready: agents, ours and Calico's, then give no
 * address and wire no pod. What runs goes on, and resources may still be written.
 */
import { type ClusterInformation, formatTimestamp, type Key, type Store } from "@brindle/api";
import { failed } from "../error.ts";
import type { Ports } from "../ports.ts";
import { clusterInformationOf } from "./archive.ts";

const attemptsMax = 5;

/** `false` when it was so before. */
export async function setReady(
  store: Store,
  datastoreReady: boolean,
  ports: Pick<Ports, "nowMs" | "newUid">,
): Promise<boolean> {
  const key: Key<"ClusterInformation"> = { kind: "ClusterInformation", name: "default" };
  for (let i = 0; i < attemptsMax; i++) {
    const before = await store.get(key);
    if (before?.value.spec.datastoreReady === datastoreReady) return false;
    const result = before
      ? await store.commit([
          { op: "update", key, value: withReady(before.value, datastoreReady), revision: before.revision },
        ])
      : await store.commit([{ op: "create", key, value: newCluster(datastoreReady, ports) }]);
    if (result.kind === "committed") return true;
  }
  throw failed("the cluster information is being changed by others; try again");
}

function withReady(cluster: ClusterInformation, datastoreReady: boolean): ClusterInformation {
  return { ...cluster, spec: { ...cluster.spec, datastoreReady } };
}

/** Calico's client makes one, too, where there is none; the GUID has no hyphens. */
function newCluster(datastoreReady: boolean, { nowMs, newUid }: Pick<Ports, "nowMs" | "newUid">): ClusterInformation {
  const cluster = clusterInformationOf({ clusterGUID: newUid().replaceAll("-", ""), datastoreReady });
  const creationTimestamp = formatTimestamp(nowMs());
  return { ...cluster, metadata: { ...cluster.metadata, uid: newUid(), creationTimestamp } };
}
