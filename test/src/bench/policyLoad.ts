/**
 * Loads for one node with policies, in the shapes on which Felix was measured: `tag`, where policies are for whoever bears
 * one of 31 marker labels and each pod is meant by hundreds, and `app`, one policy for each application of a namespace.
 */
import {
  apiVersion,
  type GlobalNetworkPolicy,
  type NetworkPolicy,
  type Profile,
  type WorkloadEndpoint,
} from "@brindle/api";
import type { PolicyResource, PolicyUpdate } from "@brindle/policy";

export type Shape = "tag" | "app";

export interface LoadSize {
  readonly policies: number;
  readonly pods: number;
  /** Of the pods, those of `localNode`. */
  readonly local: number;
}

export const localNode = "node1";
const namespaceCount = 100;
const otherNodes = 39;
const markerDomain = "markerexample";
/** Of many lengths: labels are no uniform things. */
const markers: readonly string[] = Array.from(
  { length: 31 },
  (_, index) => `${markerDomain.slice(index % markerDomain.length)}/m${index}`,
);

export function profiles(): Profile[] {
  return Array.from({ length: namespaceCount }, (_, index) => ({
    apiVersion,
    kind: "Profile",
    metadata: { name: `kns.namespace-${index}` },
    spec: { labelsToApply: { "pcns.projectcalico.org/name": `namespace-${index}` } },
  }));
}

export function policy(shape: Shape, index: number): GlobalNetworkPolicy | NetworkPolicy {
  return shape === "tag" ? tagPolicy(index) : appPolicy(index);
}

function tagPolicy(index: number): GlobalNetworkPolicy {
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: `tag-pol-${index}` },
    spec: {
      selector: `has(${marker(index)})`,
      types: ["Ingress"],
      ingress: [0, 1, 2, 3, 4].map((more) => ({
        action: "Allow",
        source: { selector: `has(${marker(index + more)})` },
        destination: {},
      })),
    },
  };
}

function appPolicy(index: number): NetworkPolicy {
  const denied = Array.from({ length: index % 3 }, (_, at) => ({
    action: "Deny" as const,
    source: { nets: [`198.51.${index % 250}.${at}/32`] },
  }));
  return {
    apiVersion,
    kind: "NetworkPolicy",
    metadata: { name: `app-pol-${index}`, namespace: namespaceOf(index) },
    spec: {
      selector: `app == 'app-${Math.floor(index / namespaceCount)}'`,
      types: ["Ingress", "Egress"],
      ingress: [
        {
          action: "Allow",
          protocol: "TCP",
          source: { selector: `role == 'role-${index % 50}'` },
          destination: { ports: [80, 443] },
        },
        {
          action: "Allow",
          source: { namespaceSelector: `projectcalico.org/name == '${namespaceOf(index + 1)}'` },
        },
        ...denied,
      ],
      egress: [
        { action: "Allow", protocol: "UDP", destination: { ports: [53] } },
        { action: "Allow", destination: { selector: `role == 'role-${(index + 1) % 50}'` } },
      ],
    },
  };
}

/** Pods beyond the size of the load are local ones that come later. */
export function pod(shape: Shape, index: number, size: LoadSize, more: Record<string, string> = {}): WorkloadEndpoint {
  const isLocal = index < size.local || index >= size.pods;
  const node = isLocal ? localNode : `node${2 + ((index - size.local) % otherNodes)}`;
  const address = `10.${128 + ((index + 1) >> 16)}.${((index + 1) >> 8) & 255}.${(index + 1) & 255}`;
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: {
      name: `${node}-k8s-pod--${index}-eth0`,
      namespace: namespaceOf(index),
      labels: { ...labelsOf(shape, index), ...more },
    },
    spec: {
      orchestrator: "k8s",
      node,
      pod: `pod-${index}`,
      endpoint: "eth0",
      ipNetworks: [`${address}/32`],
      profiles: [`kns.${namespaceOf(index)}`],
      interfaceName: `cali${index.toString(16).padStart(11, "0")}`,
    },
  };
}

function labelsOf(shape: Shape, index: number): Record<string, string> {
  const common = { "projectcalico.org/namespace": namespaceOf(index), "projectcalico.org/orchestrator": "k8s" };
  if (shape === "app") {
    return { ...common, app: `app-${Math.floor(index / namespaceCount) % 100}`, role: `role-${index % 50}` };
  }
  const parts = [10, 11, 20, 30, 40].map((part) => [`one-in-${part}`, `value-${(index + 1) % part}`]);
  return { ...common, ...Object.fromEntries(parts), [marker(index + 1)]: "true" };
}

/** All of it, in the order in which a datastore tells it. */
export function* everything(shape: Shape, size: LoadSize): Generator<PolicyResource> {
  for (let index = 0; index < size.policies; index++) yield policy(shape, index);
  yield* profiles();
  for (let index = size.local; index < size.pods; index++) yield pod(shape, index, size);
  for (let index = 0; index < size.local; index++) yield pod(shape, index, size);
}

export function updateOf(value: PolicyResource): PolicyUpdate {
  const { name, namespace } = value.metadata;
  return { key: { kind: value.kind, name, ...(namespace !== undefined && { namespace }) }, value };
}

export function marker(index: number): string {
  return markers[index % markers.length] ?? "";
}

function namespaceOf(index: number): string {
  return `namespace-${index % namespaceCount}`;
}
