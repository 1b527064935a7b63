/** What is said between `npm run cluster -- up` and the process that it leaves behind. */
import type { ClusterOptions } from "../fixtures/kubeadm/plan.ts";

/** There is one cluster of a person's on a machine; those of tests have names of their own. */
export const clusterInstance = "cluster";

export type KeeperRequest = ClusterOptions;

export type KeeperMessage =
  | { readonly kind: "progress"; readonly line: string }
  | { readonly kind: "up" }
  | { readonly kind: "failed"; readonly reason: string };
