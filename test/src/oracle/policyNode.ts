/**
 * A node with pods, by hand: one namespace that routes, a namespace for each pod wired as the CNI plugin does it, and
 * one namespace for all that is outside, where the addresses of other nodes' pods live too. An `Enforcer` programs the
 * node; probers sit in each namespace.
 */
import type { WorkloadEndpoint } from "@brindle/api";
import type { TablesBackend } from "@brindle/net";
import { openIpsetSocket, openTables } from "@brindle/net/shell";
import type { Desired, Packet } from "@brindle/policy";
import { Enforcer, type EnforcerPorts } from "@brindle/policy/shell";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { mortal } from "./mortal.ts";
import { type Flood, type FloodedWork, PacketSockets } from "./packetSockets.ts";
import { type ProbeOrder, Prober, type ProberReport } from "./probe.ts";

export const nodeName = "node1";
export const nodeAddresses: readonly string[] = ["203.0.113.1", "2001:db8:1::1"];
export const outsideAddresses: readonly string[] = ["203.0.113.2", "198.51.100.9", "2001:db8:1::2", "2001:db8:9::9"];
/** How long a packet that must not pass has to prove us wrong. On a veth it takes well under one millisecond. */
const graceMs = 60;
/** The same for a packet of a raw socket, which has met the chains before its send returns. */
const packetGraceMs = 5;
/** How late one may be that must pass. */
const floodDeadlineMs = 5_000;
const gateway4 = "169.254.1.1";
const hostMac = "ee:ee:ee:ee:ee:ee";
const uplinkMacs = { node: "02:00:00:00:01:01", outside: "02:00:00:00:01:02" } as const;
/** The link-local address of ee:ee:ee:ee:ee:ee, which all host ends have. */
const gateway6 = "fe80::ecee:eeff:feee:eeee";

export interface PolicyNodeOptions {
  readonly endpoints: readonly WorkloadEndpoint[];
  /** Where probers listen, for TCP and UDP. */
  readonly ports: readonly number[];
  readonly backend?: TablesBackend;
  /** How long to wait for others that hold the lock of legacy tables. */
  readonly lockSeconds?: number;
  /** Where there are several in one process: what tells their namespaces apart. */
  readonly label?: string;
}

export class PolicyNode implements AsyncDisposable {
  enforcer: Enforcer;
  readonly namespace: Namespace;
  /** What the enforcer has tried again, or is about to. */
  readonly failures: unknown[] = [];
  readonly #options: PolicyNodeOptions;
  readonly #sockets = new PacketSockets();
  readonly #ports: EnforcerPorts;
  #refuse: (error: unknown) => void = () => {};
  readonly #stack = new AsyncDisposableStack();
  readonly #outside: Namespace;
  /** By address. */
  readonly #probers = new Map<string, Prober>();
  readonly #passed = new Set<string>();
  readonly #streamed = new Map<string, number>();
  readonly #sources = new Map<string, string>();
  /** By address. */
  readonly #pods = new Map<string, Namespace>();

