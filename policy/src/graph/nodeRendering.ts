/** The chains and sets for the endpoints of one node. What a policy compiles to is kept while the resource stays. */
import { isDeepStrictEqual } from "node:util";
import type { IPPool, PolicyDirection } from "@brindle/api";
import type { Family } from "@brindle/net";
import type { EndpointToHostAction } from "../cluster.ts";
import type { PolicyStage } from "../hosts.ts";
import { Codepoints, joinedContent, type MarkedAddress } from "../render/codepoints.ts";
import type { HostChains } from "../render/hostChains.ts";
import { renderHosts } from "../render/hostTables.ts";
import { type OwnersOfHosts, usesOfHosts } from "../render/hostUses.ts";
import { Interned } from "../render/interned.ts";
import type { Chain, TableContent } from "../render/ir.ts";
import { type LimitedPod, limitChains } from "../render/limits.ts";
import { type FloatingAddress, renderNat } from "../render/nat.ts";
import { type CompiledChain, compileOwner, ruleOwner } from "../render/owner.ts";
import { groupMin, policyGroup } from "../render/policyGroup.ts";
import type { SetUse } from "../render/setUse.ts";
import {
  type DirectionChains,
  endpointChain,
  endpointChainName,
  type FilterSettings,
  quietSettings,
  renderFilter,
} from "../render/tables.ts";
import { AskedOwners, addUse, type Owner } from "./askedOwners.ts";
import type { Desired, DesiredSet, DesiredTable, EnforcedEndpoint } from "./desired.ts";
import { DispatchedEnds } from "./dispatchedEnds.ts";
import { type EndpointEnds, enforced, goneEnds, hasFamily, type LocalEndpoint } from "./endpointEnds.ts";
import { addressesOf } from "./endpointViews.ts";
import { FollowedLists, isSameList, type ListChanges } from "./listChanges.ts";
import { LocalEnds } from "./localEnds.ts";
import { hostChains, type LocalHost } from "./localHosts.ts";
import { desiredSet, type RuleSets } from "./ruleSets.ts";
import { type Sources, sourcesOf } from "./sourcePrefixes.ts";

export interface RenderInput {
  readonly local: readonly LocalEndpoint[];
  /** Such as are gone, whose chains are to stay all the same. */
  readonly departed: readonly LocalEndpoint[];
  readonly hosts: readonly LocalHost[];
  readonly pools: readonly IPPool[];
  readonly floating: readonly FloatingAddress[];
}

const families: readonly Family[] = [4, 6];
const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];

