/**
 * Labels of Kubernetes' nodes on those of Calico, which pools and peers select. Which of them came from Kubernetes stands
 * in an annotation, so that labels which people set here stay. A node says in `orchRefs` what Kubernetes calls it.
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
}

export const carriedNodes: Carrying<"Node", NodeSays, Node["metadata"]> = {
  kind: "Node",
  resource: nodeSource.resource,
  want: ({ metadata }: ApiObject) => {
    const labels = textsIn(metadata.labels);
    return { digest: digestOf(labels), labels };
  },
  ownerOf: (_key, node) => {
    const name = node?.spec.orchRefs?.find(({ orchestrator }) => orchestrator === "k8s")?.nodeName;
    return name ? { name } : null;
  },
  hold: ({ metadata }) => metadata,
  isDue: (wanted, { held }) => wanted !== null && held !== null && labelled(held, wanted.labels) !== null,
  change: (wanted, { key, value, revision }) => {
    const metadata = wanted && labelled(value.metadata, wanted.labels);
    return metadata && { op: "update", key, value: { ...value, metadata }, revision };
  },
  // The agent of the node makes it, or Calico's.
  create: () => null,
};

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
