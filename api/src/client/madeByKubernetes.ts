/** What nobody writes where Kubernetes is the datastore, since Kubernetes makes it of objects of its own. */
import type { ResourceKind } from "../kinds/kinds.ts";
import type { Problem } from "../kinds/problem.ts";
import { isConvertedName } from "../kubernetes/policyNames.ts";
import type { Key, Store } from "../store/store.ts";

export type ResourceWrite = "create" | "update" | "delete";

/** Found before anything is written, so that a set of manifests goes in whole or not at all. */
export function problemsOfWrite(
  { transactions }: Pick<Store, "transactions">,
  write: ResourceWrite,
  { kind, name }: Key<ResourceKind>,
): readonly Problem[] {
  const reason = transactions === "single" ? whyNot(write, kind, name) : null;
  return reason === null ? [] : [{ path: "metadata.name", value: name, reason }];
}

function whyNot(write: ResourceWrite, kind: ResourceKind, name: string): string | null {
  switch (kind) {
    case "Node":
      if (write === "update") return null;
      return write === "create"
        ? "is no node of this cluster: its kubelet makes the Node, which can then be changed here"
        : "is Kubernetes' own: `kubectl delete node` deletes it";
    case "WorkloadEndpoint":
      return "is made of a Pod, which Kubernetes holds: change that with kubectl";
    case "Profile":
      return "is made of a Namespace or a ServiceAccount: change its labels with kubectl";
    case "NetworkPolicy":
    case "GlobalNetworkPolicy":
      return isConvertedName(kind, name) ? "is a policy of Kubernetes: write that one, with kubectl" : null;
    default:
      return null;
  }
}
