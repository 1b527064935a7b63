/**
 * Labels of Kubernetes' nodes on those of Calico, which pools and peers select, and their podCIDRs. Which labels came from Kubernetes
 * stands in an annotation, so that those which people set here stay. A node says in `orchRefs` what Kubernetes calls it.
 */
import {
  type ApiObject,
  formatJson,
  isRecord,
  kubernetesLabelsAnnotation,
  type Labels,
  type Node,
  nodeSource,
  parseJson,
} from "@brindle/api";
import { type Carrying, digestOf, type Wanted } from "./carrying.ts";

interface NodeSays extends Wanted {
  readonly labels: Labels;
  /** None before Kubernetes has chosen them; chosen once. */
  readonly podCIDRs: readonly string[];
}

export const carriedNodes: Carrying<"Node", NodeSays, Pick<Node, "metadata" | "status">> = {
  kind: "Node",
  resource: nodeSource.resource,
  want: ({ metadata, spec }: ApiObject) => {
    const labels = textsIn(metadata.labels);
    const listed = isRecord(spec) && Array.isArray(spec.podCIDRs) ? spec.podCIDRs : [];
    const podCIDRs = listed.filter((each) => typeof each === "string");
    return { digest: digestOf({ labels, podCIDRs }), labels, podCIDRs };
  },
  ownerOf: (_key, node) => {
    const name = node?.spec.orchRefs?.find(({ orchestrator }) => orchestrator === "k8s")?.nodeName;
    return name ? { name } : null;
  },
  hold: ({ metadata, status }) => ({ metadata, ...(status && { status }) }),
  isDue: (wanted, { held }) => wanted !== null && held !== null && changeOf(held, wanted) !== null,
  change: (wanted, { key, value, revision }) => {
    const changed = wanted && changeOf(value, wanted);
    return changed && { op: "update", key, value: { ...value, ...changed }, revision };
  },
  // The agent of the node makes it, or Calico's.
  create: () => null,
};

/** `null` where all is as it should be. */
function changeOf(node: Pick<Node, "metadata" | "status">, { labels, podCIDRs }: NodeSays) {
  const metadata = labelled(node.metadata, labels);
  const isGiven = podCIDRs.length === 0 || digestOf(podCIDRs) === digestOf(node.status?.podCIDRs ?? []);
  if (!metadata && isGiven) return null;
  return { ...(metadata && { metadata }), ...(!isGiven && { status: { ...node.status, podCIDRs } }) };
}

/** `null` where they are as they should be. */
function labelled(metadata: Node["metadata"], kubernetes: Labels): Node["metadata"] | null {
  const { labels = {}, annotations = {} } = metadata;
  const former = formerLabels(annotations[kubernetesLabelsAnnotation]);
  const own = Object.entries(labels).filter(([name]) => !Object.hasOwn(former, name));
  const after = { ...Object.fromEntries(own), ...kubernetes };
  const isNoted = digestOf(former) === digestOf(kubernetes);
  if (isNoted && digestOf(after) === digestOf(labels)) return null;
  const noted = { ...annotations, [kubernetesLabelsAnnotation]: formatJson(kubernetes) };
  return { ...metadata, labels: after, annotations: noted };
}

/** What is no list of labels was written by nobody who carries them. */
function formerLabels(text: string | undefined): Labels {
  if (text === undefined) return {};
  try {
    return textsIn(parseJson(text));
  } catch {
    return {};
  }
}

function textsIn(value: unknown): Labels {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
