/** Nodes are made by Kubernetes; what Calico adds of its own is in their annotations. */
import { formatJson, parseJson } from "../json/json.ts";
import type { Node } from "../kinds/node.ts";
import type { Metadata } from "../kinds/resource.ts";
import { apiVersion } from "../kinds/resource.ts";
import { formatKey } from "../store/request.ts";
import { entriesOf, type Members, members, textOf, textsOf } from "./apiObject.ts";
import { apiPath } from "./apiPath.ts";
import { fromNodeAnnotations, toNodeAnnotations } from "./nodeAnnotations.ts";
import { keyFor, readingOf } from "./reading.ts";
import { conflict, refuse, send } from "./requests.ts";
import type { ApiObject, ApiResource, Reading, Source } from "./source.ts";

const resource: ApiResource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };

/** Labels and annotations that are Calico's alone. Those of Kubernetes win over a label of the same name. */
const labelsAnnotation = "projectcalico.org/labels";
const annotationsAnnotation = "projectcalico.org/annotations";
/** In what is read: which labels came from Kubernetes, so that a write leaves them there. In etcd it is stored so. */
export const kubernetesLabelsAnnotation = "projectcalico.org/kube-labels";

export const nodeSource: Source<"Node"> = {
  kind: "Node",
  resource,
  read,
  locate: ({ name }) => [{ name }],
  narrow: () => ({}),
  needsCurrent: (op) => op !== "delete",
  write: (write, current = null) => {
    const { key } = write;
    if (write.op === "delete")
      return refuse(`${formatKey(key)}: Kubernetes deletes Nodes; Brindle only annotates them`);
    if (!current) return refuse(`${formatKey(key)}: Kubernetes makes Nodes; Brindle only annotates them`);
    if (write.op === "create") return conflict;
    if (write.op === "update" && current.metadata.resourceVersion !== write.revision) return conflict;
    const body = {
      metadata: {
        ...version(write.op === "update" ? write.revision : undefined),
        annotations: annotationsOf(write.value),
      },
    };
    return send({
      method: "PATCH",
      // Whoever may write the status of a node may annotate it so, and not change what it is.
      path: apiPath(resource, key, "status"),
      contentType: "application/strategic-merge-patch+json",
      body: formatJson(body),
    });
  },
};

function version(resourceVersion: string | undefined): Members {
  return resourceVersion === undefined ? {} : { resourceVersion };
}

function read({ metadata, spec, status }: ApiObject): Reading<"Node"> {
  const annotations = textsOf(metadata.annotations);
  const noted = fromNodeAnnotations(annotations);
  const notedSpec = members(noted.spec);
  const podCIDRs = entriesOf(members(spec).podCIDRs);
  const addresses = addressesOf(members(notedSpec.bgp), members(status).addresses);
  return readingOf("Node", keyFor("Node", { name: metadata.name }), {
    kind: "Node",
    apiVersion,
    metadata: metadataOf(metadata, annotations),
    spec: {
      ...notedSpec,
      orchRefs: [{ nodeName: metadata.name, orchestrator: "k8s" }],
      ...(addresses.length > 0 && { addresses }),
    },
    status: { ...members(noted.status), ...(podCIDRs.length > 0 && { podCIDRs }) },
  });
}

function metadataOf(
  { name, uid, creationTimestamp, labels }: ApiObject["metadata"],
  annotations: Readonly<Record<string, string>>,
): Members {
  return {
    name,
    ...(uid !== undefined && { uid }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    labels: { ...mapIn(annotations[labelsAnnotation]), ...textsOf(labels) },
    annotations: {
      ...mapIn(annotations[annotationsAnnotation]),
      [kubernetesLabelsAnnotation]: formatJson(textsOf(labels)),
    },
  };
}

function addressesOf(bgp: Members, kubernetes: unknown): Members[] {
  const own = [bgp.ipv4Address, bgp.ipv6Address].flatMap((address) =>
    address === undefined ? [] : [{ address, type: "CalicoNodeIP" }],
  );
  const others = entriesOf(kubernetes).flatMap((entry) => {
    const { address, type } = members(entry);
    return type === "InternalIP" || type === "ExternalIP" ? [{ address, type }] : [];
  });
  return [...own, ...others];
}

function annotationsOf(node: Node): Readonly<Record<string, string | null>> {
  const { labels, annotations } = ownMetadata(node.metadata);
  return {
    ...toNodeAnnotations(node),
    [labelsAnnotation]: Object.keys(labels).length > 0 ? formatJson(labels) : null,
    [annotationsAnnotation]: Object.keys(annotations).length > 0 ? formatJson(annotations) : null,
  };
}

/** Without what came from Kubernetes, which stays there. */
function ownMetadata({ labels = {}, annotations = {} }: Metadata): Required<Pick<Metadata, "labels" | "annotations">> {
  const { [kubernetesLabelsAnnotation]: text, ...others } = annotations;
  const kubernetes = mapIn(text);
  const own = Object.entries(labels).filter(([name]) => !Object.hasOwn(kubernetes, name));
  return { labels: Object.fromEntries(own), annotations: others };
}

function mapIn(text: string | undefined): Readonly<Record<string, string>> {
  if (textOf(text) === undefined || text === undefined) return {};
  try {
    return textsOf(parseJson(text));
  } catch {
    return {};
  }
}
