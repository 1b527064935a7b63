/**
 * Addresses that this agent has given and the datastore does not tell yet. Of a Pod the kubelet's word goes before the
 * plugin's, as in Calico, and after a new sandbox the kubelet still says the old address until it has heard of the new
 * one: which it does when ADD is answered, and ADD waits for the policy of the new address.
 */
import type { Key, WorkloadEndpoint } from "@brindle/api";

export class AddedPods {
  /** By namespace and name, until the datastore says the same, or that the pod is gone. */
  readonly #endpoints = new Map<string, WorkloadEndpoint>();

  note(endpoint: WorkloadEndpoint): void {
    this.#endpoints.set(idOf(endpoint.metadata), endpoint);
  }

  /** What is told, with the addresses that its container really has. */
  corrected(key: Key<"WorkloadEndpoint">, told: WorkloadEndpoint | null): WorkloadEndpoint | null {
    const id = idOf(key);
    const added = this.#endpoints.get(id);
    if (!added) return told;
    if (told && told.spec.containerID !== added.spec.containerID) return told;
    const { ipNetworks = [] } = added.spec;
    if (!told || String(told.spec.ipNetworks) === String(ipNetworks)) {
      this.#endpoints.delete(id);
      return told;
    }
    return { ...told, spec: { ...told.spec, ipNetworks } };
  }
}

function idOf({ namespace = "", name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
