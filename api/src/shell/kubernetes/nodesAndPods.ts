/**
 * Which nodes and pods a cluster has at this moment, by listings of the API server's own: for who takes away what belongs to
 * those that are gone, and may not do so on anything that is cached, half read, or of an hour ago.
 */
import { entriesOf, members, textOf } from "../../kubernetes/apiObject.ts";
import type { ApiObject, ApiResource, Narrowing } from "../../kubernetes/source.ts";
import type { KubernetesApi } from "./kubernetesApi.ts";
import { listed } from "./listed.ts";

export interface NodesAndPods {
  readonly nodes: ReadonlySet<string>;
  /** Those of them that are not Ready: their kubelet or their network does not answer. */
  readonly nodesAway: ReadonlySet<string>;
  /** Those that have a node, by `<namespace>/<name>`; `null` where they were not asked for. */
  readonly pods: ReadonlyMap<string, { readonly node: string }> | null;
}

const nodesResource: ApiResource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
const podsResource: ApiResource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
const onNodes: Narrowing = { fieldSelector: "spec.nodeName!=" };

/** Rejects with a `StoreError` unless both could be listed to their end. */
export async function readNodesAndPods(
  api: Pick<KubernetesApi, "follow">,
  { pods: wantsPods }: { readonly pods: boolean },
): Promise<NodesAndPods> {
  const [nodes, pods] = await Promise.all([
    listed(api, nodesResource, readyOf),
    wantsPods ? listed(api, podsResource, podOf, onNodes) : null,
  ]);
  return {
    nodes: new Set(nodes.keys()),
    nodesAway: new Set([...nodes].filter(([, isReady]) => !isReady).map(([name]) => name)),
    pods: pods && new Map(pods),
  };
}

/** Tells that a node went, without saying which: whoever acts on it reads anew. */
export function followNodeRemovals(
  api: Pick<KubernetesApi, "follow">,
  onRemoved: () => void,
): ReturnType<KubernetesApi["follow"]> {
  const nothing = () => null;
  return api.follow(nodesResource, nothing, ({ type }) => {
    if (type === "deleted") onRemoved();
  });
}

function readyOf({ status }: ApiObject): boolean {
  const conditions = entriesOf(members(status).conditions).map((condition) => members(condition));
  return conditions.some(({ type, status: value }) => type === "Ready" && value === "True");
}

function podOf({ spec }: ApiObject): { readonly node: string } {
  return { node: textOf(members(spec).nodeName) ?? "" };
}
