/** The chains and sets for the endpoints of one node. What a policy compiles to is kept while the resource stays. */
import { isDeepStrictEqual } from "node:util";
import type { IPPool, PolicyDirection, Profile } from "@brindle/api";
import { type Address, type Family, formatSetElement, splitForSet } from "@brindle/net";
import type { EndpointToHostAction, Policy } from "../cluster.ts";
import type { PolicyStage } from "../hosts.ts";
import { renderHosts } from "../render/hostTables.ts";
import { Interned } from "../render/interned.ts";
import type { Chain } from "../render/ir.ts";
import { renderMasquerade } from "../render/masquerade.ts";
import { type CompiledChain, compileOwner, ownerChainName, ruleOwner } from "../render/owner.ts";
import { combineGrowth, hasPorts, type SetUse } from "../render/setUse.ts";
import {
  type DirectionChains,
  type EndpointChains,
  endpointChain,
  type FilterSettings,
  groupMin,
  policyGroup,
  quietSettings,
  renderFilter,
  type TierChains,
} from "../render/tables.ts";
import type { PolicyTier } from "../tiers.ts";
import type { Desired, DesiredSet, DesiredTable } from "./desired.ts";
import { addressesOf, type EndpointView } from "./endpointViews.ts";
import { hostChains, type LocalHost } from "./localHosts.ts";
import type { Members } from "./members.ts";
import type { RuleSets } from "./ruleSets.ts";

/** The policies of a tier that select the endpoint and speak of a direction, in order. */
export interface TierOfEndpoint {
  readonly tier: PolicyTier;
  readonly policies: readonly Policy[];
}

export interface LocalEndpoint {
  readonly id: string;
  readonly view: EndpointView;
  readonly Ingress: readonly TierOfEndpoint[];
  readonly Egress: readonly TierOfEndpoint[];
  readonly profiles: readonly Profile[];
}

export interface RenderInput {
  readonly local: readonly LocalEndpoint[];
  readonly hosts: readonly LocalHost[];
  readonly pools: readonly IPPool[];
}

const families: readonly Family[] = [4, 6];
const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];

export class NodeRendering {
  #endpointToHostAction: EndpointToHostAction;
  #settings: FilterSettings = quietSettings;
  #compiled = new WeakMap<Policy | Profile, Map<string, CompiledChain>>();
  /** The endpoints' chains of the last rendering, with what they are made from. */
  #endpointChains = new Map<string, KeptChains>();
  /** By what is in them. */
  readonly #groups = new Interned<Chain>();
  #rules: Pick<Desired, "tables" | "endpoints"> = { tables: [], endpoints: new Map() };
  #uses: ReadonlyMap<string, SetUse> = new Map();
  readonly #sets = new Map<string, DesiredSet>();

  constructor(endpointToHostAction: EndpointToHostAction) {
    this.#endpointToHostAction = endpointToHostAction;
  }

  /** Answers whether that is another one. */
  setEndpointToHostAction(action: EndpointToHostAction): boolean {
    const isOther = action !== this.#endpointToHostAction;
    this.#endpointToHostAction = action;
    return isOther;
  }

