/**
 * The endpoints of a cluster that have an address of one family, by number, and which of them one side of a rule means:
 * as `matchRule.ts` says of one address, here for all at once.
 */
import { type EntityRule, type HostEndpoint, type Profile, SelectorIndex } from "@brindle/api";
import {
  type Address,
  containsAddress,
  type Family,
  formatAddress,
  hostPrefix,
  networkOf,
  type Prefix,
  parseCidr,
  sameAddress,
} from "@brindle/net";
import { type Cluster, endpointAddresses, labelled } from "../cluster.ts";
import { hostAddresses, labelledHost } from "../hosts.ts";
import { labelledSet, networksOf } from "../networkSet.ts";
import { protocolNumber } from "../packet.ts";
import { inRanges, type PortMatch, parsePorts } from "../ports.ts";
import { entityScope, excludedScope, type Labelled, type Scope, scopeKey, scopeSelector } from "../scope.ts";
import {
  backendsOf,
  formatService,
  isOfService,
  type ServiceBackends,
  type ServiceName,
  serviceOf,
} from "../service.ts";
import { addBits, allBits, type Bits, dropBits, hasBit, keepBits, noBits, setBit } from "./bits.ts";

export interface Peer {
  readonly address: Address;
  /** Its place in `cluster.endpoints`; -1 for a node. */
  readonly endpoint: number;
  /** Where it is, or which it is. */
  readonly node: string;
}

/** Where a packet goes: of a protocol without ports `port` is 0. */
export interface Traffic {
  readonly protocol: number;
  readonly port: number;
}

export interface MeantPeer {
  readonly peer: number;
  readonly traffic?: Traffic;
}

interface MeantByEntity {
  readonly bits: Bits;
  readonly scope: Scope | null;
  /** `null` where any will do. */
  readonly ports: PortMatch | null;
  /** `null` where none is excluded. */
  readonly notPorts: PortMatch | null;
}

interface NamedPort {
  readonly name: string;
  readonly protocol: number | null;
  readonly port: number;
}

export class Peers {
  readonly list: readonly Peer[];
  readonly all: Bits;
  readonly #cluster: Cluster;
  readonly #profile: (name: string) => Profile | undefined;
  readonly #index = new SelectorIndex();
  /** By the name in the index: which peers are meant with it. */
  readonly #holders = new Map<string, Bits>();
  /** By the name in the index. */
  readonly #ports = new Map<string, readonly NamedPort[]>();
  readonly #entities = new WeakMap<EntityRule, MeantByEntity>();
  readonly #scopes = new Map<string, Bits>();
  readonly #namedPorts = new Map<string, Bits>();
  readonly #nobody: Bits;
  readonly #nets = new Map<string, Bits>();
  readonly #numbersOfName = new Map<string, Set<number>>();

  /** Nodes that count as peers come behind the endpoints. */
  constructor(cluster: Cluster, { family, nodes }: { readonly family: Family; readonly nodes: ReadonlySet<string> }) {
    this.#cluster = cluster;
    const profiles = new Map(cluster.profiles.map((profile) => [profile.metadata.name, profile]));
    this.#profile = (name) => profiles.get(name);
    const ofFamily = (addresses: readonly Address[]): Address | undefined =>
      addresses.find((own) => own.family === family);
    const endpoints = cluster.endpoints.flatMap((resource, endpoint): Peer[] => {
      const address = ofFamily(endpointAddresses(resource));
      return address ? [{ address, endpoint, node: resource.spec.node }] : [];
    });
    const hosts = [...(cluster.nodes ?? [])].flatMap(([node, addresses]): Peer[] => {
      const address = nodes.has(node) ? ofFamily(addresses) : undefined;
      return address ? [{ address, endpoint: -1, node }] : [];
    });
    this.list = [...endpoints, ...hosts];
    this.all = allBits(this.list.length);
    this.#nobody = noBits(this.list.length);
    this.#enterEndpoints();
    this.#enterHosts();
    this.#enterSets();
  }

  /** The numbers that a port's name stands for anywhere. */
  numbersOf(name: string): ReadonlySet<number> {
    return this.#numbersOfName.get(name) ?? new Set();
  }

