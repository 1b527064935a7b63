/**
 * Makes what a node and its cluster need in the datastore before anything else: Node, pools, ClusterInformation. On
 * Kubernetes the Node is the kubelet's: it is awaited, and annotated. What is there as it should be is not written.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { formatProblem, type IPPool, type Node, type Outcome, ResourceClient, type Store } from "@brindle/api";
import {
  type Address,
  type Cidr,
  type Family,
  formatAddress,
  isLinkLocal,
  overlaps,
  parseCidr,
  parsePrefix,
} from "@brindle/net";
import type { RouteSocket } from "@brindle/net/shell";
import { AgentError } from "../error.ts";
import { type Candidate, chooseNodeAddress, interfaceOf } from "../node/addresses.ts";
import { type PoolRanges, rangesOfKubernetes, rangesWithoutKubernetes } from "../node/poolRanges.ts";
import { defaultPools, newClusterInformation, registeredNode } from "../node/registration.ts";

export interface RegistrarOptions {
  readonly node: string;
  /** Addresses that the operator names; others are found. */
  readonly asked: Readonly<Partial<Record<Family, Address>>>;
  /** For a cluster without pools: the range of its first one, or nothing where the operator makes them all. */
  readonly defaultPools: { readonly ipv4Cidr: string | null } | null;
}

export interface RegistrarPorts {
  readonly store: Store;
  readonly kernel: Pick<RouteSocket, "links" | "link" | "addresses">;
  /** The ranges of pods that kubeadm was given; asked where Kubernetes is the datastore and a pool is missing. */
  readonly podSubnets: () => Promise<readonly string[] | null>;
}

export interface Registered {
  readonly addresses: Readonly<Partial<Record<Family, Cidr>>>;
  /** Why pools or ClusterInformation could not be made; a line each. */
  readonly problems: readonly string[];
  /** Of the interface that the node's traffic leaves by. */
  readonly mtu: number;
}

const ethernetMtu = 1500;
/** How often the node's resource is read again when somebody else writes it meanwhile. */
const attemptsMax = 5;

/** Rejects with `StoreError` while the datastore is away, and with `AgentError` where the node has no address. */
export async function register(options: RegistrarOptions, ports: RegistrarPorts): Promise<Registered> {
  const client = new ResourceClient({ store: ports.store, nowMs: Date.now, newUid: randomUUID });
  const candidates = await nodeCandidates(ports.kernel);
  const isKubernetes = ports.store.transactions === "single";
  const { node, addresses } = await registerNode(client, { options, candidates, isKubernetes });
  const families = ([4, 6] as const).filter((family) => addresses[family]);
  const asked = options.defaultPools?.ipv4Cidr ?? null;
  const ranges = async () =>
    isKubernetes
      ? rangesOfKubernetes(asked, { podSubnets: await ports.podSubnets(), nodeCidrs: node?.status?.podCIDRs ?? [] })
      : rangesWithoutKubernetes(asked, { families, random: randomBytes(5) });
  const problems = await ensureCluster(client, { options, candidates, ranges });
  return { addresses, problems, mtu: await underlayMtu(ports.kernel, { addresses, candidates }) };
}

/** Written over what was read and nothing newer, so that labels which somebody sets meanwhile are not lost. */
async function registerNode(
  client: ResourceClient,
  { options, candidates, isKubernetes }: Omit<ClusterNeeds, "ranges"> & { readonly isKubernetes: boolean },
): Promise<Pick<Registered, "addresses"> & { readonly node: Node | null }> {
  const name = options.node;
  for (let attempt = 1; ; attempt++) {
    const before = await client.get({ kind: "Node", name });
    if (!before && isKubernetes) throw missingNode(name);
    const addresses = chooseAddresses(options, { before, candidates });
    const node = registeredNode(before, { name, addresses });
    const outcome = before ? await client.apply(node) : await client.create(node);
    const isRaced = outcome.kind === "conflict" || outcome.kind === "alreadyExists";
    if (isRaced && attempt < attemptsMax) continue;
    require(outcome, "Node");
    return { node: before, addresses };
  }
}

async function nodeCandidates(kernel: RegistrarPorts["kernel"]): Promise<Candidate[]> {
  const [links, addresses] = await Promise.all([kernel.links(), kernel.addresses()]);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return addresses.map(({ address, interfaceIndex }) => ({
    cidr: address,
    interfaceName: names.get(interfaceIndex) ?? "",
  }));
}

