/** What-if of a whole cluster, every pair of its pods before and after, beside `evaluate`, which looks at one packet at a time. */
import { apiVersion, type NetworkPolicy, type Profile, type WorkloadEndpoint } from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import { type Cluster, endpointAddresses, evaluate, verdictChanges } from "@brindle/policy";
import { elapsedMs, type Row } from "./row.ts";

const podCount = 1_000;
const policyCount = 10_000;
const namespaceCount = 50;
const appCount = 20;
const targetMs = 5_000;
const sampledPairs = 5;

export const policyDiffRow: Row = {
  name: `policy: what-if of ${policyCount.toLocaleString("en")} policies over ${podCount.toLocaleString("en")} pods`,
  unit: "ms",
  better: "lower",
  target: () => targetMs,
  async measure() {
    const before = clusterOf(policies(0));
    const after = clusterOf(policies(1));
    const sampleMs = await elapsedMs(async () => sample(before));
    let changes = 0;
    const ours = await elapsedMs(async () => {
      for (const _ of verdictChanges(before, after)) changes++;
    });
    const name = "evaluate, one packet a pair";
    return {
      anchor: { name, figure: (sampleMs / sampledPairs) * podCount * podCount },
      ours,
      notes: [
        `${changes.toLocaleString("en")} stretches of traffic change; the anchor is worked out of ${sampledPairs} pairs`,
      ],
    };
  },
};

function sample(cluster: Cluster): void {
  for (let index = 0; index < sampledPairs; index++) {
    const [source, destination] = [addressOf(cluster, index), addressOf(cluster, index * 7 + 1)];
    evaluate(cluster, { source, destination, protocol: 6, destinationPort: 8080 });
  }
}

function addressOf({ endpoints }: Cluster, index: number): Address {
  const endpoint = endpoints[index % podCount];
  const [address] = endpoint ? endpointAddresses(endpoint) : [];
  return address ?? (parseAddress("192.0.2.1") as Address);
}

function clusterOf(policies: readonly NetworkPolicy[]): Cluster {
  const profiles = Array.from({ length: namespaceCount }, (_, index) => profile(`ns-${index}`));
  return { endpoints: Array.from({ length: podCount }, (_, index) => pod(index)), policies, profiles };
}

function pod(index: number): WorkloadEndpoint {
  const namespace = `ns-${index % namespaceCount}`;
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name: `pod-${index}`, namespace, labels: { app: `app-${index % appCount}`, pod: `pod-${index}` } },
    spec: {
      orchestrator: "k8s",
      node: "node1",
      endpoint: "eth0",
      pod: `pod-${index}`,
      ipNetworks: [`10.1.${index >> 8}.${index & 255}/32`],
      profiles: [`kns.${namespace}`],
      ports: [{ name: "web", protocol: "TCP", port: 8000 + (index % 5) }],
    },
  };
}

function profile(namespace: string): Profile {
  return {
    apiVersion,
    kind: "Profile",
    metadata: { name: `kns.${namespace}` },
    spec: { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }], labelsToApply: { "pcns.team": namespace } },
  };
}

/** Ten a pod on the average, each with rules by application, by namespace and by networks; `round` moves one port in each. */
function policies(round: number): NetworkPolicy[] {
  return Array.from({ length: policyCount }, (_, index): NetworkPolicy => {
    const namespace = `ns-${index % namespaceCount}`;
    const [app, other] = [`app-${index % appCount}`, `app-${(index + 1) % appCount}`];
    return {
      apiVersion,
      kind: "NetworkPolicy",
      metadata: { name: `policy-${index}`, namespace },
      spec: {
        order: index,
        selector: index % 10 === 0 ? `pod == 'pod-${index % podCount}'` : `app == '${app}'`,
        types: ["Ingress"],
        ingress: [
          {
            action: "Allow",
            protocol: "TCP",
            source: { selector: `app == '${other}'` },
            destination: { ports: ["web"] },
          },
          {
            action: "Allow",
            protocol: "TCP",
            source: { namespaceSelector: `team == 'ns-${(index + 3) % namespaceCount}'` },
            destination: { ports: [9_000 + (index % 7) + round] },
          },
          { action: "Deny", source: { nets: [`10.1.${index % 4}.0/26`] } },
        ],
      },
    };
  });
}
