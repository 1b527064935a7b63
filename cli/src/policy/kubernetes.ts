/**
 * Objects of Kubernetes in manifests, as the datastore Kubernetes reads them: pods with their addresses, namespaces and service
 * accounts as profiles, nodes, ClusterNetworkPolicies. So what `kubectl get -o yaml` has written is a cluster to ask.
 */
import {
  type AnyKindOfResource,
  type ApiObject,
  clusterPolicySource,
  type HostPod,
  isRecord,
  type Key,
  namespaceSource,
  nodeSource,
  podSource,
  readHostPod,
  type Source,
  serviceAccountSource,
  type Undecodable,
} from "@brindle/api";
import type { ManifestDocument } from "../manifest/documents.ts";
import { isOfServices } from "./services.ts";

export interface KubernetesObjects {
  readonly resources: readonly AnyKindOfResource[];
  readonly hostPods: readonly HostPod[];
  /** What is closed for it, or left out. */
  readonly undecodable: readonly Undecodable[];
  /** What says nothing of policy, in words; `null` where there is no such thing. */
  readonly leftOut: string | null;
}

const sources: readonly Source[] = [podSource, nodeSource, namespaceSource, serviceAccountSource, clusterPolicySource];
/** What is of these groups is a resource, or a mistake that has to be told. */
const groupsOfPolicy = /^(crd\.)?projectcalico\.org\/|^brindle\.network\/|^(policy\.)?networking\.k8s\.io\//;

/** Whether it is no resource of ours and no policy that is converted as it is read. */
export function isOfKubernetes(value: unknown): value is ApiObject {
  if (!isRecord(value) || !isRecord(value.metadata) || typeof value.metadata.name !== "string") return false;
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return false;
  return sourceOf(value) !== undefined || isBesidePolicy({ apiVersion, kind });
}

/** Ingresses are of the group of NetworkPolicies. */
function isBesidePolicy({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): boolean {
  return !groupsOfPolicy.test(apiVersion) || (apiVersion.startsWith("networking.k8s.io/") && kind !== "NetworkPolicy");
}

export function kubernetesIn(documents: readonly ManifestDocument[], namespace: string): KubernetesObjects {
  const objects = documents.flatMap(({ value }) => (isOfKubernetes(value) ? [placed(value, namespace)] : []));
  const readings = [...objects, ...surroundingsOf(objects)].flatMap((object) => sourceOf(object)?.read(object) ?? []);
  const others = objects.filter((object) => sourceOf(object) === undefined && !isOfServices(object));
  return {
    resources: readings.flatMap((one) => (one.type === "value" ? [one.value as AnyKindOfResource] : [])),
    hostPods: objects.flatMap((object) => (object.kind === "Pod" && readHostPod(object)) || []),
    undecodable: readings.flatMap((one) =>
      one.type === "undecodable" ? [{ key: one.key as Key, reason: one.reason, partial: one.partial }] : [],
    ),
    leftOut: others.length > 0 ? `left out, as they say nothing of policy: ${counted(others)}` : null,
  };
}

function sourceOf({ apiVersion, kind }: Readonly<Record<string, unknown>>): Source | undefined {
  return sources.find(({ resource: { group, version, kind: of } }) => {
    return of === kind && apiVersion === (group === "" ? version : `${group}/${version}`);
  });
}

function placed(object: ApiObject, namespace: string): ApiObject {
  const isNamespaced = sourceOf(object)?.resource.namespaced ?? false;
  return isNamespaced ? { ...object, metadata: { namespace, ...object.metadata } } : object;
}

/** The namespaces and service accounts of pods, where nothing tells of them: Kubernetes has no pod without. */
function surroundingsOf(objects: readonly ApiObject[]): ApiObject[] {
  const named = (kind: string, name: string, namespace?: string): ApiObject => ({
    apiVersion: "v1",
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }), labels: { "kubernetes.io/metadata.name": name } },
  });
  const pods = objects.filter(({ kind }) => kind === "Pod");
  const wanted = pods.flatMap(({ metadata: { namespace = "default" }, spec }) => {
    const account = isRecord(spec) ? spec.serviceAccountName : undefined;
    const { labels: _, ...ofAccount } = named("ServiceAccount", String(account), namespace).metadata;
    return [
      named("Namespace", namespace),
      ...(typeof account === "string" ? [{ apiVersion: "v1", kind: "ServiceAccount", metadata: ofAccount }] : []),
    ];
  });
  const told = new Set(objects.map(nameOf));
  return [...new Map(wanted.map((object) => [nameOf(object), object])).values()].filter(
    (object) => !told.has(nameOf(object)),
  );
}

function nameOf({ kind, metadata: { namespace, name } }: ApiObject): string {
  return `${String(kind)} ${namespace ?? ""}/${name}`;
}

/** `3 Deployment, 1 ConfigMap`. */
function counted(objects: readonly ApiObject[]): string {
  const byKind = Map.groupBy(objects, ({ kind }) => String(kind));
  return [...byKind].map(([kind, of]) => `${of.length} ${kind}`).join(", ");
}
