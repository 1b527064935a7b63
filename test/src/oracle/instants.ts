/** From one small world to another in a model of the kernel, with every packet asked after every single change. */
import { formatAddress, type TablesBackend } from "@brindle/net";
import { PolicyGraph, type PolicyResource } from "@brindle/policy";
import { Enforcer, type EnforcerPorts } from "@brindle/policy/shell";
import { ModelKernel } from "./modelKernel.ts";
import { type ModelPacket, passes } from "./modelWalk.ts";
import { mortal } from "./mortal.ts";
import { parseClusterAddress } from "./oracle.ts";
import { nodeName } from "./policyNode.ts";
import { Random } from "./random.ts";
import {
  allRelabelled,
  changed,
  ownAddress,
  places,
  randomHabits,
  randomWorld,
  strangerAddress,
  uplink,
  type World,
} from "./smallWorld.ts";

export interface InstantsOutcome {
  /** Changes at which packets were asked, and how many of these were allowed, or denied, before and afterwards. */
  readonly instants: number;
  readonly allowed: number;
  readonly denied: number;
  readonly steps: number;
  /** Steps in which a table was committed. */
  readonly commits: number;
  /** What passed or was dropped in between, in words. */
  readonly faults: readonly string[];
}

const tcp = 6;
const ports = [80, 81];

/** After how many changes of the kernel the first attempts end at the latest, each with its agent. */
const operationsMax = 30;

/** Worlds one after the other, each some changes from the last: mostly one. Chains are mostly made ahead, and agents die. */
export async function playInstants(seed: number, steps: number): Promise<InstantsOutcome> {
  const random = new Random(seed);
  const habits = randomHabits(random);
  const node = new ModelNode({
    keepsDeparted: random.chance(0.3),
    partMax: random.pick(1, 2, 300),
    backend: random.pick("nft", "nft", "legacy"),
  });
  let world = randomWorld(random, habits);
  await node.become(world);
  const sum = { steps: 0, instants: 0, allowed: 0, denied: 0, commits: 0, faults: [] as string[] };
  for (let step = 0; step < steps; step++) {
    const count = random.pick(0, 1, 1, 3);
    if (count === 0) world = allRelabelled(random, world);
    for (let more = 0; more < count; more++) world = changed(random, world, habits);
    const deaths = Array.from({ length: random.pick(0, 0, 1, 4) }, () => random.integer(operationsMax));
    const { faults, ...counts } = await node.become(world, deaths);
    for (const [name, count] of Object.entries(counts)) sum[name as keyof typeof counts] += count;
    sum.faults.push(...faults.map((fault) => `seed ${seed}, step ${step}: ${fault}`));
  }
  return sum;
}

export interface ModelNodeOptions {
  readonly keepsDeparted?: boolean;
  readonly partMax?: number;
  /** With legacy, rules are read while sets are filled, however few. */
  readonly backend?: TablesBackend;
}

/** A node whose kernel is a model, and which is told of worlds one after the other. */
export class ModelNode {
  readonly #graph: PolicyGraph;
  readonly #kernel: ModelKernel;
  readonly #ports: EnforcerPorts;
  #enforcer: Enforcer;
  readonly #failed = Promise.withResolvers<never>();
  #world: World = new Map();

  constructor({ keepsDeparted = false, partMax = 300, backend = "nft" }: ModelNodeOptions = {}) {
    this.#kernel = new ModelKernel(4, backend);
    this.#graph = new PolicyGraph({ node: nodeName, keepsDeparted });
    this.#graph.setFilterSettings({ sourceSpoofing: "Any", failsafes: { inbound: [], outbound: [] } });
    this.#graph.setHostInterfaces(new Map([[uplink, [parseClusterAddress(ownAddress)]]]));
    this.#failed.promise.catch(() => {}); // It is awaited beside what fails.
    const { tables, sets } = this.#kernel;
    this.#ports = { tables, sets, partMax, besideMin: 1, schedule: () => () => {}, onFailure: this.#failed.reject };
    this.#enforcer = new Enforcer(this.#ports);
  }

