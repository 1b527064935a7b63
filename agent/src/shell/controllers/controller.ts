/** What a controller is to those that run it: a list of them makes `brindle controllers`. */
import type { ControllersConfig, Store } from "@brindle/api";
import type { DatastoreSettings, KubernetesApi } from "@brindle/api/shell";
import type { Logger } from "pino";
import type { ControllersTally } from "../../metrics/controllersTally.ts";

export interface Controller {
  /** In logs and in the health; no two have the same. */
  readonly name: string;
  /** Its own part of the configuration, `null` where it is not to run. When that changes it is ended and begun anew. */
  settings(circumstances: Circumstances): object | null;
  /**
   * Works until `until`, and then ends within a few seconds. A rejection is told and answered by another try after a
   * pause, whoever else runs; for what passes, such as a datastore that is away, it need not give up.
   */
  run(context: ControllerContext, until: AbortSignal): Promise<void>;
}

export interface Circumstances {
  readonly datastore: DatastoreSettings["type"];
  /** Of the cluster; what Calico runs where it has none. */
  readonly configuration: ControllersConfig;
  /** How long etcd is to remember former revisions; `null` for ever. */
  readonly compactionPeriodMs: number | null;
}

/** What all of them share. */
export interface ControllersPorts {
  /** The cluster's own objects, whatever the datastore is. */
  readonly api: KubernetesApi;
  /** Calico's kinds, in etcd or in Kubernetes. */
  readonly store: Store;
  readonly datastore: DatastoreSettings["type"];
  /** Where etcd is, if it is the datastore. */
  readonly etcd?: Extract<DatastoreSettings, { readonly type: "etcdv3" }>["etcd"];
  readonly log: Logger;
  /** For metrics, whether anybody asks or not. */
  readonly tally: ControllersTally;
  /** No address is taken for lost before, whatever is configured: an ADD may be under way for so long. */
  readonly leakGraceMsMin: number;
}

export interface ControllerContext extends ControllersPorts, Circumstances {
  /** The controller's own. */
  readonly name: string;
  /** Why it does not do all of its work, for readiness and log; `null` when it does. Repeating it is no news. */
  readonly onHealth: (problem: string | null) => void;
}
