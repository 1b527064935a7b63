/**
 * What policy costs the traffic of a flow that is open: two pods of one node, beside another two of a node without policy. One
 * stream of TCP, and echo requests one after the other; all nodes in turn, so that they share what else the machine does.
 *
 * Both nodes have what every node of kubeadm has before a network with policy comes to it: the tables of kube-proxy in the mode
 * it has unless told otherwise (iptables), and pods wired as an agent does it. Two more nodes tell what of that costs how much:
 * one on which connections are tracked, for masquerading, and no rule is on the way of packets, and one without any of it.
 *
 * That the target counts from the node of kubeadm is a choice: it is where policy is used. It decides, too. Policy takes the
 * place of what packets meet there, and beside the node that only tracks it adds more than the target lets it, with nft. So
 * the notes tell what it adds there. All of it is IPv4.
 */
import { fileURLToPath } from "node:url";
import { apiVersion, type GlobalNetworkPolicy } from "@brindle/api";
import type { TablesBackend } from "@brindle/net";
import { openIpsetSocket, openTables } from "@brindle/net/shell";
import { PolicyGraph } from "@brindle/policy";
import { Enforcer } from "@brindle/policy/shell";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { kubeProxyTables, masqueradingTables } from "./kubeProxyTables.ts";
import { localNode, pod, profiles, updateOf } from "./policyLoad.ts";
import { type Measured, median, type Row } from "./row.ts";

const policyCount = 10_000;
const policiesOfPod = 50;
const size = { policies: policyCount, pods: 10_000, local: 250 };
const markers = policyCount / policiesOfPod;
/** The pods of the node have these, so that as many times 50 policies are in force there. */
const markersHere = 5;
/** In the order in which more is added; the last has policy. */
const kinds = ["bare", "tracking", "kubeadm", "policed"] as const;
type NodeKind = (typeof kinds)[number];

/** Each node is the first as often as any other (`turned`). */
const rounds = 2 * kinds.length;
const echoes = 10_000;
/** The least of so many is what the packets cost; of few, on a machine that does something else beside, it is not. */
const echoRounds = 10 * kinds.length;
const throughputShare = 0.95;
const moreMicrosMax = 1;
const hostMac = "ee:ee:ee:ee:ee:ee";
/** Of `rp_filter`, as the agent has it at pods' interfaces. */
const strictReversePath = 1;
const streamProgram = fileURLToPath(new URL("policyStream.ts", import.meta.url));

interface Node {
  readonly router: Namespace;
  readonly pods: readonly [Namespace, Namespace];
}

/** The first two pods of the load, wired as an agent does it. */
async function createNode(instance: Instance, label: string, stack: AsyncDisposableStack): Promise<Node> {
  const router = stack.use(await createNamespace(`${label}r`, { instance, forwarding: true }));
  const wire = async (index: number): Promise<Namespace> => {
    const own = stack.use(await createNamespace(`${label}${index}`, { instance }));
    const { interfaceName = "", ipNetworks = [] } = pod("app", index, size).spec;
    const [address = ""] = ipNetworks;
    const mac = `02:00:00:00:00:0${index + 1}`;
    await linkNamespaces(
      { namespace: router, name: interfaceName, mac: hostMac },
      { namespace: own, name: "eth0", mac, addresses: [address] },
    );
    await own.ip("route add 169.254.1.1 dev eth0");
    await own.ip("route add default via 169.254.1.1");
    await own.ip(`neighbor add 169.254.1.1 lladdr ${hostMac} dev eth0 nud permanent`);
    await router.sysctl({ [`net.ipv4.conf.${interfaceName}.rp_filter`]: strictReversePath });
    await router.ip(`route add ${address} dev ${interfaceName}`);
    await router.ip(`neighbor add ${address.split("/")[0]} lladdr ${mac} dev ${interfaceName} nud permanent`);
    return own;
  };
  return { router, pods: [await wire(0), await wire(1)] };
}

/** Of which 50 are for each pod, and the last of these is the one that allows. */
function policy(index: number): GlobalNetworkPolicy {
  const isLast = index >= policyCount - markers;
  const from = isLast ? "all()" : `m == 'none-${index % 31}'`;
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: `of-marker-${index}` },
    spec: {
      order: index,
      selector: `m == 'm${index % markers}'`,
      types: ["Ingress", "Egress"],
      ingress: [{ action: "Allow", source: { selector: from } }],
      egress: [{ action: "Allow", destination: { selector: from } }],
    },
  };
}

async function enforce({ router }: Node, backend: TablesBackend): Promise<void> {
  const graph = new PolicyGraph({ node: localNode });
  for (let index = 0; index < policyCount; index++) graph.receive(updateOf(policy(index)));
  for (const profile of profiles()) graph.receive(updateOf(profile));
  for (let index = 0; index < size.pods; index++) {
    graph.receive(updateOf(pod("app", index, size, { m: `m${index % (index < size.local ? markersHere : markers)}` })));
  }
  using sets = await openIpsetSocket({ namespace: router.path, timeoutMs: 60_000 });
  const tables = ([4, 6] as const).map((family) => openTables({ family, backend, namespace: router.path }));
  const { promise: failure, reject } = Promise.withResolvers<never>();
  const enforcer = new Enforcer({ tables, sets, schedule: () => () => {}, onFailure: reject });
  await Promise.race([enforcer.apply(graph.desired()), failure]);
  await enforcer.close();
}

