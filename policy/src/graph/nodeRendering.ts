/** The chains and sets for the endpoints of one node. What a policy compiles to is kept while the resource stays. */
import { isDeepStrictEqual } from "node:util";
import type { IPPool, PolicyDirection, Profile } from "@brindle/api";
import { type Family, formatSetElement, type InterfaceElement, splitForSet } from "@brindle/net";
import type { EndpointToHostAction, Policy } from "../cluster.ts";
import type { PolicyStage } from "../hosts.ts";
import { type Dispatch, dispatch } from "../render/dispatch.ts";
import type { HostChains } from "../render/hostChains.ts";
import { renderHosts } from "../render/hostTables.ts";
import { Interned } from "../render/interned.ts";
import type { Chain } from "../render/ir.ts";
import { renderMasquerade } from "../render/masquerade.ts";
import { type CompiledChain, compileOwner, ruleOwner } from "../render/owner.ts";
import { combineGrowth, hasPorts, type SetUse } from "../render/setUse.ts";
import {
  type DirectionChains,
  endpointChain,
  endpointChainName,
  type FilterSettings,
  groupMin,
  policyGroup,
  quietSettings,
  renderFilter,
} from "../render/tables.ts";
import type { Desired, DesiredSet, DesiredTable } from "./desired.ts";
import {
  type EndpointEnds,
  elementsOf,
  endpointEnds,
  enforced,
  hasFamily,
  type LocalEndpoint,
  withoutClashes,
} from "./endpointEnds.ts";
import { addressesOf } from "./endpointViews.ts";
import { hostChains, type LocalHost } from "./localHosts.ts";
import type { Members } from "./members.ts";
import type { RuleSets } from "./ruleSets.ts";

export interface RenderInput {
  readonly local: readonly LocalEndpoint[];
  /** Such as are gone, whose chains are to stay all the same. */
  readonly departed: readonly LocalEndpoint[];
  readonly hosts: readonly LocalHost[];
  readonly pools: readonly IPPool[];
}

const families: readonly Family[] = [4, 6];
const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];