export class NodeRendering {
  #endpointToHostAction: EndpointToHostAction;
  #settings: FilterSettings = quietSettings;
  #compiled = new WeakMap<Owner, Map<string, CompiledChain>>();
  #asked = this.#nobodyAsked();
  /** By its name: the chain of one end that the last rendering had, and the groups of policies that it asks. */
  #endpointChains = new Map<string, readonly Chain[]>();
  /** By what is in them. */
  readonly #groups = new Interned<readonly Chain[]>();
  readonly #limits = new Interned<readonly Chain[]>();
  readonly #codepoints = new Codepoints();
  #rules: Pick<Desired, "tables" | "endpoints"> = { tables: [], endpoints: new Map() };
  #uses: ReadonlyMap<string, SetUse> = new Map();
  readonly #sets = new Map<string, DesiredSet>();
  readonly #localEnds = new LocalEnds();
  readonly #ends = new FollowedLists<EndpointEnds>();
  readonly #dispatched: Readonly<Record<Family, readonly DispatchedEnds[]>> = {
    4: directions.map((direction) => new DispatchedEnds(4, direction)),
    6: directions.map((direction) => new DispatchedEnds(6, direction)),
  };
  /** All that the tables were made of; `null` where not all of it is known by identity. */
  #madeOf: readonly unknown[] | null = null;
  #problems: ReadonlyMap<string, string> = new Map();

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
    if (!isDeepStrictEqual(log, settings.log)) {
      this.#compiled = new WeakMap();
      this.#asked = this.#nobodyAsked();
    }
    if (!isDeepStrictEqual(encapsulation, settings.encapsulation)) this.#endpointChains.clear();
    const isOther = !isDeepStrictEqual(this.#settings, settings);
    if (isOther) this.#settings = settings;
    return isOther;
  }

  /** Tells `sets` which of them are needed, and takes their members from there. */
  render(input: RenderInput, sets: RuleSets): Omit<Desired, "problems" | "expected"> {
    const here = this.#localEnds.update(input.local);
    const departed = input.departed.flatMap(goneEnds);
    const ends = { all: [...here, ...departed], changes: this.#ends.update(here, departed) };
    const sources = sourcesOf(here, this.#settings.sourceSpoofing);
    this.#problems = sources.problems;
    for (const family of families) this.#dispatchEnds(family, ends, sources);
    this.#keepChainsOf(ends);
    const parts = families.map((family) => this.#partsOf(family, input));
    this.#rules = {
      tables: this.#tables(parts, input, sets),
      endpoints: this.#enforced(here),
    };
    return this.withMembers(sets);
  }

  #enforced(here: readonly EndpointEnds[]): Map<string, EnforcedEndpoint> {
    const endpoints = new Map<string, EnforcedEndpoint>();
    for (const end of here) endpoints.set(end.id, enforced(end, this.#settings));
    return endpoints;
  }

  /** Endpoints of which not all is in force, each with what is not, by `namespace/name`. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  #dispatchEnds(family: Family, { all, changes }: NodeEnds, { elements }: Sources): void {
    for (const dispatched of this.#dispatched[family]) {
      // One without an address of the family has no chains there: nothing of the family is for it, or from it.
      dispatched.update(all, changes, dispatched.direction === "Egress" ? elements[family] : new Map());
    }
  }

  #partsOf(family: Family, { local, departed, hosts, pools }: RenderInput): FamilyParts {
    const asked = this.#asked[family];
    asked.update(local, departed);
    return {
      family,
      dispatches: this.#dispatched[family],
      endpointChains: this.#chainsOf(family),
      asked: asked.chains,
      limits: this.#limitsOf(local, family),
      codepoints: this.#codepoints.of(codepointsOf(local), { family, pools }),
      uses: asked.uses,
      ofHosts: this.#filterOwnersOfHosts(hosts, family),
      forwarded: this.#hostOwners(hosts, ["forwarded"], family),
      untracked: this.#hostOwners(hosts, ["untracked"], family),
      preDnat: this.#hostOwners(hosts, ["preDnat"], family),
    };
  }

  /** Few pods have some. What stays the same stays one object. */
  #limitsOf(local: readonly LocalEndpoint[], family: Family): readonly Chain[] {
    const pods: LimitedPod[] = [];
    for (const { view } of local) {
      const { limits, interfaceName } = view;
      if (limits && interfaceName !== null && hasFamily(addressesOf(view), family))
        pods.push({ limits, interfaceName });
    }
    const each = [...new Map(pods.map((pod) => [pod.interfaceName, pod])).values()];
    return this.#limits.of(JSON.stringify(each), () => limitChains(each));
  }

  /** As long as a pod that comes or goes leaves all chains as they are, so are the tables: the same objects. */
  #tables(
    parts: readonly FamilyParts[],
    { hosts, pools, floating }: RenderInput,
    sets: RuleSets,
  ): readonly DesiredTable[] {
    const madeOf = [
      ...[this.#settings, this.#endpointToHostAction, ...pools, floating],
      ...parts.flatMap(({ dispatches, endpointChains, asked, limits, codepoints }) => [
        ...dispatches.flatMap(({ dispatch: { chains, known } }) => [...known, ...chains.flatMap(({ rules }) => rules)]),
        ...endpointChains,
        asked,
        limits,
        codepoints,
      ]),
    ];
    if (hosts.length === 0 && this.#madeOf && isSameList(this.#madeOf, madeOf)) return this.#rules.tables;
    this.#madeOf = hosts.length === 0 ? madeOf : null;
    const uses = new Map<string, SetUse>();
    const tables = parts.flatMap((part) =>
      this.#tablesOf(part, { hosts: hosts.map(hostChains), pools, floating, uses }),
    );
    sets.require(uses);
    for (const name of this.#sets.keys()) if (!uses.has(name)) this.#sets.delete(name);
    this.#uses = uses;
    return tables;
  }

  #tablesOf(part: FamilyParts, { hosts, pools, floating, uses }: NodeParts): DesiredTable[] {
    const { family, dispatches, endpointChains, asked, ofHosts, untracked, preDnat, limits, codepoints } = part;
    const nat = renderNat({ family, pools, floating });
    const { raw, mangle, filter } = renderHosts({
      family,
      hosts,
      failsafes: this.#settings.failsafes,
      deniedFlowsPerSecond: this.#settings.deniedFlowsPerSecond,
      untracked: untracked.map(({ chain }) => chain),
      preDnat: preDnat.map(({ chain }) => chain),
    });
    const known = new Set(ofHosts.length > 0 ? asked : []);
    const owners = [...asked, ...ofHosts.filter((compiled) => !known.has(compiled))];
    const knownOf = (of: PolicyDirection) =>
      dispatches.flatMap(({ direction, dispatch }) => (direction === of ? dispatch.known : []));
    const content = renderFilter({
      family,
      dispatches: dispatches.flatMap(({ dispatch }) => dispatch.chains),
      known: { Egress: knownOf("Egress"), Ingress: knownOf("Ingress") },
      decisions: [...owners.map(({ chain }) => chain), ...endpointChains],
      endpointToHostAction: this.#endpointToHostAction,
      limits,
      settings: this.#settings,
      hosts: filter,
    });
    for (const use of [...part.uses.values(), ...usesOfHosts(part), ...nat.sets]) addUse(uses, use);
    return [
      { family, table: "filter", content },
      { family, table: "nat", content: nat.content },
      { family, table: "mangle", content: joinedContent(mangle, codepoints) },
      { family, table: "raw", content: raw },
    ];
  }

  /** What was rendered last, with the members that sets have now. */
  withMembers(sets: RuleSets): Omit<Desired, "problems" | "expected"> {
    const found = [...this.#uses].map(([name, use]): [string, DesiredSet] => [name, this.#set(use, sets)]);
    const ofEnds = families.flatMap((family) => this.#dispatched[family].flatMap(({ sets }) => [...sets]));
    return { ...this.#rules, sets: new Map([...found, ...ofEnds.map((set) => [set.name, set] as const)]) };
  }

  /** A set that stays the same stays one object. */
  #set(use: SetUse, sets: RuleSets): DesiredSet {
    const known = this.#sets.get(use.name);
    const members = "nets" in use.content ? known?.members : sets.members(use.name);
    const isSame = known?.growth === use.growth && known.lookups === use.lookups;
    if (isSame && known.members === members) return known;
    const set = desiredSet(use, sets);
    this.#sets.set(use.name, set);
    return set;
  }

  /** A chain that stays the same stays one object, so that the plan need not look into it again. */
  #keepChainsOf({ all, changes }: NodeEnds): void {
    for (const { decisions, chains } of this.#endpointChains.size === 0 ? all : changes.added) {
      for (const direction of directions) {
        const name = chains[direction];
        if (this.#endpointChains.has(name)) continue;
        this.#endpointChains.set(name, this.#endpointChain(decisions[direction], direction));
      }
    }
    if (changes.removed.length === 0) return;
    const asked = new Set(families.flatMap((family) => this.#decidingIn(family)));
    for (const name of this.#endpointChains.keys()) if (!asked.has(name)) this.#endpointChains.delete(name);
  }

  #decidingIn(family: Family): string[] {
    return this.#dispatched[family].flatMap(({ deciding }) => [...deciding]);
  }

  #endpointChain(decisions: DirectionChains, direction: PolicyDirection): Chain[] {
    const [grouped, groups] = this.#grouped(decisions, direction);
    const chain = endpointChain(grouped, direction, this.#settings.encapsulation);
    // The name says what is decided, whether it is asked in groups or not.
    return [{ ...chain, name: endpointChainName(decisions, direction) }, ...groups];
  }

  /** With the policies of a tier in a group, where they are many, and these groups. */
  #grouped(direction: DirectionChains, name: PolicyDirection): [DirectionChains, Chain[]] {
    const made = direction.tiers.map(({ policies }) => {
      const key = `${name} ${policies.join(" ")}`;
      return policies.length < groupMin ? null : this.#groups.of(key, () => policyGroup(policies, name));
    });
    const tiers = direction.tiers.map((tier, index) => {
      const [group] = made[index] ?? [];
      return group ? { ...tier, policies: [group.name] } : tier;
    });
    return [{ ...direction, tiers }, made.flatMap((group) => group ?? [])];
  }

  /** Chains and groups are shared: each once. */
  #chainsOf(family: Family): Chain[] {
    const names = new Set(this.#decidingIn(family));
    const all = [...names].sort().flatMap((name) => this.#endpointChains.get(name) ?? []);
    return [...new Map(all.map((chain) => [chain.name, chain])).values()];
  }

  #nobodyAsked(): Readonly<Record<Family, AskedOwners>> {
    const ofFamily = (family: Family): AskedOwners =>
      new AskedOwners(family, (owner, direction) => this.#compile(owner, direction, family));
    return { 4: ofFamily(4), 6: ofFamily(6) };
  }

  /** What is for hosts may be for pods as well. */
  #filterOwnersOfHosts(hosts: readonly LocalHost[], family: Family): CompiledChain[] {
    const ofProfiles = directions.flatMap((direction) =>
      hosts.flatMap(({ profiles }) => profiles.map((profile) => this.#compile(profile, direction, family))),
    );
    return [...new Set([...this.#hostOwners(hosts, ["tracked", "forwarded"], family), ...ofProfiles])];
  }

  #hostOwners(hosts: readonly LocalHost[], stages: readonly PolicyStage[], family: Family): CompiledChain[] {
    return directions.flatMap((direction) => {
      const tiers = hosts.flatMap((host) => stages.flatMap((stage) => host.tiers(stage, direction)));
      const owners = new Set(tiers.flatMap(({ policies }) => policies));
      return [...owners].map((owner) => this.#compile(owner, direction, family));
    });
  }

  #compile(owner: Owner, direction: PolicyDirection, family: Family): CompiledChain {
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

/** What the tables of both families are made of. */
interface NodeParts extends Pick<RenderInput, "pools" | "floating"> {
  readonly hosts: readonly HostChains[];
  readonly uses: Map<string, SetUse>;
}

/** What the tables of a family are made of. */
interface FamilyParts extends OwnersOfHosts {
  readonly family: Family;
  readonly dispatches: readonly DispatchedEnds[];
  readonly endpointChains: readonly Chain[];
  /** By endpoints, and the sets that they refer to. */
  readonly asked: readonly CompiledChain[];
  readonly limits: readonly Chain[];
  readonly codepoints: TableContent;
  readonly uses: ReadonlyMap<string, SetUse>;
}

/** All ends of this node's endpoints, also of such as are gone, and how they differ from those of the last rendering. */
interface NodeEnds {
  readonly all: readonly EndpointEnds[];
  readonly changes: ListChanges<EndpointEnds>;
}

function codepointsOf(local: readonly LocalEndpoint[]): MarkedAddress[] {
  const marked: MarkedAddress[] = [];
  for (const { view } of local) {
    const { codepoint } = view;
    if (codepoint === undefined) continue;
    for (const address of addressesOf(view)) marked.push({ address, codepoint });
  }
  return marked;
}