function chooseAddresses(
  { asked }: RegistrarOptions,
  { before, candidates }: { readonly before: Node | null; readonly candidates: readonly Candidate[] },
): Partial<Record<Family, Cidr>> {
  const chosen: Partial<Record<Family, Cidr>> = {};
  for (const family of [4, 6] as const) {
    const registered = parseCidr((family === 4 ? before?.spec.bgp?.ipv4Address : before?.spec.bgp?.ipv6Address) ?? "");
    const choice = chooseNodeAddress({ family, asked: asked[family] ?? null, registered }, candidates);
    if (choice.kind === "chosen") chosen[family] = choice.cidr;
    if (choice.kind === "missing") {
      throw new AgentError({ code: "NO_NODE_ADDRESS", reason: `${text(asked[family])}: ${choice.reason}` });
    }
  }
  if (Object.keys(chosen).length > 0) return chosen;
  throw new AgentError({ code: "NO_NODE_ADDRESS", reason: "no interface of this node has one; name it with --ip" });
}

interface ClusterNeeds {
  readonly options: RegistrarOptions;
  readonly candidates: readonly Candidate[];
  readonly ranges: () => Promise<PoolRanges>;
}

/** Several nodes start at once: what another has made meanwhile is as good. */
async function ensureCluster(client: ResourceClient, needs: ClusterNeeds): Promise<string[]> {
  return [...(await ensureClusterInformation(client)), ...(await ensurePools(client, needs))];
}

async function ensureClusterInformation(client: ResourceClient): Promise<string[]> {
  if (await client.get({ kind: "ClusterInformation", name: "default" })) return [];
  const outcome = await client.create(newClusterInformation(randomBytes(16).toString("hex")));
  return outcome.kind === "refused" ? [`no ClusterInformation is made: ${problemsOf(outcome)}`] : [];
}

/** Of pools that are there, none is touched; where there are any, Kubernetes is not asked for ranges. */
async function ensurePools(client: ResourceClient, { options, candidates, ranges }: ClusterNeeds): Promise<string[]> {
  const { resources } = await client.list("IPPool");
  if (!options.defaultPools) return [];
  if (hasBothFamilies(resources)) return [];
  const { cidrs, problem } = await ranges();
  const problems = problem !== null && resources.length === 0 ? [problem] : [];
  for (const pool of defaultPools(resources, cidrs)) {
    const range = parsePrefix(pool.spec.cidr);
    const inUse = candidates.find(({ cidr }) => range && !isLinkLocal(cidr.address) && overlaps(range, cidr));
    if (inUse) {
      problems.push(`no default pool is made: ${pool.spec.cidr} overlaps with the network of ${inUse.interfaceName}`);
      continue;
    }
    const outcome = await client.create(pool);
    if (outcome.kind === "refused") problems.push(`no default pool is made: ${problemsOf(outcome)}`);
  }
  return problems;
}

function hasBothFamilies(pools: readonly IPPool[]): boolean {
  return new Set(pools.map(({ spec }) => parsePrefix(spec.cidr)?.address.family)).size === 2;
}

function missingNode(name: string): AgentError {
  const reason = `Kubernetes has no Node ${name} yet: its kubelet makes it; if that has another name, say --node`;
  return new AgentError({ code: "NODE_MISSING", reason });
}

async function underlayMtu(
  kernel: RegistrarPorts["kernel"],
  { addresses, candidates }: Pick<Registered, "addresses"> & Pick<ClusterNeeds, "candidates">,
): Promise<number> {
  const names = Object.values(addresses).map(({ address }) => interfaceOf(address, candidates));
  const mtus: number[] = [];
  for (const name of new Set(names)) {
    const link = name === null ? null : await kernel.link(name);
    if (link && !link.loopback) mtus.push(link.mtu);
  }
  return mtus.length > 0 ? Math.min(...mtus) : ethernetMtu;
}

function require(outcome: Outcome, kind: string): void {
  if (outcome.kind === "refused") {
    throw new AgentError({ code: "REGISTRATION_REFUSED", reason: `${kind}: ${problemsOf(outcome)}` });
  }
  if ("text" in outcome) throw new AgentError({ code: "REGISTRATION_REFUSED", reason: outcome.text });
}

function problemsOf(outcome: Extract<Outcome, { kind: "refused" }>): string {
  return outcome.problems.map(formatProblem).join("; ");
}

function text(address: Address | undefined): string {
  return address ? formatAddress(address) : "";
}
