/**
 * The chains of all policies and profiles that endpoints of this node ask, with the sets that these refer to: of one family.
 * Hundreds of policies may be for each of hundreds of endpoints, and few endpoints change at once. So it is counted who is
 * asked how often, and gone through again is only what changes.
 */
import type { PolicyDirection, Profile } from "@brindle/api";
import type { Family } from "@brindle/net";
import type { Policy } from "../cluster.ts";
import type { CompiledChain } from "../render/owner.ts";
import { combineUses, type SetUse } from "../render/setUse.ts";
import { hasFamily, type LocalEndpoint } from "./endpointEnds.ts";
import { addressesOf } from "./endpointViews.ts";
import { FollowedLists } from "./listChanges.ts";

export type Owner = Policy | Profile;

const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];

export class AskedOwners {
  readonly #compile: (owner: Owner, direction: PolicyDirection) => CompiledChain;
  readonly #family: Family;
  readonly #endpoints = new FollowedLists<LocalEndpoint>();
  readonly #counts: Readonly<Record<PolicyDirection, Map<Owner, number>>> = { Ingress: new Map(), Egress: new Map() };
  readonly #useCounts = new Map<SetUse, number>();
  #chains: readonly CompiledChain[] = [];

  constructor(family: Family, compile: (owner: Owner, direction: PolicyDirection) => CompiledChain) {
    this.#family = family;
    this.#compile = compile;
  }

  /**
   * Whom those that are there, and those that are gone, ask from now on. An endpoint that stays the same is the same object; one
   * without an address of the family asks nobody: nothing of the family is for it, or from it.
   */
  update(local: readonly LocalEndpoint[], departed: readonly LocalEndpoint[]): void {
    const changes = this.#endpoints.update(local, departed);
    const isAsking = ({ view }: LocalEndpoint): boolean => hasFamily(addressesOf(view), this.#family);
    const touched = { Ingress: new Map<Owner, number>(), Egress: new Map<Owner, number>() };
    for (const endpoint of changes.added.filter(isAsking)) this.#count(endpoint, 1, touched);
    for (const endpoint of changes.removed.filter(isAsking)) this.#count(endpoint, -1, touched);
    const added: CompiledChain[] = [];
    const removed = new Set<CompiledChain>();
    for (const direction of directions) {
      for (const [owner, countBefore] of touched[direction]) {
        const isAsked = this.#counts[direction].has(owner);
        if (isAsked === countBefore > 0) continue;
        const compiled = this.#compile(owner, direction);
        if (isAsked) added.push(compiled);
        else removed.add(compiled);
        for (const use of compiled.sets) changeCount(this.#useCounts, use, isAsked ? 1 : -1);
      }
    }
    if (added.length + removed.size > 0) this.#chains = merged(this.#chains, { added, removed });
  }

  /** Each once, in the order of the chains' names. The same list as long as nothing changes. */
  get chains(): readonly CompiledChain[] {
    return this.#chains;
  }

  /** By their names. Those of several rules that share a set agree on it. */
  get uses(): ReadonlyMap<string, SetUse> {
    const uses = new Map<string, SetUse>();
    for (const use of this.#useCounts.keys()) addUse(uses, use);
    return uses;
  }

  /** `touched` keeps how often an owner was asked before all of this. */
  #count(endpoint: LocalEndpoint, change: 1 | -1, touched: Record<PolicyDirection, Map<Owner, number>>): void {
    for (const direction of directions) {
      const counts = this.#counts[direction];
      const count = (owner: Owner): void => {
        if (!touched[direction].has(owner)) touched[direction].set(owner, counts.get(owner) ?? 0);
        changeCount(counts, owner, change);
      };
      for (const { policies } of endpoint[direction]) policies.forEach(count);
      endpoint.profiles.forEach(count);
    }
  }
}

/** Rules that share a set must agree on what its growth does. */
export function addUse(uses: Map<string, SetUse>, use: SetUse): void {
  const known = uses.get(use.name);
  if (known === use) return;
  uses.set(use.name, known ? combineUses(known, use) : use);
}

function changeCount<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function merged(
  chains: readonly CompiledChain[],
  { added, removed }: { readonly added: readonly CompiledChain[]; readonly removed: ReadonlySet<CompiledChain> },
): CompiledChain[] {
  const result: CompiledChain[] = [];
  const coming = added.toSorted((a, b) => (a.chain.name < b.chain.name ? -1 : 1));
  let next = 0;
  for (const compiled of chains) {
    if (removed.has(compiled)) continue;
    for (let one = coming[next]; one && one.chain.name < compiled.chain.name; one = coming[next]) {
      result.push(one);
      next += 1;
    }
    result.push(compiled);
  }
  return [...result, ...coming.slice(next)];
}