  /** The numbers of ports behind a Service. */
  portsOf(service: ServiceName): Set<number> {
    return new Set(this.#backends(service).flatMap(({ ports }) => ports.map(({ port }) => port)));
  }

  /** The policies, by the keys that they were entered under, which select the endpoint of a peer. */
  selecting(peer: number): Iterable<string> {
    return this.#index.selectorsOf(endpointItem(peer));
  }

  /** Those which select a host endpoint, by its place in `cluster.hostEndpoints`. */
  selectingHost(host: number): Iterable<string> {
    return this.#index.selectorsOf(hostItem(host));
  }

  enterPolicy(key: string, scope: Scope): void {
    this.#index.setSelector(key, scopeSelector(scope));
  }

  /** As the far end. Without `traffic`, as the source, whose port nobody knows: no rule that names one matches. */
  meantBy(entity: EntityRule, namespace: string | null, traffic?: Traffic): Readonly<Bits> {
    const { bits: base, scope, ports, notPorts } = this.#ofEntity(entity, namespace);
    const service = serviceOf(entity, namespace);
    if (!ports && !notPorts && !service) return base;
    const bits = base.slice();
    if (service) keepBits(bits, this.#behind(service, traffic));
    if (ports) keepBits(bits, this.#withPorts(ports, traffic, scope));
    if (notPorts) dropBits(bits, this.#withPorts(notPorts, traffic, scope));
    return bits;
  }

  /** Whether the entity means this peer itself. */
  means(entity: EntityRule, namespace: string | null, { peer, traffic }: MeantPeer): boolean {
    const { bits, scope, ports, notPorts } = this.#ofEntity(entity, namespace);
    if (!hasBit(bits, peer)) return false;
    if (ports && !hasBit(this.#withPorts(ports, traffic, scope), peer)) return false;
    return !notPorts || !hasBit(this.#withPorts(notPorts, traffic, scope), peer);
  }

  /** The same, whatever it says of ports. */
  meansButPorts(entity: EntityRule, namespace: string | null, peer: number): boolean {
    return hasBit(this.#ofEntity(entity, namespace).bits, peer);
  }

  /** All of a peer that the entity may ask for, whatever the traffic, so that peers with the same are decided alike. */
  traits(entity: EntityRule, namespace: string | null, peer: number): unknown[] {
    const { bits, scope, ports, notPorts } = this.#ofEntity(entity, namespace);
    const names = [...(ports?.names ?? []), ...(notPorts?.names ?? [])];
    const meant = scope && names.length > 0 ? this.#itemsOf(scope) : null;
    const named = names.length === 0 ? [] : [...this.#ports].filter(([item]) => !meant || meant.has(item));
    const own = named.filter(([item]) => hasBit(this.#holders.get(item) ?? this.#nobody, peer));
    const service = serviceOf(entity, namespace);
    const address = this.list[peer]?.address;
    const isHere = (other: Address): boolean => address !== undefined && sameAddress(other, address);
    const served = service ? this.#backends(service).filter(({ addresses }) => addresses.some(isHere)) : [];
    return [
      hasBit(bits, peer),
      own.flatMap(([, of]) => of.filter(({ name }) => names.includes(name))),
      served.map((slice) => slice.ports),
    ];
  }

  /** All that does not depend on ports. An entity is of one policy, and so of one namespace. */
  #ofEntity(entity: EntityRule, namespace: string | null): MeantByEntity {
    const known = this.#entities.get(entity);
    if (known) return known;
    const bits = this.all.slice();
    if (entity.nets?.length) keepBits(bits, this.#inNets(entity.nets));
    if (entity.notNets?.length) dropBits(bits, this.#inNets(entity.notNets));
    const scope = entityScope(entity, namespace);
    if (scope) keepBits(bits, this.#inScope(scope));
    const excluded = excludedScope(entity);
    if (excluded) dropBits(bits, this.#inScope(excluded));
    const meant = { bits, scope, ports: portsOf(entity.ports), notPorts: portsOf(entity.notPorts) };
    this.#entities.set(entity, meant);
    return meant;
  }

  #withPorts(ports: PortMatch, traffic: Traffic | undefined, scope: Scope | null): Readonly<Bits> {
    if (!traffic || traffic.port === 0) return this.#nobody;
    if (inRanges(ports.ranges, traffic.port)) return this.all;
    return ports.names.length === 0 ? this.#nobody : this.#named(ports.names, traffic, scope);
  }

  /** Those at whose address an endpoint of the scope has a port of one of the names there. */
  #named(names: readonly string[], { protocol, port }: Traffic, scope: Scope | null): Readonly<Bits> {
    const key = `${names.join(" ")} ${protocol} ${port} ${scope ? scopeKey(scope) : ""}`;
    const known = this.#namedPorts.get(key);
    if (known) return known;
    const found = noBits(this.list.length);
    const meant = scope && this.#itemsOf(scope);
    for (const [item, ports] of this.#ports) {
      const has = ports.some((own) => names.includes(own.name) && own.protocol === protocol && own.port === port);
      if (has && (!meant || meant.has(item))) addBits(found, this.#holders.get(item) ?? found);
    }
    this.#namedPorts.set(key, found);
    return found;
  }

  /** Those behind a Service: as a destination at the port of `traffic`, as a source by their address alone. */
  #behind(service: ServiceName, traffic: Traffic | undefined): Bits {
    const key = `service ${formatService(service)} ${traffic ? `${traffic.protocol} ${traffic.port}` : ""}`;
    const known = this.#nets.get(key);
    if (known) return known;
    const serving = this.#backends(service).filter(
      ({ ports }) =>
        !traffic || ports.some(({ protocol, port }) => protocol === traffic.protocol && port === traffic.port),
    );
    const bits = this.#within(serving.flatMap(({ addresses }) => addresses.map(hostPrefix)));
    this.#nets.set(key, bits);
    return bits;
  }

  #backends(service: ServiceName): ServiceBackends[] {
    return (this.#cluster.endpointSlices ?? []).filter((slice) => isOfService(slice, service)).map(backendsOf);
  }

  #inScope(scope: Scope): Bits {
    const key = scopeKey(scope);
    const known = this.#scopes.get(key);
    if (known) return known;
    const bits = noBits(this.list.length);
    for (const item of this.#itemsOf(scope)) addBits(bits, this.#holders.get(item) ?? bits);
    this.#scopes.set(key, bits);
    return bits;
  }

  #itemsOf(scope: Scope): ReadonlySet<string> {
    const key = `scope ${scopeKey(scope)}`;
    if (!this.#scopes.has(scopeKey(scope))) this.#index.setSelector(key, scopeSelector(scope));
    return this.#index.itemsOf(key);
  }

  #inNets(texts: readonly string[]): Bits {
    const key = texts.join(" ");
    const known = this.#nets.get(key);
    if (known) return known;
    const nets = texts.flatMap((text) => {
      const cidr = parseCidr(text);
      return cidr ? [networkOf(cidr)] : [];
    });
    const bits = this.#within(nets);
    this.#nets.set(key, bits);
    return bits;
  }

  #within(nets: readonly Prefix[]): Bits {
    const bits = noBits(this.list.length);
    const hosts = new Set(nets.filter(isHost).map(({ address }) => formatAddress(address)));
    const wider = nets.filter((net) => !isHost(net));
    for (const [peer, { address }] of this.list.entries()) {
      if (hosts.has(formatAddress(address)) || wider.some((net) => containsAddress(net, address))) setBit(bits, peer);
    }
    return bits;
  }

  /** Two endpoints may have one address for a moment: whoever means one of them means the address. */
  #enterEndpoints(): void {
    const byAddress = new Map<string, Bits>();
    for (const [peer, { address }] of this.list.entries()) {
      const text = formatAddress(address);
      const bits = byAddress.get(text) ?? noBits(this.list.length);
      setBit(bits, peer);
      byAddress.set(text, bits);
      this.#holders.set(endpointItem(peer), bits);
    }
    for (const [peer, { endpoint }] of this.list.entries()) {
      const resource = this.#cluster.endpoints[endpoint];
      if (!resource) continue;
      this.#enter(endpointItem(peer), labelled(resource, this.#profile));
      this.#enterPorts(endpointItem(peer), resource.spec.ports);
    }
  }

  /** Host endpoints stand for the addresses that they expect, of whatever end that is. */
  #enterHosts(): void {
    for (const [index, host] of (this.#cluster.hostEndpoints ?? []).entries()) {
      this.#holders.set(hostItem(index), this.#within(hostAddresses(host).map(hostPrefix)));
      this.#enter(hostItem(index), labelledHost(host, this.#profile));
      this.#enterPorts(hostItem(index), host.spec.ports);
    }
  }

  #enterSets(): void {
    for (const [index, set] of (this.#cluster.networkSets ?? []).entries()) {
      this.#holders.set(`set ${index}`, this.#within(networksOf(set)));
      this.#enter(`set ${index}`, labelledSet(set, this.#profile));
    }
  }

  #enter(item: string, { labels }: Labelled): void {
    this.#index.setItem(item, { labels });
  }

  #enterPorts(item: string, ports: HostEndpoint["spec"]["ports"] = []): void {
    if (ports.length === 0) return;
    for (const { name, port } of ports) {
      this.#numbersOfName.set(name, (this.#numbersOfName.get(name) ?? new Set()).add(port));
    }
    this.#ports.set(
      item,
      ports.map(({ name, protocol, port }) => ({ name, protocol: protocolNumber(protocol), port })),
    );
  }
}

/** What cannot be read matches nothing, as for `mismatch`. */
function portsOf(specs: readonly (string | number)[] = []): PortMatch | null {
  return specs.length === 0 ? null : (parsePorts(specs) ?? { ranges: [], names: [] });
}

function endpointItem(peer: number): string {
  return `endpoint ${peer}`;
}

function hostItem(host: number): string {
  return `host ${host}`;
}

function isHost({ address, length }: Prefix): boolean {
  return length === (address.family === 4 ? 32 : 128);
}
