/** The sets whose members are endpoints and sets of networks. Only those that rules of this node refer to are kept. */
import type { Labels, WorkloadEndpoint } from "@brindle/api";
import { type Family, formatSetElement } from "@brindle/net";
import type { SetContent, SetUse } from "../render/setUse.ts";
import { type Scope, scopeKey } from "../scope.ts";
import { type Contribution, CountedMembers } from "./countedMembers.ts";
import { addressesOf, type EndpointView, endpointOfView, familyOfText, type MemberView } from "./endpointViews.ts";
import type { NetworksByFamily } from "./listedNetworks.ts";
import type { Members } from "./members.ts";
import { ScopeIndex, type ViewChange } from "./scopeIndex.ts";

export type EndpointContent = Extract<SetContent, { readonly scope: Scope }>;

interface SetOfEndpoints {
  readonly name: string;
  readonly family: Family;
  readonly content: EndpointContent;
}

interface EndpointSet {
  readonly family: Family;
  readonly content: EndpointContent;
  readonly members: CountedMembers;
}

export class EndpointSets {
  readonly #index = new ScopeIndex((key, change) => this.#onMatch(key, change));
  readonly #sets = new Map<string, EndpointSet>();
  readonly #setsOfScope = new Map<string, Set<EndpointSet>>();

  onMember(id: string, view: MemberView | null): void {
    this.#index.onMember(id, view);
  }

  /** What is known of an endpoint. */
  endpoint(id: string): WorkloadEndpoint | null {
    const view = this.#index.member(id);
    return view && "node" in view ? endpointOfView(id, view as EndpointView) : null;
  }

  onProfileLabels(name: string, labels: Labels | null): void {
    this.#index.onProfileLabels(name, labels);
  }

  /** Exactly these sets are kept from now on. */
  require(uses: ReadonlyMap<string, SetUse>): void {
    for (const [name, set] of this.#sets) if (!uses.has(name)) this.#drop(name, set);
    const fresh = [...uses.values()].flatMap(({ name, family, content }) =>
      "scope" in content && !this.#sets.has(name) ? [{ name, family, content }] : [],
    );
    this.#index.prepare(fresh.map(({ content }) => content.scope));
    const byScope = Map.groupBy(fresh, ({ content }) => scopeKey(content.scope));
    for (const ofScope of byScope.values()) this.#fill(ofScope.map((each) => this.#keep(each)));
  }

  members(name: string): Members {
    return this.#sets.get(name)?.members.snapshot() ?? new Map();
  }

  #keep({ name, family, content }: SetOfEndpoints): EndpointSet {
    const set: EndpointSet = { family, content, members: new CountedMembers() };
    this.#sets.set(name, set);
    const key = scopeKey(content.scope);
    this.#setsOfScope.set(key, (this.#setsOfScope.get(key) ?? new Set()).add(set));
    this.#index.add(content.scope, key);
    return set;
  }

  /** Of one scope, whose members are gone through once. */
  #fill(sets: readonly EndpointSet[]): void {
    const [first] = sets;
    if (!first) return;
    for (const id of this.#index.membersOf(scopeKey(first.content.scope))) {
      const view = this.#index.member(id);
      if (view) for (const set of sets) set.members.replace(null, contribution(set, view));
    }
  }

  #drop(name: string, set: EndpointSet): void {
    this.#sets.delete(name);
    const key = scopeKey(set.content.scope);
    const sharing = this.#setsOfScope.get(key);
    sharing?.delete(set);
    if (sharing?.size === 0) this.#setsOfScope.delete(key);
    this.#index.remove(set.content.scope);
  }

  #onMatch(key: string, { before, after }: ViewChange): void {
    for (const set of this.#setsOfScope.get(key) ?? []) {
      set.members.replace(before && contribution(set, before), after && contribution(set, after));
    }
  }
}

function contribution({ family, content }: EndpointSet, view: MemberView): Contribution {
  const { networks, ports } = view;
  if (content.kind === "namedPort") {
    const addresses = addressesOf(view).filter((address) => address.family === family);
    const named = ports.filter(({ name, port }) => name === content.port && port >= 1 && port <= 65535);
    return named.flatMap(({ protocol, port }) =>
      protocol === null ? [] : addresses.map((address) => formatSetElement({ address, protocol, port })),
    );
  }
  if (typeof networks === "string") return familyOfText(networks) === family ? networks : null;
  return isByFamily(networks) ? networks[family] : networks.filter((text) => familyOfText(text) === family);
}

function isByFamily(networks: readonly string[] | NetworksByFamily): networks is NetworksByFamily {
  return !Array.isArray(networks);
}
