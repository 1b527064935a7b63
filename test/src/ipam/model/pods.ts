/** Pods of the model, and the endpoints that are theirs. */
import { type Store, type WorkloadEndpoint, type Write, workloadEndpointName } from "@brindle/api";

export interface Pod {
  readonly name: string;
  readonly node: string;
  readonly uid: string;
  container: string;
  /** `null` while it was told nothing. */
  told: readonly string[] | null;
}

export function handleOf(container: string): string {
  return `net.${container}`;
}

/** Where endpoints are pods, what goes is the annotations. */
export async function endpointGoes(
  pod: Pod,
  container: string,
  store: Pick<Store, "get" | "transactions">,
): Promise<readonly Write[]> {
  const { key } = endpointWrite(pod, []);
  const present = await store.get(key);
  if (present?.value.spec.containerID !== container) return [];
  if (store.transactions === "single") return [endpointWrite(pod, [])];
  return [{ op: "delete", key, revision: present.revision }];
}

export type PutEndpoint = Extract<Write, { readonly op: "put" }>;

export function endpointWrite(
  { name: pod, node, uid, container }: Omit<Pod, "told">,
  addresses: readonly string[],
): PutEndpoint & {
  readonly key: { readonly kind: "WorkloadEndpoint"; readonly namespace: string; readonly name: string };
} {
  const name = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
  const value: WorkloadEndpoint = {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { namespace: "default", name, annotations: { "brindle.network/pod-uid": uid } },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0" },
      ...(addresses.length > 0 && { containerID: container }),
      ...(addresses.length > 0 && {
        ipNetworks: addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
      }),
    },
  };
  return { op: "put" as const, key: { kind: "WorkloadEndpoint" as const, namespace: "default", name }, value };
}

/** Whether any of the others is of its family. */
export function sameFamily(address: string, others: readonly string[]): boolean {
  return others.some((other) => other.includes(":") === address.includes(":"));
}