export class NodeRendering {
  #endpointToHostAction: EndpointToHostAction;
  #settings: FilterSettings = quietSettings;
  #compiled = new WeakMap<Policy | Profile, Map<string, CompiledChain>>();
  /** By its name: the chain of one end that the last rendering had, and the groups of policies that it asks. */
  #endpointChains = new Map<string, readonly Chain[]>();
  /** By what is in them. */
  readonly #groups = new Interned<Chain>();
  #rules: Pick<Desired, "tables" | "endpoints"> = { tables: [], endpoints: new Map() };
  #uses: ReadonlyMap<string, SetUse> = new Map();
  readonly #sets = new Map<string, DesiredSet>();
  #dispatchSets: ReadonlyMap<string, DesiredSet> = new Map();
  /** All that the tables were made of; `null` where not all of it is known by identity. */
  #madeOf: readonly unknown[] | null = null;

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
    if (isOther) this.#settings = settings;
    return isOther;
  }

  /** Tells `sets` which of them are needed, and takes their members from there. */
  render(input: RenderInput, sets: RuleSets): Omit<Desired, "problems" | "expected"> {
    const all = withoutClashes(input.local.flatMap(endpointEnds));
    const departed = input.departed.flatMap(endpointEnds).map((end): EndpointEnds => ({ ...end, isGone: true }));
    this.#keepChainsOf([...all, ...departed]);
    const parts = families.map((family) => this.#partsOf(family, [...all, ...departed], input));
    this.#rules = {
      tables: this.#tables(parts, input, sets),
      endpoints: new Map(all.map((end) => [end.id, enforced(end)])),
    };
    const dispatchSets = parts.flatMap(({ dispatches }) => dispatches.flatMap((each) => each.sets));
    this.#dispatchSets = new Map(dispatchSets.map((set) => [set.name, this.#sameSet(set)]));
    return this.withMembers(sets);
  }

  #partsOf(family: Family, all: readonly EndpointEnds[], { local, departed, hosts }: RenderInput): FamilyParts {
    // One without an address of the family has no chains there: nothing of the family is for it, or from it.
    const pods = [...local, ...departed].filter(({ view }) => hasFamily(addressesOf(view), family));
    const ends = all.filter(({ addresses }) => hasFamily(addresses, family));
    return {
      family,
      dispatches: directions.map((direction) => this.#dispatch(ends, direction, family)),
      endpointChains: this.#chainsOf(ends),
      owners: this.#filterOwners(pods, hosts, family),
      untracked: this.#hostOwners(hosts, ["untracked"], family),
      preDnat: this.#hostOwners(hosts, ["preDnat"], family),
    };
  }

  /** As long as a pod that comes or goes leaves all chains as they are, so are the tables: the same objects. */
  #tables(parts: readonly FamilyParts[], { hosts, pools }: RenderInput, sets: RuleSets): readonly DesiredTable[] {
    const madeOf = [
      ...[this.#settings, this.#endpointToHostAction, ...pools],
      ...parts.flatMap(({ dispatches, endpointChains, owners }) => [
        ...dispatches.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)),
        ...endpointChains,
        ...owners,
      ]),
    ];
    if (hosts.length === 0 && this.#madeOf && isSameList(this.#madeOf, madeOf)) return this.#rules.tables;
    this.#madeOf = hosts.length === 0 ? madeOf : null;
    const uses = new Map<string, SetUse>();
    const tables = parts.flatMap((part) => this.#tablesOf(part, { hosts: hosts.map(hostChains), pools, uses }));
    sets.require(uses);
    for (const name of this.#sets.keys()) if (!uses.has(name)) this.#sets.delete(name);
    this.#uses = uses;
    return tables;
  }

  #tablesOf(
    { family, dispatches, endpointChains, owners, untracked, preDnat }: FamilyParts,
    { hosts, pools, uses }: { hosts: readonly HostChains[]; pools: readonly IPPool[]; uses: Map<string, SetUse> },
  ): DesiredTable[] {
    const masquerade = renderMasquerade(pools, family);
    const { raw, mangle, filter } = renderHosts({
      family,
      hosts,
      failsafes: this.#settings.failsafes,
      untracked: untracked.map(({ chain }) => chain),
      preDnat: preDnat.map(({ chain }) => chain),
    });
    const content = renderFilter({
      family,
      dispatches: dispatches.flatMap(({ chains }) => chains),
      decisions: [...owners.map(({ chain }) => chain), ...endpointChains],
      endpointToHostAction: this.#endpointToHostAction,
      settings: this.#settings,
      hosts: filter,
    });
    const compiled = [...owners, ...untracked, ...preDnat];
    for (const use of [...compiled.flatMap((owner) => owner.sets), ...masquerade.sets]) addUse(uses, use);
    return [
      { family, table: "filter", content },
      { family, table: "nat", content: masquerade.content },
      { family, table: "mangle", content: mangle },
      { family, table: "raw", content: raw },
    ];
  }

  /** What was rendered last, with the members that sets have now. */
  withMembers(sets: RuleSets): Omit<Desired, "problems" | "expected"> {
    const found = [...this.#uses].map(([name, use]): [string, DesiredSet] => [name, this.#set(use, sets)]);
    return { ...this.#rules, sets: new Map([...found, ...this.#dispatchSets]) };
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
  #keepChainsOf(ends: readonly EndpointEnds[]): void {
    const before = this.#endpointChains;
    this.#endpointChains = new Map();
    for (const { decisions, chains } of ends) {
      for (const direction of directions) {
        const name = chains[direction];
        if (this.#endpointChains.has(name)) continue;
        this.#endpointChains.set(name, before.get(name) ?? this.#endpointChain(decisions[direction], direction));
      }
    }
  }

  #endpointChain(decisions: DirectionChains, direction: PolicyDirection): Chain[] {
    const [grouped, groups] = this.#grouped(decisions, direction);
    const chain = endpointChain(grouped, direction, this.#settings.encapsulation);
    // The name says what is decided, whether it is asked in groups or not.
    return [{ ...chain, name: endpointChainName(decisions, direction) }, ...groups];
  }

  /** The way to the chains of some ends, and the sets with these. */
  #dispatch(ends: readonly EndpointEnds[], direction: PolicyDirection, family: Family): FilledDispatch {
    const byChain = Map.groupBy(ends, ({ chains }) => chains[direction]);
    const { chains, sets }: Dispatch = dispatch(family, direction, [...byChain.keys()].sort());
    const members = new Map<string, Map<string, InterfaceElement>>();
    for (const [chain, names] of sets) {
      const elements = (byChain.get(chain) ?? []).flatMap((end) => elementsOf(end, family));
      for (const name of names) {
        const known = members.get(name) ?? new Map<string, InterfaceElement>();
        members.set(name, known);
        for (const element of elements) known.set(formatSetElement(element), element);
      }
    }
    const filled = [...members].map(
      ([name, of]): DesiredSet => ({ name, family, type: "hash:net,iface", growth: "admits", members: of }),
    );
    return { chains, sets: filled };
  }

  /** A set that stays the same stays one object. */
  #sameSet(set: DesiredSet): DesiredSet {
    const known = this.#dispatchSets.get(set.name);
    const isSame =
      known?.members.size === set.members.size && [...set.members.keys()].every((text) => known.members.has(text));
    return isSame ? known : set;
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

  /** Chains and groups are shared: each once. */
  #chainsOf(ends: readonly EndpointEnds[]): Chain[] {
    const names = new Set(ends.flatMap(({ chains }) => directions.map((direction) => chains[direction])));
    const all = [...names].sort().flatMap((name) => this.#endpointChains.get(name) ?? []);
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

/** What the tables of a family are made of. */
interface FamilyParts {
  readonly family: Family;
  readonly dispatches: readonly FilledDispatch[];
  readonly endpointChains: readonly Chain[];
  readonly owners: readonly CompiledChain[];
  readonly untracked: readonly CompiledChain[];
  readonly preDnat: readonly CompiledChain[];
}

interface FilledDispatch {
  readonly chains: readonly Chain[];
  readonly sets: readonly DesiredSet[];
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
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