  private constructor(
    options: PolicyNodeOptions,
    world: { namespace: Namespace; outside: Namespace; ports: Omit<EnforcerPorts, "onFailure"> },
  ) {
    this.#options = options;
    this.namespace = world.namespace;
    this.#outside = world.outside;
    this.#ports = { ...world.ports, onFailure: (error) => this.#onFailure(error) };
    this.enforcer = new Enforcer(this.#ports);
  }

  static async create(options: PolicyNodeOptions): Promise<PolicyNode> {
    await using undo = new AsyncDisposableStack();
    const { backend = "nft", label = "" } = options;
    const namespace = undo.use(await createNamespace(`pnode${label}`, { forwarding: true }));
    const outside = undo.use(await createNamespace(`pout${label}`, { forwarding: true }));
    const ofTables = { backend, namespace: namespace.path, lockSeconds: options.lockSeconds ?? 10 };
    const ports: EnforcerPorts = {
      tables: ([4, 6] as const).map((family) => openTables({ family, ...ofTables })),
      sets: undo.use(await openIpsetSocket({ namespace: namespace.path })),
      besideMin: 1, // As where sets are many.
      schedule: (delayMs, work) => {
        const timer = setTimeout(work, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const node = new PolicyNode(options, { namespace, outside, ports });
    await node.#build();
    node.#stack.use(undo.move());
    return node;
  }

  /** Wires a pod of this node; its endpoint's chains are another matter. */
  async addPod(endpoint: WorkloadEndpoint): Promise<void> {
    const pod = this.#stack.use(await createNamespace(`p${this.#options.label ?? ""}-${endpoint.metadata.name}`));
    for (const network of endpoint.spec.ipNetworks ?? []) this.#pods.set(addressOf(network), pod);
    const host = endpoint.spec.interfaceName ?? "";
    const mac = `02:00:00:00:00:${(this.#pods.size % 256).toString(16).padStart(2, "0")}`;
    await linkNamespaces(
      { namespace: this.namespace, name: host, mac: hostMac },
      { namespace: pod, name: "eth0", mac },
    );
    // Without the last the gateway lets up to 0.8 s pass before it answers for others.
    await this.namespace.sysctl({ [`net.ipv4.conf.${host}.proxy_arp`]: 1, [`net.ipv4.neigh.${host}.proxy_delay`]: 0 });
    await pod.ip(`route add ${gateway4} dev eth0 scope link`);
    for (const network of endpoint.spec.ipNetworks ?? []) {
      await pod.ip(`address add ${network} dev eth0`);
      await this.namespace.ip(`route add ${network} dev ${host} scope link`);
      await knowNeighbour(this.namespace, { address: addressOf(network), mac, device: host });
    }
    await knowNeighbour(pod, { address: gateway4, mac: hostMac, device: "eth0" });
    await pod.ip(`route add default via ${gateway4} dev eth0`);
    await pod.ip(`-6 route add default via ${gateway6} dev eth0`);
    await this.#startProber(pod, (endpoint.spec.ipNetworks ?? []).map(addressOf));
  }

  /** What the enforcer would try again is a failure here. */
  apply(desired: Desired): Promise<void> {
    const { promise: failure, reject } = Promise.withResolvers<never>();
    this.#refuse = reject;
    return Promise.race([this.enforcer.apply(desired), failure]);
  }

  /** As a new agent that remembers nothing. */
  async restartEnforcer(): Promise<void> {
    await this.enforcer.close();
    this.enforcer = new Enforcer(this.#ports);
  }

  /** Into the tables of a backend, from those of the other one. */
  moveTo(backend: TablesBackend): Promise<void> {
    return this.enforcer.moveTo(this.#tables(backend));
  }

  /** As a new agent that finds the node in another backend than its predecessor did. */
  async restartIn(backend: TablesBackend): Promise<void> {
    await this.enforcer.close();
    const former = this.#tables(backend === "nft" ? "legacy" : "nft");
    this.enforcer = new Enforcer({ ...this.#ports, tables: this.#tables(backend), former });
  }

  #tables(backend: TablesBackend): EnforcerPorts["tables"] {
    return ([4, 6] as const).map((family) => openTables({ family, backend, namespace: this.namespace.path }));
  }

  /** Gives the pod that has `known` another address, which its endpoint knows nothing of. */
  async ownAddress(known: string, address: string): Promise<void> {
    await this.podWith(known).ip(`address add ${address}/${address.includes(":") ? 128 : 32} dev eth0`);
    this.#probers.set(address, this.#proberOf(known));
    this.#sockets.alias(known, address);
  }

  /** The same as `send`, of flows that may be open already. */
  sendOfOpenFlows(packets: readonly Packet[], awaited: ReadonlySet<Packet>, deadlineMs: number): Promise<Set<Packet>> {
    return this.#sockets.send(packets, awaited, { deadlineMs, graceMs: packetGraceMs, keepsFlows: true });
  }

  /** The namespace of the pod that has an address. */
  podWith(address: string): Namespace {
    const pod = this.#pods.get(address);
    if (!pod) throw new Error(`no pod has ${address}`);
    return pod;
  }

  /** Of whoever has an address: a pod, the node, or the world outside. */
  namespaceOf(address: string): Namespace {
    if (nodeAddresses.includes(address)) return this.namespace;
    return outsideAddresses.includes(address) ? this.#outside : this.podWith(address);
  }

  /** From which address a datagram came. */
  sourceOf(id: string): string | undefined {
    return this.#sources.get(id);
  }

  /** The same packets over and over, each as a new flow, while the work lasts; of those that pass each time some may be late. */
  flood(packets: readonly Packet[], awaited: readonly Packet[], work: FloodedWork): Promise<Flood> {
    return this.#sockets.flood(packets, work, { awaited, deadlineMs: floodDeadlineMs, graceMs: packetGraceMs });
  }

  /** An agent that is killed after so many of the things that it does to the kernel; nobody follows it yet. */
  async applyAndDie(desired: Desired, operations: number): Promise<void> {
    await this.enforcer.close();
    const { ports, died } = mortal(this.#ports, operations);
    const dying = new Enforcer(ports);
    await Promise.race([dying.apply(desired), died]);
    this.enforcer = new Enforcer(this.#ports);
  }

  /** Single packets of raw sockets, thousands at once; answers which passed. */
  send(packets: readonly Packet[], awaited: ReadonlySet<Packet>, deadlineMs: number): Promise<Set<Packet>> {
    return this.#sockets.send(packets, awaited, { deadlineMs, graceMs: packetGraceMs });
  }

  /**
   * Sends all of them at once and answers which passed. Waits for those that should, and then a little longer for
   * those that should not: only that second wait can find what passes against expectation.
   */
  async probe(orders: readonly ProbeOrder[], expected: ReadonlySet<string>, deadlineMs = 20_000): Promise<Set<string>> {
    this.#passed.clear();
    for (const [prober, ofProber] of Map.groupBy(orders, (order) => this.#proberOf(order.source))) {
      prober.tell({ type: "send", orders: ofProber });
    }
    const allExpected = (): boolean => [...expected].every((id) => this.#passed.has(id));
    await waitFor(allExpected, { what: "all expected probes passed", deadlineMs, intervalMs: 5 }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    for (const prober of new Set(this.#probers.values())) prober.tell({ type: "end" });
    return new Set(this.#passed);
  }

  /** Sends numbered datagrams of each flow until `endStreams`. */
  async startStreams(orders: readonly ProbeOrder[]): Promise<void> {
    this.#passed.clear();
    this.#streamed.clear();
    for (const order of orders) this.#proberOf(order.source).tell({ type: "stream", order });
    await waitFor(() => orders.every(({ id }) => this.#streamed.has(id)), { what: "all streams run" });
  }

  /** Until so many datagrams of each have arrived since the streams began. */
  async haveArrived(ids: readonly string[], countMin: number): Promise<void> {
    const isSo = (): boolean => ids.every((id) => this.#arrivedOf(id) >= countMin);
    await waitFor(isSo, { what: `${countMin} datagrams of ${ids.join(" and ")} have arrived`, intervalMs: 1 });
  }

  /** By stream: how many datagrams were sent and how many arrived. Those of `whole` should all, if late. */
  async endStreams(
    ids: readonly string[],
    whole: readonly string[],
  ): Promise<Map<string, { sent: number; received: number }>> {
    this.#streamed.clear();
    for (const prober of new Set(this.#probers.values())) prober.tell({ type: "end" });
    await waitFor(() => ids.every((id) => this.#streamed.has(id)), { what: "all streams end" });
    const counts = (id: string) => ({ sent: this.#streamed.get(id) ?? 0, received: this.#arrivedOf(id) });
    const isComplete = (id: string): boolean => counts(id).received >= counts(id).sent;
    await waitFor(() => whole.every(isComplete), { what: "all have arrived", deadlineMs: 20_000 }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    return new Map(ids.map((id) => [id, counts(id)]));
  }

  #arrivedOf(id: string): number {
    return this.#passed.values().reduce((sum, text) => (text.startsWith(`${id}:`) ? sum + 1 : sum), 0);
  }

  /** The chains of both families, for a person. */
  async chains(): Promise<string> {
    const backend = this.#options.backend ?? "nft";
    const v4 = await this.namespace.exec(`iptables-${backend}-save`, []);
    const v6 = await this.namespace.exec(`ip6tables-${backend}-save`, []);
    return `${v4}\n${v6}\n${await this.namespace.exec("ipset", ["save"])}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const prober of new Set(this.#probers.values())) await prober[Symbol.asyncDispose]();
    await this.enforcer.close();
    this.#sockets[Symbol.dispose]();
    await this.#stack.disposeAsync();
  }

  async #build(): Promise<void> {
    const [node4 = "", node6 = ""] = nodeAddresses;
    await this.#sockets.openFlowTable(this.namespace.path);
    await linkNamespaces(
      { namespace: this.namespace, name: "uplink", mac: uplinkMacs.node, addresses: [`${node4}/24`, `${node6}/64`] },
      { namespace: this.#outside, name: "uplink", mac: uplinkMacs.outside },
    );
    await knowNeighbour(this.namespace, { address: "203.0.113.2", mac: uplinkMacs.outside, device: "uplink" });
    await knowNeighbour(this.#outside, { address: node4, mac: uplinkMacs.node, device: "uplink" });
    const remote = this.#options.endpoints.filter(({ spec }) => spec.node !== nodeName);
    const remoteAddresses = remote.flatMap(({ spec }) => (spec.ipNetworks ?? []).map(addressOf));
    for (const address of [...outsideAddresses, ...remoteAddresses]) {
      const isOnLink = address.startsWith("203.0.113.") || address.startsWith("2001:db8:1:");
      await this.#outside.ip(
        `address add ${address}/${address.includes(":") ? 64 : 24} dev ${isOnLink ? "uplink" : "lo"}`,
      );
    }
    await this.#outside.ip(`route add default via ${node4}`);
    await this.#outside.ip(`-6 route add default via ${node6}`);
    await this.namespace.ip("route add default via 203.0.113.2");
    await this.namespace.ip("-6 route add default via 2001:db8:1::2");
    await this.#startProber(this.#outside, [...outsideAddresses, ...remoteAddresses]);
    await this.#startProber(this.namespace, nodeAddresses);
    for (const endpoint of this.#options.endpoints) if (endpoint.spec.node === nodeName) await this.addPod(endpoint);
  }

  async #startProber(namespace: Namespace, addresses: readonly string[]): Promise<void> {
    const prober = await Prober.start(namespace, this.#options.ports, (report) => this.#onReport(report));
    for (const address of addresses) this.#probers.set(address, prober);
    await this.#sockets.add(namespace.path, addresses);
  }

  #onFailure(error: unknown): void {
    this.failures.push(error);
    this.#refuse(error);
  }

  #onReport(report: ProberReport): void {
    if (report.type === "passed") this.#passed.add(report.id);
    if (report.type === "passed" && report.source) this.#sources.set(report.id, report.source);
    if (report.type === "streamed") this.#streamed.set(report.id, report.count);
  }

  #proberOf(address: string): Prober {
    const prober = this.#probers.get(address);
    if (!prober) throw new Error(`no prober has ${address}`);
    return prober;
  }
}

/**
 * The kernel keeps 1,024 neighbours of IPv4 for all namespaces of a machine together (`gc_thresh3`). While others fill that
 * up, as clusters of tests do, a packet whose neighbour has to be found is dropped without a word to its sender; those
 * that were told do not count. IPv6 is left to discovery, which chains have to let through.
 */
async function knowNeighbour(
  namespace: Namespace,
  { address, mac, device }: { readonly address: string; readonly mac: string; readonly device: string },
): Promise<void> {
  if (address.includes(":")) return;
  await namespace.ip(`neighbour replace ${address} lladdr ${mac} dev ${device} nud permanent`);
}

function addressOf(network: string): string {
  return network.slice(0, network.indexOf("/"));
}
