/** The sets whose members are endpoints and sets of networks. Only those that rules of this node refer to are kept. */
import type { Labels, WorkloadEndpoint } from "@brindle/api";
import { type Family, type SetElement, splitForSet } from "@brindle/net";
import type { SetContent, SetUse } from "../render/setUse.ts";
import { type Scope, scopeKey } from "../scope.ts";
import { CountedMembers, type Members } from "./countedMembers.ts";
import { addressesOf, type EndpointView, endpointOfView, type MemberView } from "./endpointViews.ts";
import { ScopeIndex } from "./scopeIndex.ts";

export type EndpointContent = Extract<SetContent, { readonly scope: Scope }>;

interface EndpointSet {
  readonly family: Family;
  readonly content: EndpointContent;
  readonly members: CountedMembers;
}

export class EndpointSets {
  readonly #index = new ScopeIndex((key, id, view) => this.#onMatch(key, id, view));
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
    for (const { name, family, content } of uses.values()) {
      if ("scope" in content && !this.#sets.has(name)) this.#keep(name, family, content);
    }
  }

  members(name: string): Members {
    return this.#sets.get(name)?.members.snapshot() ?? new Map();
  }

  #keep(name: string, family: Family, content: EndpointContent): void {
    const set: EndpointSet = { family, content, members: new CountedMembers() };
    this.#sets.set(name, set);
    const key = scopeKey(content.scope);
    this.#setsOfScope.set(key, (this.#setsOfScope.get(key) ?? new Set()).add(set));
    this.#index.add(content.scope);
    for (const [id, view] of this.#index.matching(content.scope)) {
      set.members.onContributor(id, contribution(set, view));
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

  #onMatch(key: string, id: string, view: MemberView | null): void {
    for (const set of this.#setsOfScope.get(key) ?? []) {
      set.members.onContributor(id, view ? contribution(set, view) : []);
    }
  }
}

function contribution({ family, content }: EndpointSet, view: MemberView): SetElement[] {
  if (content.kind === "addresses") {
    const [network, ...others] = view.networks;
    if (!network) return [];
    if (others.length === 0 && network.length > 0) return network.address.family === family ? [network] : [];
    return view.networks.flatMap((each) => (each.address.family === family ? splitForSet(each) : []));
  }
  const addresses = addressesOf(view).filter((address) => address.family === family);
  const ports = view.ports.filter(({ name, port }) => name === content.port && port >= 1 && port <= 65535);
  return ports.flatMap(({ protocol, port }) =>
    protocol === null ? [] : addresses.map((address) => ({ address, protocol, port })),
  );
}
