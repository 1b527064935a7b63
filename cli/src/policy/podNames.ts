/** By which names a person knows a pod. */
import type { WorkloadEndpoint } from "@brindle/api";

/** `namespace/name`, where the namespace may be left out. */
export function placed(name: string, namespace: string): string {
  return name.includes("/") ? name : `${namespace}/${name}`;
}

/** Of its endpoint, and of the pod. */
export function namesOf(endpoint: WorkloadEndpoint): string[] {
  const { pod, workload } = endpoint.spec;
  const owner = pod ?? workload;
  return [fullName(endpoint), ...(owner === undefined ? [] : [`${endpoint.metadata.namespace}/${owner}`])];
}

export function fullName({ metadata }: WorkloadEndpoint): string {
  return `${metadata.namespace}/${metadata.name}`;
}
