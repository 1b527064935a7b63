/** The pods between which recipes of policies are tried, and the client outside: each sends and notes what arrives. */
import { isIPv6 } from "node:net";
import { entries, field, list } from "../fixtures/json.ts";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";
import { underlay } from "../fixtures/kubeadm/plan.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type ProbeOrder, Prober } from "../oracle/probe.ts";
import { type Connection, namespaceLabels, type Peer } from "../oracle/recipes.ts";
import { clientOf, type Place } from "./places.ts";
import { apply, networkOf } from "./pods.ts";
import { podOf, type WebPod } from "./web.ts";

export interface RecipePeers extends AsyncDisposable {
  /** Of each connection, in each family that both ends have: whether its packet arrives. */
  arrivals(connections: readonly Connection[]): Promise<Arrival[]>;
}

export interface Arrival {
  readonly connection: Connection;
  readonly address: string;
  readonly arrived: boolean;
}

/** What is let through arrives within a millisecond or two; this is for a machine that is busy. */
const graceMs = 150;

interface End {
  readonly addresses: readonly string[];
  readonly prober: Prober;
}

export async function startRecipePeers(cluster: Cluster, connections: readonly Connection[]): Promise<RecipePeers> {
  await using undo = new AsyncDisposableStack();
  const peers = new Map(
    connections.flatMap(({ from, to }) => [from, to]).flatMap((peer) => (peer === null ? [] : [[keyOf(peer), peer]])),
  );
  const ports = [...new Set(connections.map(portOf))];
  undo.defer(() => removePods(cluster));
  const arrived = new Set<string>();
  const startAt = async (place: Place, addresses: readonly string[]): Promise<End> => {
    const prober = await Prober.start(place, ports, (report) => report.type === "passed" && arrived.add(report.id));
    return { addresses, prober: undo.use(prober) };
  };
  const outside = await startAt(
    clientOf(cluster),
    underlay.clientAddresses.map((address) => address.split("/")[0] ?? ""),
  );
  const ends = new Map<string, End>();
  for (const [key, pod] of await startPods(cluster, [...peers])) {
    ends.set(key, await startAt(await networkOf(cluster, pod), pod.addresses));
  }
  const endOf = (peer: Peer | null): End => (peer && ends.get(keyOf(peer))) || outside;

  let count = 0;
  const orderOf = (connection: Connection, source: string, destination: string): ProbeOrder => {
    const { protocol = 6 } = connection;
    count += 1;
    const sourcePort = 10_000 + (count % 40_000);
    return {
      id: `probe ${count}`,
      protocol: protocol === 17 ? "udp" : "tcp",
      source,
      sourcePort,
      destination,
      destinationPort: portOf(connection),
    };
  };
  const made = undo.move();
  return {
    async arrivals(wanted) {
      const tries = wanted.flatMap((connection) => {
        const [from, to] = [endOf(connection.from), endOf(connection.to)];
        return from.addresses.flatMap((source) =>
          to.addresses
            .filter((destination) => isIPv6(destination) === isIPv6(source))
            .map((destination) => ({
              connection,
              prober: from.prober,
              order: orderOf(connection, source, destination),
            })),
        );
      });
      for (const { prober, order } of tries) prober.tell({ type: "send", orders: [order] });
      const expected = tries.filter(({ connection }) => connection.allowed);
      const all = () => expected.every(({ order }) => arrived.has(order.id));
      // One that is missing shows in the answer.
      await waitFor(all, { what: "what is allowed has arrived", deadlineMs: 1_000, intervalMs: 5 }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, graceMs));
      for (const prober of new Set(tries.map((one) => one.prober))) prober.tell({ type: "end" });
      return tries.map(({ connection, order: { id, destination } }) => {
        return { connection, address: destination, arrived: arrived.has(id) };
      });
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

const label = { "made-for": "recipes" };
const selector = entries(label).map(([key, value]) => `${key}=${value}`);

/** Spread over the nodes. They run and are never ready, so that no Service, CoreDNS' own among them, sends anybody there. */
async function startPods(cluster: Cluster, peers: readonly [string, Peer][]): Promise<[string, WebPod][]> {
  const { kubectl, nodes } = cluster;
  const named = peers.map(([key, peer], index) => ({ key, peer, name: `recipe-${index}` }));
  for (const [name, labels] of Object.entries(namespaceLabels)) {
    if (!["default", "kube-system"].includes(name)) {
      await apply(cluster, { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    }
  }
  await apply(
    cluster,
    ...named.map(({ peer: { namespace, labels }, name }, index) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { ...labels, ...label } },
      spec: {
        nodeName: nodes[index % nodes.length]?.name,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "idle",
            image: testImage,
            imagePullPolicy: "Never",
            command: ["sleep", "86400"],
            readinessProbe: { exec: { command: ["false"] } },
          },
        ],
      },
    })),
  );
  return waitFor(
    async (saw) => {
      const items = list(
        field(JSON.parse(await kubectl(["get", "pods", "-A", "-l", ...selector, "-o", "json"])), "items"),
      );
      const found = items.filter((pod) => field(pod, "status", "phase") === "Running").map(podOf);
      saw(found);
      const pods = named.flatMap(({ key, name }): [string, WebPod][] => {
        const pod = found.find((candidate) => candidate.name === name);
        return pod === undefined ? [] : [[key, pod]];
      });
      return pods.length === named.length && pods;
    },
    { what: "the pods of the recipes run", deadlineMs: 60_000, intervalMs: 200 },
  );
}

async function removePods({ kubectl }: Cluster): Promise<void> {
  for (const namespace of Object.keys(namespaceLabels)) {
    await kubectl(["delete", "pods", "-n", namespace, "-l", ...selector], { deadlineMs: 60_000 });
  }
}

function portOf({ port = 80 }: Connection): number {
  return port;
}

function keyOf({ namespace, labels }: Peer): string {
  return JSON.stringify([namespace, Object.entries(labels).sort()]);
}