/** In µs: of as many echo requests one after the other, the mean. */
async function roundTripMicros({ pods: [from] }: Node): Promise<number> {
  const to = addressOf(1);
  const args = ["-c", "0", "ping", "-f", "-q", "-c", String(echoes), to];
  const output = await from.exec("taskset", args, { deadlineMs: 60_000 });
  const [, received] = /(\d+) received/.exec(output) ?? [];
  const [, ms] = /time (\d+)\s*ms/.exec(output) ?? [];
  if (Number(received) !== echoes) throw new Error(`of ${echoes} echo requests ${received} were answered`);
  return (Number(ms) / echoes) * 1000;
}

/** In Gbit/s. */
async function throughput({ pods: [from, to] }: Node): Promise<number> {
  const program = ["--conditions=brindle-source", streamProgram];
  const receiver = to.spawn(process.execPath, [...program, "receive"]);
  try {
    return Number(await from.exec(process.execPath, [...program, "send", addressOf(1)], { deadlineMs: 60_000 }));
  } finally {
    await receiver.stop();
  }
}

function addressOf(index: number): string {
  return (pod("app", index, size).spec.ipNetworks?.[0] ?? "").split("/")[0] ?? "";
}

interface Figure {
  readonly gbits: number;
  readonly micros: number;
}

type Figures = Readonly<Record<NodeKind, Figure>>;

async function prepare(kind: NodeKind, node: Node, backend: TablesBackend): Promise<Node> {
  const restore = (input: string): Promise<string> =>
    node.router.exec(`iptables-${backend}-restore`, ["--noflush"], { input });
  if (kind === "tracking") await restore(masqueradingTables);
  if (kind === "kubeadm" || kind === "policed") await restore(kubeProxyTables);
  if (kind === "policed") await enforce(node, backend);
  return node;
}

async function measure(instance: Instance, backend: TablesBackend): Promise<Figures> {
  await using stack = new AsyncDisposableStack();
  const nodes: { readonly kind: NodeKind; readonly node: Node }[] = [];
  for (const kind of kinds) {
    nodes.push({ kind, node: await prepare(kind, await createNode(instance, `b${kind}`, stack), backend) });
  }
  const micros = new Map<NodeKind, number[]>();
  const gbits = new Map<NodeKind, number[]>();
  for (let round = 0; round < echoRounds; round++) {
    for (const { kind, node } of turned(nodes, round)) note(micros, kind, await roundTripMicros(node));
  }
  for (let round = 0; round < rounds; round++) {
    for (const { kind, node } of turned(nodes, round)) note(gbits, kind, await throughput(node));
  }
  const of = (kind: NodeKind): Figure => ({
    gbits: median(gbits.get(kind) ?? []),
    micros: Math.min(...(micros.get(kind) ?? [])),
  });
  return { bare: of("bare"), tracking: of("tracking"), kubeadm: of("kubeadm"), policed: of("policed") };
}

function note(figures: Map<NodeKind, number[]>, kind: NodeKind, figure: number): void {
  figures.set(kind, [...(figures.get(kind) ?? []), figure]);
}

/** Another one is the first in each of as many rounds as there are. */
function turned<T>(all: readonly T[], round: number): T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

function rowsOf(backend: TablesBackend): Row[] {
  let measured: Promise<Figures> | undefined;
  const figures = (instance: Instance): Promise<Figures> => {
    measured ??= measure(instance, backend);
    return measured;
  };
  const name = `policy: pod to pod, 10,000 policies of which ${policiesOfPod} are for the pod, ${backend}`;
  const reading = async (instance: Instance, of: keyof Figure, unit: string): Promise<Measured> => {
    const { bare, tracking, kubeadm, policed } = await figures(instance);
    const said = (figure: Figure): string => `${figure[of].toFixed(1)} ${unit}`;
    const more = policed[of] - tracking[of];
    return {
      anchor: { name: "no policy beside kube-proxy", figure: kubeadm[of] },
      ours: policed[of],
      notes: [
        "IPv4; kube-proxy in the mode iptables, and the target counts from a node with it",
        `with no tables at all: ${said(bare)}; where connections are tracked and masqueraded, and no rule is met: ${said(tracking)}, from which policy is ${more < 0 ? "" : "+"}${more.toFixed(1)} ${unit}`,
      ],
    };
  };
  return [
    {
      name: `${name}: TCP`,
      unit: "Gbit/s",
      better: "higher",
      target: (plain) => throughputShare * plain,
      measure: (instance) => reading(instance, "gbits", "Gbit/s"),
    },
    {
      name: `${name}: round trip`,
      unit: "µs",
      better: "lower",
      target: (plain) => plain + moreMicrosMax,
      measure: (instance) => reading(instance, "micros", "µs"),
    },
  ];
}

export const policyTrafficRows: readonly Row[] = (["nft", "legacy"] as const).flatMap(rowsOf);
