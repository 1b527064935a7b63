/** The recipes are converted, and evaluated for the connections that each talks about. Packets: `src/kubeadm/recipes.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkloadEndpoint } from "@brindle/api";
import { apiVersion, convertNetworkPolicy } from "@brindle/api";
import { type Cluster, evaluate, type Packet } from "@brindle/policy";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { recording } from "../fixtures/recordings.ts";
import { parseClusterAddress } from "./oracle.ts";
import { type Connection, namespaceLabels, ownConnections, ownRecipe, type Peer, recipes } from "./recipes.ts";

const folder = recording("netpol-recipes");

describe("recipes", () => {
  it("of our own converts and means what it says", () => expectMeaning(ownRecipe, ownConnections));

  for (const { file, connections } of folder === null ? [] : recipes) {
    it(`${file} converts and means what it says`, () =>
      expectMeaning(readFileSync(join(folder ?? "", file), "utf8"), connections));
  }
});

function expectMeaning(document: string, connections: readonly Connection[]): void {
  const conversion = convertNetworkPolicy(parse(document));
  if (conversion.kind === "invalid") expect.fail(JSON.stringify(conversion.faults));
  for (const connection of connections) {
    const { verdict } = evaluate(clusterOf(connection, conversion.policy), packetOf(connection));
    expect([connection, verdict]).toEqual([connection, connection.allowed ? "allow" : "deny"]);
  }
}

const clientAddress = "10.0.0.1";
const serverAddress = "10.0.0.2";

function clusterOf({ from, to }: Connection, policy: Cluster["policies"][number]): Cluster {
  const endpoints = [endpointOf("client", from, clientAddress), endpointOf("server", to, serverAddress)];
  return {
    endpoints: endpoints.filter((endpoint) => endpoint !== null),
    policies: [policy],
    profiles: (["default", "other", "kube-system"] as const).map((namespace) => ({
      apiVersion,
      kind: "Profile",
      metadata: { name: `kns.${namespace}` },
      spec: {
        ingress: [{ action: "Allow" }],
        egress: [{ action: "Allow" }],
        labelsToApply: {
          "pcns.kubernetes.io/metadata.name": namespace,
          ...Object.fromEntries(
            Object.entries(namespaceLabels[namespace]).map(([key, value]) => [`pcns.${key}`, value]),
          ),
        },
      },
    })),
  };
}

function endpointOf(name: string, peer: Peer | null, address: string): WorkloadEndpoint | null {
  if (!peer) return null;
  const { namespace, labels } = peer;
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels },
    spec: {
      orchestrator: "k8s",
      node: "node1",
      endpoint: "eth0",
      ipNetworks: [`${address}/32`],
      profiles: [`kns.${namespace}`],
    },
  };
}

function packetOf({ port = 80, protocol = 6 }: Connection): Packet {
  const [source, destination] = [parseClusterAddress(clientAddress), parseClusterAddress(serverAddress)];
  return { source, destination, protocol, sourcePort: 40_000, destinationPort: port };
}
