/** NetworkPolicies of Kubernetes itself, as Calico's that mean the same. */
import { apiVersion } from "../kinds/resource.ts";
import { type Members, members } from "./apiObject.ts";
import { convertedUid } from "./convertedUid.ts";
import { Reader } from "./manifestReader.ts";
import {
  convertedNamePrefix,
  convertedOrder,
  convertNetworkPolicy,
  podSelectorText,
} from "./networkPolicyConversion.ts";
import { readLabelSelector } from "./networkPolicyReading.ts";
import { undecodable } from "./reading.ts";
import { readOnlySource } from "./readOnlySource.ts";
import type { ApiObject, Reading, Source } from "./source.ts";

export const networkPolicySource: Source<"NetworkPolicy"> = readOnlySource({
  kind: "NetworkPolicy",
  resource: {
    group: "networking.k8s.io",
    version: "v1",
    plural: "networkpolicies",
    kind: "NetworkPolicy",
    namespaced: true,
  },
  read,
  locate: ({ namespace, name }) =>
    namespace !== undefined && name.startsWith(convertedNamePrefix)
      ? { namespace, name: name.slice(convertedNamePrefix.length) }
      : null,
  narrowsToNamespace: true,
});

function read(object: ApiObject): Reading<"NetworkPolicy"> {
  // An entry of a listing does not say what it is.
  const manifest = { ...object, apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" };
  const converted = convertNetworkPolicy(manifest);
  const { namespace = "default", name } = object.metadata;
  const key = { kind: "NetworkPolicy", namespace, name: `${convertedNamePrefix}${name}` } as const;
  if (converted.kind === "converted") {
    const { metadata, ...policy } = converted.policy;
    return { type: "value", key, value: { ...policy, metadata: { ...metadata, ...provenance(object) } } };
  }
  const reason = converted.faults
    .slice(0, 3)
    .map(({ path, reason }) => `${path}: ${reason}`)
    .join("; ");
  return undecodable(key, reason, closedPolicy(object, { namespace, name: key.name }));
}

/** Which one it is, and since when. */
export function provenance({ metadata: { uid, creationTimestamp } }: ApiObject): {
  readonly uid?: string;
  readonly creationTimestamp?: string;
} {
  const converted = convertedUid(uid);
  return {
    ...(converted !== undefined && { uid: converted }),
    ...(typeof creationTimestamp === "string" && { creationTimestamp }),
  };
}

/** Whom it selects, as far as that can be read: without a selector, every pod of the namespace. No rule of it allows anything. */
function closedPolicy({ spec }: ApiObject, metadata: Members): Members {
  const { podSelector, policyTypes, egress } = members(spec);
  const reader = new Reader(podSelector);
  const selector = readLabelSelector(reader);
  const everyPod = { matchLabels: {}, matchExpressions: [] };
  return {
    apiVersion,
    kind: "NetworkPolicy",
    metadata,
    spec: {
      order: convertedOrder,
      selector: podSelectorText(reader.faults.length === 0 ? selector : everyPod),
      types: Array.isArray(policyTypes) ? policyTypes : ["Ingress", ...(egress === undefined ? [] : ["Egress"])],
    },
  };
}
