/**
 * By which UID a pod is known to whom. A kubelet has static pods from files of its disk and tells CNI the hash of the file
 * for their UID; the Pod that it makes to show one has another, of the API server's, and the hash in an annotation.
 */
import { members, textOf } from "./apiObject.ts";
import type { ApiObject } from "./source.ts";

const configHash = "kubernetes.io/config.hash";

/** What the kubelet tells of the pod: CNI's K8S_POD_UID. */
export function kubeletUidOf({ metadata: { uid, annotations } }: ApiObject): string | undefined {
  return textOf(members(annotations)[configHash]) ?? uid;
}

/** Whether the pod is meant, whoever says so. */
export function isPodOfUid(pod: ApiObject, uid: string): boolean {
  return pod.metadata.uid === uid || kubeletUidOf(pod) === uid;
}

/** Whether only the Pod itself can say which one is meant. Those of the API server have dashes. */
export function isHashOfStaticPod(uid: string): boolean {
  return /^[0-9a-f]{32}$/.test(uid);
}
