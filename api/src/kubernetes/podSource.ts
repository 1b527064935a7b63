/** An endpoint of a pod is the Pod itself, with what the CNI plugin noted in its annotations. */
import { formatJson } from "../json/json.ts";
import type { WorkloadEndpoint } from "../kinds/workloadEndpoint.ts";
import { parseWorkloadEndpointName } from "../kinds/workloadEndpointName.ts";
import { formatKey } from "../store/request.ts";
import type { Key, Scope } from "../store/store.ts";
import { type Members, members } from "./apiObject.ts";
import { apiPath } from "./apiPath.ts";
import { podAnnotations, podUidAnnotation, readPod } from "./podEndpoint.ts";
import { isHashOfStaticPod, isPodOfUid } from "./podUid.ts";
import { conflict, refuse, send } from "./requests.ts";
import type { ApiName, ApiObject, ApiRequest, ApiResource, Narrowing, Source, WritePlan } from "./source.ts";

const resource: ApiResource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };

/** The one interface that Kubernetes knows of. */
const endpointName = "eth0";

export const podSource: Source<"WorkloadEndpoint"> = {
  kind: "WorkloadEndpoint",
  resource,
  read: readPod,
  locate: (key) => {
    const at = podOf(key);
    return at ? [at] : [];
  },
  narrow: narrowToPods,
  needsCurrent: (op) => op === "create",
  write: (write, current) => {
    const at = podOf(write.key);
    if (!at)
      return refuse(`${formatKey(write.key)}: Kubernetes holds the interface eth0 of pods, and no other endpoint`);
    if (write.op === "create") return create(at, write.value, current);
    if (write.op === "put") return overwrite(at, write.value, current);
    const annotations = write.op === "delete" ? cleared : noted(write.value);
    return send(patch(at, { resourceVersion: write.revision, annotations }));
  },
};

/** A pod that has no address yet has an endpoint already, which says nothing but that it will be. */
function create(at: ApiName, value: WorkloadEndpoint, current: ApiObject | null | undefined): WritePlan {
  if (!current) return refuse(`Pod ${at.namespace}/${at.name} does not exist: Kubernetes makes pods`);
  const { nodeName, hostNetwork } = members(current.spec);
  if (nodeName !== value.spec.node) return refuse(`Pod ${at.namespace}/${at.name} is not on node ${value.spec.node}`);
  if (hostNetwork === true) return refuse(`Pod ${at.namespace}/${at.name} is in the network of its node`);
  const there = readPod(current);
  const isTaken = there.type === "undecodable" || (there.type === "value" && there.value.spec.ipNetworks !== undefined);
  if (isTaken) return conflict;
  const uid = uidOf(value);
  if (uid !== undefined && !isPodOfUid(current, uid)) return conflict;
  const { resourceVersion } = current.metadata;
  return send(patch(at, { uid: uid && current.metadata.uid, resourceVersion, annotations: noted(value) }));
}

/** Whatever the kubelet writes meanwhile; never on the next pod of that name. */
function overwrite(at: ApiName, value: WorkloadEndpoint, current: ApiObject | null | undefined): WritePlan {
  const uid = uidOf(value);
  if (current === null) return conflict;
  if (uid === undefined) return send(patch(at, { annotations: noted(value) }));
  // Which Pod stands for a hash only that Pod says: with the conflict it is asked for.
  if (current === undefined)
    return isHashOfStaticPod(uid) ? conflict : send(patch(at, { uid, annotations: noted(value) }));
  return isPodOfUid(current, uid)
    ? send(patch(at, { uid: current.metadata.uid, annotations: noted(value) }))
    : conflict;
}

function podOf({ namespace, name }: Key<"WorkloadEndpoint">): (ApiName & { readonly namespace: string }) | null {
  const identity = parseWorkloadEndpointName(name);
  if (!identity?.pod || identity.endpoint !== endpointName || namespace === undefined) return null;
  return { namespace, name: identity.pod };
}

/**
 * Of one node, where the prefix names it: its part of a name ends with a single dash. Pods without a node have no
 * endpoint.
 */
function narrowToPods({ namespace, namePrefix = "" }: Scope): Narrowing {
  const [node, orchestrator] = namePrefix.replaceAll("--", "\0").split("-");
  const isWhole = node !== undefined && node !== "" && orchestrator !== undefined && orchestrator !== "";
  const fieldSelector = isWhole ? `spec.nodeName=${node.replaceAll("\0", "-")}` : "spec.nodeName!=";
  return { ...(namespace !== undefined && { namespace }), fieldSelector };
}

/** Of whom the writer believes the pod to be. A pod of a StatefulSet is followed by another of its name. */
function uidOf({ metadata: { annotations, uid } }: WorkloadEndpoint): string | undefined {
  return annotations?.[podUidAnnotation] ?? uid;
}

/** An empty address tells every reader that the pod has none any more, however long its Pod still exists. */
const cleared = { [podAnnotations.address]: "", [podAnnotations.addresses]: "" };

function noted({ spec: { ipNetworks = [], containerID } }: WorkloadEndpoint): Readonly<Record<string, string>> {
  return {
    [podAnnotations.address]: ipNetworks[0] ?? "",
    [podAnnotations.addresses]: ipNetworks.join(","),
    ...(containerID !== undefined && { [podAnnotations.container]: containerID }),
  };
}

/** Whoever may write a pod's status may annotate it so. UID and version, where they are given, must be the pod's. */
function patch(at: ApiName, metadata: Members): ApiRequest {
  return {
    method: "PATCH",
    path: apiPath(resource, at, "status"),
    contentType: "application/strategic-merge-patch+json",
    body: formatJson({ metadata }),
  };
}
