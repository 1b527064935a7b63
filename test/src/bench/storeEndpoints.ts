/** Endpoints of a large cluster, as the CNI plugin writes them: 500 nodes, 200 pods on each. */
import {
  type Key,
  operationsMax,
  type Store,
  type WorkloadEndpoint,
  type Write,
  workloadEndpointName,
} from "@brindle/api";

const podsOfNode = 200;

export function endpointKey(index: number): Key<"WorkloadEndpoint"> {
  return { kind: "WorkloadEndpoint", namespace: "prod", name: nameOf(index) };
}

/** `version` makes one state of it differ from another. */
export function endpoint(index: number, version: number): WorkloadEndpoint {
  const pod = `web-${index}`;
  const hex = index.toString(16).padStart(8, "0");
  return {
    kind: "WorkloadEndpoint",
    apiVersion: "projectcalico.org/v3",
    metadata: {
      name: nameOf(index),
      namespace: "prod",
      uid: `dfc07698-6de9-4714-8bc6-${hex.padStart(12, "0")}`,
      creationTimestamp: "2026-11-20T23:14:58Z",
      labels: {
        app: `app-${index % 300}`,
        "pod-template-hash": hex,
        "projectcalico.org/namespace": "prod",
        "projectcalico.org/orchestrator": "k8s",
        "projectcalico.org/serviceaccount": "default",
        version: String(version),
      },
    },
    spec: {
      orchestrator: "k8s",
      node: nodeOf(index),
      containerID: hex.repeat(8),
      pod,
      endpoint: "eth0",
      serviceAccountName: "default",
      ipNetworks: [
        `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`,
        `fd00::${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}/128`,
      ],
      profiles: ["kns.prod", "ksa.prod.default"],
      interfaceName: `cali${hex}abc`,
      mac: "ee:ee:ee:ee:ee:ee",
      ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    },
  };
}

export async function writeEndpoints(store: Store, count: number): Promise<void> {
  const batches = Array.from({ length: Math.ceil(count / operationsMax) }, (_, batch) => batch * operationsMax);
  const writeNext = async (): Promise<void> => {
    for (let start = batches.shift(); start !== undefined; start = batches.shift()) {
      await commitPuts(store, start, Math.min(operationsMax, count - start), 0);
    }
  };
  await Promise.all([writeNext(), writeNext(), writeNext(), writeNext()]);
}

export async function commitPuts(store: Store, start: number, length: number, version: number): Promise<void> {
  const writes = Array.from({ length }, (_, offset): Write => {
    const index = start + offset;
    return { op: "put", key: endpointKey(index), value: endpoint(index, version) };
  });
  await store.commit(writes);
}

function nameOf(index: number): string {
  return workloadEndpointName({ node: nodeOf(index), orchestrator: "k8s", pod: `web-${index}`, endpoint: "eth0" });
}

function nodeOf(index: number): string {
  return `node${Math.floor(index / podsOfNode)}`;
}
