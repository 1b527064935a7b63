/**
 * Makes what a node and its cluster need in the datastore before anything else: Node, pools, ClusterInformation. On
 * Kubernetes the Node is the kubelet's: it is awaited, and annotated. What is there as it should be is not written.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { formatProblem, type IPPool, type Node, type Outcome, ResourceClient, type Store } from "@brindle/api";
import { type Address, type Cidr, type Family, formatAddress, parseCidr, parsePrefix } from "@brindle/net";
import type { RouteSocket } from "@brindle/net/shell";
import { AgentError } from "../error.ts";
import { type Candidate, chooseNodeAddress, interfaceOf, ownInterfaces } from "../node/addresses.ts";
import type { Mistake } from "../node/mistakes.ts";
import { type PoolRanges, rangesOfKubernetes, rangesWithoutKubernetes } from "../node/poolRanges.ts";
import { rangeMistake } from "../node/rangeMistakes.ts";
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
  /** What the cluster was given; asked where the node is Kubernetes' and a pool is missing. */
  readonly ranges: () => Promise<ClusterRanges>;
  /** Whether the node is one of Kubernetes, where that is not the datastore. */
  readonly hasKubernetes?: boolean;
}

export interface ClusterRanges {
  /** Of pods, as kubeadm was told; `null` where it did not make the cluster. */
  readonly podSubnets: readonly string[] | null;
  readonly serviceCidrs: readonly string[];
}

export interface Registered {
  readonly addresses: Readonly<Partial<Record<Family, Cidr>>>;
  /** Why pools or ClusterInformation could not be made. */
  readonly problems: readonly Mistake[];
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
  const awaitsNode = isKubernetes(ports.store);
  const isReferred = !awaitsNode && ports.hasKubernetes === true;
  const { node, addresses } = await registerNode(client, { options, candidates, awaitsNode, isReferred });
  const families = ([4, 6] as const).filter((family) => addresses[family]);
  const ranges = (): Promise<DefaultRanges> => defaultRanges(options, ports, { node, families });
  const problems = await ensureCluster(client, { options, candidates, ranges });
  return { addresses, problems, mtu: await underlayMtu(ports.kernel, { addresses, candidates }) };
}

/** Once more, for a cluster that has no pool still; the node is registered. */
export async function makePools(options: RegistrarOptions, ports: RegistrarPorts): Promise<readonly Mistake[]> {
  const client = new ResourceClient({ store: ports.store, nowMs: Date.now, newUid: randomUUID });
  const candidates = await nodeCandidates(ports.kernel);
  const node = await client.get({ kind: "Node", name: options.node });
  const families = familiesOf(node);
  return ensurePools(client, { options, candidates, ranges: () => defaultRanges(options, ports, { node, families }) });
}

function familiesOf(node: Node | null): Family[] {
  const { ipv4Address, ipv6Address } = node?.spec.bgp ?? {};
  return [...(ipv4Address ? [4 as const] : []), ...(ipv6Address ? [6 as const] : [])];
}

async function defaultRanges(
  options: RegistrarOptions,
  { store, ranges, hasKubernetes = false }: RegistrarPorts,
  { node, families }: { readonly node: Node | null; readonly families: readonly Family[] },
): Promise<DefaultRanges> {
  const asked = options.defaultPools?.ipv4Cidr ?? null;
  if (!isKubernetes(store) && !hasKubernetes) {
    return { ...rangesWithoutKubernetes(asked, { families, random: randomBytes(5) }), serviceCidrs: [] };
  }
  const { podSubnets, serviceCidrs } = await ranges();
  return { ...rangesOfKubernetes(asked, { podSubnets, nodeCidrs: node?.status?.podCIDRs ?? [] }), serviceCidrs };
}

function isKubernetes({ transactions }: Store): boolean {
  return transactions === "single";
}

/** Written over what was read and nothing newer, so that labels which somebody sets meanwhile are not lost. */
async function registerNode(
  client: ResourceClient,
  {
    options,
    candidates,
    awaitsNode,
    isReferred,
  }: Omit<ClusterNeeds, "ranges"> & { readonly awaitsNode: boolean; readonly isReferred: boolean },
): Promise<Pick<Registered, "addresses"> & { readonly node: Node | null }> {
  const name = options.node;
  const interfaces = ownInterfaces(candidates);
  for (let attempt = 1; ; attempt++) {
    const before = await client.get({ kind: "Node", name });
    if (!before && awaitsNode) throw missingNode(name);
    const addresses = chooseAddresses(options, { before, candidates });
    const node = registeredNode(before, { name, addresses, interfaces, ...(isReferred && { kubernetesName: name }) });
    const outcome = before ? await client.apply(node) : await client.create(node);
    const isRaced = outcome.kind === "conflict" || outcome.kind === "alreadyExists";
    if (isRaced && attempt < attemptsMax) continue;
    require(outcome, "Node");
    return { node: before, addresses };
  }
}

export async function nodeCandidates(kernel: Pick<RouteSocket, "links" | "addresses">): Promise<Candidate[]> {
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

interface DefaultRanges extends PoolRanges {
  readonly serviceCidrs: readonly string[];
}

interface ClusterNeeds {
  readonly options: RegistrarOptions;
  readonly candidates: readonly Candidate[];
  readonly ranges: () => Promise<DefaultRanges>;
}

/** Several nodes start at once: what another has made meanwhile is as good. */
async function ensureCluster(client: ResourceClient, needs: ClusterNeeds): Promise<Mistake[]> {
  return [...(await ensureClusterInformation(client)), ...(await ensurePools(client, needs))];
}

async function ensureClusterInformation(client: ResourceClient): Promise<Mistake[]> {
  if (await client.get({ kind: "ClusterInformation", name: "default" })) return [];
  const outcome = await client.create(newClusterInformation(randomBytes(16).toString("hex")));
  return outcome.kind === "refused" ? [refused("ClusterInformation", outcome)] : [];
}

/** Of pools that are there, none is touched; where there are any, Kubernetes is not asked for ranges. */
async function ensurePools(client: ResourceClient, { options, candidates, ranges }: ClusterNeeds): Promise<Mistake[]> {
  const { resources } = await client.list("IPPool");
  if (!options.defaultPools) return [];
  if (hasBothFamilies(resources)) return [];
  const { cidrs, problem, serviceCidrs } = await ranges();
  const problems = problem !== null && resources.length === 0 ? [problem] : [];
  for (const pool of defaultPools(resources, cidrs)) {
    const mistake = rangeMistake(pool.spec.cidr, { candidates, serviceCidrs });
    if (mistake) {
      problems.push({ ...mistake, text: `no default pool is made: ${mistake.text}` });
      continue;
    }
    const outcome = await client.create(pool);
    if (outcome.kind === "refused") problems.push(refused("default pool", outcome));
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

function refused(what: string, outcome: Extract<Outcome, { kind: "refused" }>): Mistake {
  return { code: "AddressesFailing", text: `no ${what} is made: ${problemsOf(outcome)}` };
}

function problemsOf(outcome: Extract<Outcome, { kind: "refused" }>): string {
  return outcome.problems.map(formatProblem).join("; ");
}

function text(address: Address | undefined): string {
  return address ? formatAddress(address) : "";
}
