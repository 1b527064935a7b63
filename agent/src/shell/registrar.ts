/** Makes what a node and its cluster need in the datastore before anything else: Node, pools, ClusterInformation. */
import { randomBytes, randomUUID } from "node:crypto";
import { formatProblem, type Node, type Outcome, ResourceClient, type Store } from "@brindle/api";
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
import {
  defaultIpv4PoolCidr,
  defaultPools,
  newClusterInformation,
  registeredNode,
  uniqueLocalPool,
} from "../node/registration.ts";

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
  readonly onProblem: (text: string) => void;
}

export interface Registered {
  readonly addresses: Readonly<Partial<Record<Family, Cidr>>>;
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
  const addresses = await registerNode(client, { options, candidates });
  await ensureCluster(client, { options, candidates, addresses, onProblem: ports.onProblem });
  return { addresses, mtu: await underlayMtu(ports.kernel, { addresses, candidates }) };
}

/** Written over what was read and nothing newer, so that labels which somebody sets meanwhile are not lost. */
async function registerNode(
  client: ResourceClient,
  { options, candidates }: Pick<ClusterNeeds, "options" | "candidates">,
): Promise<ClusterNeeds["addresses"]> {
  const name = options.node;
  for (let attempt = 1; ; attempt++) {
    const before = await client.get({ kind: "Node", name });
    const addresses = chooseAddresses(options, { before, candidates });
    const node = registeredNode(before, { name, addresses });
    const outcome = before ? await client.apply(node) : await client.create(node);
    const isRaced = outcome.kind === "conflict" || outcome.kind === "alreadyExists";
    if (isRaced && attempt < attemptsMax) continue;
    require(outcome, "Node");
    return addresses;
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
  readonly addresses: Readonly<Partial<Record<Family, Cidr>>>;
  readonly onProblem: (text: string) => void;
}

/** Several nodes start at once: what another has made meanwhile is as good. */
async function ensureCluster(client: ResourceClient, needs: ClusterNeeds): Promise<void> {
  const information = await client.create(newClusterInformation(randomBytes(16).toString("hex")));
  if (information.kind === "refused") needs.onProblem(`no ClusterInformation is made: ${problemsOf(information)}`);
  const { defaultPools: wanted } = needs.options;
  if (!wanted) return;
  const { resources } = await client.list("IPPool");
  const cidrs = {
    ...(needs.addresses[4] && { 4: wanted.ipv4Cidr ?? defaultIpv4PoolCidr }),
    ...(needs.addresses[6] && { 6: uniqueLocalPool(randomBytes(5)) }),
  };
  for (const pool of defaultPools(resources, cidrs)) {
    const range = parsePrefix(pool.spec.cidr);
    const inUse = needs.candidates.find(({ cidr }) => range && !isLinkLocal(cidr.address) && overlaps(range, cidr));
    if (inUse) {
      needs.onProblem(`no default pool is made: ${pool.spec.cidr} overlaps with the network of ${inUse.interfaceName}`);
      continue;
    }
    const outcome = await client.create(pool);
    if (outcome.kind === "refused") needs.onProblem(`no default pool is made: ${problemsOf(outcome)}`);
  }
}

async function underlayMtu(
  kernel: RegistrarPorts["kernel"],
  { addresses, candidates }: Pick<ClusterNeeds, "addresses" | "candidates">,
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
