/** What is said between `npm run cluster -- up` and the process that it leaves behind. */
import type { ClusterOptions } from "../fixtures/kubeadm/plan.ts";

const { BRINDLE_CLUSTER: name } = process.env;

/** A person has one cluster on a machine, or several that BRINDLE_CLUSTER tells apart. */
export const clusterInstance: string = name || "cluster";

export type KeeperRequest = ClusterOptions;

export type KeeperMessage =
  | { readonly kind: "progress"; readonly line: string }
  | { readonly kind: "up" }
  | { readonly kind: "failed"; readonly reason: string };