  /** By one agent after the other, each of which begins anew: all but the last die after so many changes of the kernel. */
  async become(world: World, deaths: readonly number[] = []): Promise<InstantsOutcome> {
    const before = this.#world;
    tell(this.#graph, before, world);
    this.#world = world;
    const watch = new Watch(this.#kernel, packetsOf(before, world));
    const desired = this.#graph.desired();
    for (const operations of deaths) {
      const { ports, died } = mortal(this.#ports, operations);
      await Promise.race([new Enforcer(ports).apply(desired), died, this.#failed.promise]);
      this.#enforcer = new Enforcer(this.#ports);
    }
    await Promise.race([this.#enforcer.apply(desired), this.#failed.promise]);
    const { faults, ...counts } = watch.end();
    const commits = this.#kernel.committed.size > 0 ? 1 : 0;
    const told = faults.length > 0 ? `\n${differenceOf(before, world)}` : "";
    return { ...counts, steps: 1, commits, faults: faults.map((fault) => `${fault}${told}`) };
  }
}

function tell(graph: PolicyGraph, before: World, after: World): void {
  for (const [id, value] of after) if (before.get(id) !== value) graph.receive({ key: keyOf(value), value });
  for (const [id, value] of before) if (!after.has(id)) graph.receive({ key: keyOf(value), value: null });
}

function keyOf({ kind, metadata: { namespace, name } }: PolicyResource): Parameters<PolicyGraph["receive"]>[0]["key"] {
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** Between those who are there before and afterwards, of this node one at least. */
function packetsOf(before: World, after: World): ModelPacket[] {
  const stays = places.filter(({ name, namespace }) =>
    [before, after].every((world) => world.has(`WorkloadEndpoint ${namespace} ${name}`)),
  );
  const ends: End[] = [
    ...stays.map(({ name, node, address }) => ({ address, link: node === nodeName ? `cali${name}` : uplink })),
    { address: ownAddress, link: null },
    { address: strangerAddress, link: uplink },
  ];
  const lent = stays.flatMap(({ name, node }): End[] =>
    node === nodeName ? ["10.0.1.0", "10.0.1.1"].map((address) => ({ address, link: `cali${name}` })) : [],
  );
  // Nobody takes a packet from its own address, also where a pod may send from it.
  const others = (from: End): End[] => ends.filter((to) => to.link !== from.link && to.address !== from.address);
  return [...ends, ...lent].flatMap((from) =>
    others(from).flatMap((to) => ports.map((port) => packetBetween(from, to, port))),
  );
}

interface End {
  readonly address: string;
  /** `null` of the node itself. */
  readonly link: string | null;
}

function packetBetween(from: End, to: End, port: number): ModelPacket {
  return {
    source: parseClusterAddress(from.address),
    destination: parseClusterAddress(to.address),
    from: from.link,
    to: to.link,
    protocol: tcp,
    sourcePort: 20_000,
    destinationPort: port,
  };
}

interface Instant {
  readonly verdicts: readonly boolean[];
  /** How many were committed by then. */
  readonly tables: number;
}

/** Asks the packets now, after each change, and at the end. */
class Watch {
  readonly #kernel: ModelKernel;
  readonly #packets: readonly ModelPacket[];
  readonly #before: readonly boolean[];
  readonly #instants: Instant[] = [];
  readonly #knownBefore: ReadonlySet<string>;

  constructor(kernel: ModelKernel, packets: readonly ModelPacket[]) {
    this.#kernel = kernel;
    this.#packets = packets;
    this.#before = this.#verdicts();
    this.#knownBefore = kernel.addresses();
    kernel.committed.clear();
    kernel.onInstant = () => this.#instants.push({ verdicts: this.#verdicts(), tables: kernel.committed.size });
  }

  end(): Pick<InstantsOutcome, "allowed" | "denied" | "instants" | "faults"> {
    this.#kernel.onInstant = () => {};
    const after = this.#verdicts();
    const unsteady = this.#kernel.addresses().symmetricDifference(this.#knownBefore);
    const outcome = { allowed: 0, denied: 0, instants: this.#instants.length, faults: [] as string[] };
    // Tables are commits of their own: what one decides before and another afterwards may be decided by neither in between.
    const isBetween = ({ tables }: Instant): boolean => tables > 0 && tables < this.#kernel.committed.size;
    const instants = this.#instants.filter((instant) => !isBetween(instant));
    for (const [at, packet] of this.#packets.entries()) {
      const verdict = after[at];
      if (verdict !== this.#before[at]) continue;
      outcome[verdict ? "allowed" : "denied"] += 1;
      const instant = instants.findIndex(({ verdicts }) => verdicts[at] !== verdict);
      if (instant < 0 || (verdict && comesOrGoes(packet, unsteady))) continue;
      outcome.faults.push(`${verdict ? "dropped" : "passed"} at instant ${instant}: ${shown(packet)}`);
    }
    return outcome;
  }

  #verdicts(): boolean[] {
    return this.#packets.map((packet) => passes(this.#kernel, packet));
  }
}

/**
 * Who is in no set at one of the two moments, and is no pod of this node, is taken for somebody who comes, or goes. So is an
 * address of somebody elsewhere from which a pod of this node may send as well.
 */
function comesOrGoes({ source, destination, from, to }: ModelPacket, unsteady: ReadonlySet<string>): boolean {
  const isUnsteady = (text: string, link: string | null): boolean =>
    unsteady.has(text) && !places.some(({ name, address }) => address === text && link === `cali${name}`);
  return isUnsteady(formatAddress(source), from) || isUnsteady(formatAddress(destination), to);
}

function shown({ source, destination, from, to, destinationPort }: ModelPacket): string {
  return `${formatAddress(source)} (${from ?? "node"}) to ${formatAddress(destination)} (${to ?? "node"}) port ${destinationPort}`;
}

function differenceOf(before: World, after: World): string {
  const ids = new Set([...before.keys(), ...after.keys()]);
  const changes = [...ids].filter((id) => before.get(id) !== after.get(id));
  const policies = [...after.values()].filter(({ kind }) => kind === "GlobalNetworkPolicy");
  return [
    ...changes.map((id) => `${id}: ${JSON.stringify(before.get(id))} -> ${JSON.stringify(after.get(id))}`),
    ...policies.map(({ metadata, spec }) => `${metadata.name}: ${JSON.stringify(spec)}`),
  ].join("\n");
}