  /** Answers whether anything of it is other than before. */
  setFilterSettings(changed: Partial<FilterSettings>): boolean {
    const settings = { ...this.#settings, ...changed };
    const { log, encapsulation } = this.#settings;
    if (!isDeepStrictEqual(log, settings.log)) this.#compiled = new WeakMap();
    if (!isDeepStrictEqual(encapsulation, settings.encapsulation)) this.#endpointChains.clear();
    const isOther = !isDeepStrictEqual(this.#settings, settings);
    this.#settings = settings;
    return isOther;
  }

  /** Tells `sets` which of them are needed, and takes their members from there. */
  render({ local, hosts, pools }: RenderInput, sets: RuleSets): Omit<Desired, "problems" | "expected"> {
    const all = firstOfEachInterface(local.flatMap(endpointChains));
    this.#keepChainsOf(all);
    const tables: DesiredTable[] = [];
    const uses = new Map<string, SetUse>();
    const { failsafes } = this.#settings;
    const ofHosts = hosts.map(hostChains);
    for (const family of families) {
      // One without an address of the family has no chains there: nothing of the family is for it, or from it.
      const pods = local.filter(({ view }) => hasFamily(addressesOf(view), family));
      const endpoints = all.filter(({ addresses }) => hasFamily(addresses, family));
      const owners = this.#filterOwners(pods, hosts, family);
      const untracked = this.#hostOwners(hosts, ["untracked"], family);
      const preDnat = this.#hostOwners(hosts, ["preDnat"], family);
      const masquerade = renderMasquerade(pools, family);
      const decisions = [...owners.map(({ chain }) => chain), ...this.#chainsOf(endpoints)];
      const endpointToHostAction = this.#endpointToHostAction;
      const { raw, mangle, filter } = renderHosts({
        family,
        hosts: ofHosts,
        failsafes,
        untracked: untracked.map(({ chain }) => chain),
        preDnat: preDnat.map(({ chain }) => chain),
      });
      const content = renderFilter({
        family,
        endpoints,
        decisions,
        endpointToHostAction,
        settings: this.#settings,
        hosts: filter,
      });
      tables.push(
        { family, table: "filter", content },
        { family, table: "nat", content: masquerade.content },
        { family, table: "mangle", content: mangle },
        { family, table: "raw", content: raw },
      );
      const compiled = [...owners, ...untracked, ...preDnat];
      for (const use of [...compiled.flatMap((owner) => owner.sets), ...masquerade.sets]) addUse(uses, use);
    }
    sets.require(uses);
    for (const name of this.#sets.keys()) if (!uses.has(name)) this.#sets.delete(name);
    this.#rules = { tables, endpoints: new Map(all.map(({ id, addresses }) => [id, addresses])) };
    this.#uses = uses;
    return this.withMembers(sets);
  }

  /** What was rendered last, with the members that sets have now. */
  withMembers(sets: RuleSets): Omit<Desired, "problems" | "expected"> {
    return { ...this.#rules, sets: new Map([...this.#uses].map(([name, use]) => [name, this.#set(use, sets)])) };
  }

  /** A set that stays the same stays one object. */
  #set(use: SetUse, sets: RuleSets): DesiredSet {
    const known = this.#sets.get(use.name);
    const members = "nets" in use.content ? known?.members : sets.members(use.name);
    if (known && known.members === members && known.growth === use.growth) return known;
    const set = desiredSet(use, sets);
    this.#sets.set(use.name, set);
    return set;
  }

  /** A chain that stays the same stays one object, so that the plan need not look into it again. */
  #keepChainsOf(endpoints: readonly EndpointChains[]): void {
    const before = this.#endpointChains;
    this.#endpointChains = new Map();
    const make = (endpoint: EndpointChains): KeptChains => {
      const [ingress, ofIngress] = this.#grouped(endpoint.ingress, "Ingress");
      const [egress, ofEgress] = this.#grouped(endpoint.egress, "Egress");
      const grouped = { ...endpoint, ingress, egress };
      const own = directions.map((direction) => endpointChain(grouped, direction, this.#settings.encapsulation));
      return { endpoint, chains: [...own, ...ofIngress, ...ofEgress] };
    };
    for (const endpoint of endpoints) {
      const known = before.get(endpoint.id);
      const isSame = known && (known.endpoint === endpoint || hasSameChains(known.endpoint, endpoint));
      this.#endpointChains.set(endpoint.id, isSame ? known : make(endpoint));
    }
  }

  /** With the policies of a tier in a group, where they are many, and these groups. */
  #grouped(direction: DirectionChains, name: PolicyDirection): [DirectionChains, Chain[]] {
    const made = direction.tiers.map(({ policies }) => {
      const key = `${name} ${policies.join(" ")}`;
      return policies.length < groupMin ? null : this.#groups.of(key, () => policyGroup(policies, name));
    });
    const tiers = direction.tiers.map((tier, index) => {
      const group = made[index];
      return group ? { ...tier, policies: [group.name] } : tier;
    });
    return [{ ...direction, tiers }, made.filter((group) => group !== null)];
  }

  /** Groups are shared: each once. */
  #chainsOf(endpoints: readonly EndpointChains[]): Chain[] {
    const all = endpoints.flatMap(({ id }) => this.#endpointChains.get(id)?.chains ?? []);
    return [...new Map(all.map((chain) => [chain.name, chain])).values()];
  }

  /** Each policy and profile that concerns an endpoint here, once for each direction. */
  #owners(local: readonly LocalEndpoint[], family: Family): CompiledChain[] {
    return directions.flatMap((direction) => {
      const ofEndpoint = (endpoint: LocalEndpoint): (Policy | Profile)[] => [
        ...endpoint[direction].flatMap(({ policies }) => policies),
        ...endpoint.profiles,
      ];
      const owners = new Set(local.flatMap(ofEndpoint));
      return [...owners].map((owner) => this.#compile(owner, direction, family));
    });
  }

  /** What is for pods may be for hosts as well. */
  #filterOwners(local: readonly LocalEndpoint[], hosts: readonly LocalHost[], family: Family): CompiledChain[] {
    const owners = this.#owners(local, family);
    if (hosts.length === 0) return owners;
    const known = new Set(owners.map(({ chain }) => chain));
    const ofProfiles = directions.flatMap((direction) =>
      hosts.flatMap(({ profiles }) => profiles.map((profile) => this.#compile(profile, direction, family))),
    );
    const ofHosts = [...this.#hostOwners(hosts, ["tracked", "forwarded"], family), ...ofProfiles];
    return [...owners, ...new Set(ofHosts.filter(({ chain }) => !known.has(chain)))];
  }

  #hostOwners(hosts: readonly LocalHost[], stages: readonly PolicyStage[], family: Family): CompiledChain[] {
    return directions.flatMap((direction) => {
      const tiers = hosts.flatMap((host) => stages.flatMap((stage) => host.tiers(stage, direction)));
      const owners = new Set(tiers.flatMap(({ policies }) => policies));
      return [...owners].map((owner) => this.#compile(owner, direction, family));
    });
  }

  #compile(owner: Policy | Profile, direction: PolicyDirection, family: Family): CompiledChain {
    const compiled = this.#compiled.get(owner) ?? new Map<string, CompiledChain>();
    this.#compiled.set(owner, compiled);
    const key = `${direction} ${family}`;
    const known = compiled.get(key);
    if (known) return known;
    const rules = (direction === "Ingress" ? owner.spec.ingress : owner.spec.egress) ?? [];
    const chain = compileOwner(ruleOwner(owner), rules, { direction, family, log: this.#settings.log });
    compiled.set(key, chain);
    return chain;
  }
}

interface KeptChains {
  readonly endpoint: EndpointChains;
  /** Its own, and the groups that they ask. */
  readonly chains: readonly Chain[];
}

function hasFamily(addresses: readonly Address[], family: Family): boolean {
  return addresses.some((address) => address.family === family);
}

function hasSameChains(a: EndpointChains, b: EndpointChains): boolean {
  return (
    a.interfaceName === b.interfaceName && isSameDirection(a.ingress, b.ingress) && isSameDirection(a.egress, b.egress)
  );
}

function isSameDirection(a: DirectionChains, b: DirectionChains): boolean {
  const isSameTier = (tier: TierChains, index: number): boolean => {
    const other = b.tiers[index];
    return (
      tier.name === other?.name &&
      tier.defaultAction === other.defaultAction &&
      isSameList(tier.policies, other.policies)
    );
  };
  return a.tiers.length === b.tiers.length && a.tiers.every(isSameTier) && isSameList(a.profiles, b.profiles);
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

/** One that is not wired, or has no address, has no chains: what it sends is dropped. */
function endpointChains(endpoint: LocalEndpoint): readonly EndpointChains[] {
  const known = chainsOfEndpoints.get(endpoint);
  if (known) return known;
  const made = madeChains(endpoint);
  chainsOfEndpoints.set(endpoint, made);
  return made;
}

/** An endpoint that stays the same stays one object, and most do. */
const chainsOfEndpoints = new WeakMap<LocalEndpoint, readonly EndpointChains[]>();

function madeChains(endpoint: LocalEndpoint): EndpointChains[] {
  const { interfaceName } = endpoint.view;
  const addresses = addressesOf(endpoint.view);
  if (interfaceName === null || addresses.length === 0) return [];
  const ofDirection = (direction: PolicyDirection): DirectionChains => ({
    tiers: endpoint[direction].map(({ tier: { name, defaultAction }, policies }) => ({
      name,
      defaultAction,
      policies: policies.map((policy) => ownerChainName(ruleOwner(policy), direction)),
    })),
    profiles: endpoint.profiles.map((profile) => ownerChainName(ruleOwner(profile), direction)),
  });
  const chains = { ingress: ofDirection("Ingress"), egress: ofDirection("Egress") };
  return [{ id: endpoint.id, interfaceName, addresses, ...chains }];
}

/** Two endpoints on one interface are a mistake of whoever wrote them; the other one is as one that is not wired. */
function firstOfEachInterface(endpoints: readonly EndpointChains[]): EndpointChains[] {
  const seen = new Map<string, EndpointChains>();
  for (const endpoint of endpoints) {
    if (!seen.has(endpoint.interfaceName)) seen.set(endpoint.interfaceName, endpoint);
  }
  return [...seen.values()];
}

/** Rules that share a set must agree on what its growth does. */
function addUse(uses: Map<string, SetUse>, use: SetUse): void {
  const known = uses.get(use.name);
  if (known?.growth === use.growth) return;
  uses.set(use.name, known ? { ...use, growth: combineGrowth(known.growth, use.growth) } : use);
}

function desiredSet({ name, family, content, growth }: SetUse, sets: RuleSets): DesiredSet {
  if (content.kind !== "nets") {
    const type = hasPorts(content) ? "hash:ip,port" : "hash:net";
    return { name, family, type, growth, members: sets.members(name) };
  }
  const elements = content.nets.flatMap(splitForSet);
  const members: Members = new Map(elements.map((element) => [formatSetElement(element), element]));
  return { name, family, type: "hash:net", growth, members };
}
