/**
 * From resources to what the kernel of one node is to have. `receive` takes them one by one, in any order, as often as
 * they come, `null` for one that is gone; it is cheap and keeps memberships up to date. `desired` puts together what
 * concerns the endpoints of this node: only their policies, and only the sets that those refer to.
 */
import { isDeepStrictEqual } from "node:util";
import type {
  EndpointSlice,
  GlobalNetworkPolicy,
  GlobalNetworkSet,
  HostEndpoint,
  IPPool,
  Key,
  NetworkPolicy,
  NetworkSet,
  PolicyDirection,
  Profile,
  Tier,
  WorkloadEndpoint,
} from "@brindle/api";
import type { PolicyKey } from "../closedPolicy.ts";
import { appliesTo, type EndpointToHostAction, type Policy, type PolicyName, policyName } from "../cluster.ts";
import { describeRule } from "../describeRule.ts";
import {
  asksForServices,
  type Enforceable,
  enforceableEndpoint,
  enforceablePolicy,
  enforceableProfile,
  noServicesKnown,
  type Unreadable,
  unreadablePolicy,
} from "../enforceable.ts";
import { type HostInterfaces, hostId, type PolicyStage } from "../hosts.ts";
import { networkSetId, readableNetworkSet } from "../networkSet.ts";
import type { RuleName } from "../observe/ruleName.ts";
import { type EndpointKey, readableEndpoint } from "../readableEndpoint.ts";
import type { FilterSettings } from "../render/tables.ts";
import { byTier, Tiers } from "../tiers.ts";
import { DepartedEndpoints } from "./departedEndpoints.ts";
import type { Desired } from "./desired.ts";
import type { LocalEndpoint, TierOfEndpoint } from "./endpointEnds.ts";
import { type EndpointView, EndpointViews, type ViewListeners } from "./endpointViews.ts";
import { type LocalHost, LocalHosts, viewOfHost } from "./localHosts.ts";
import { LocalPolicies } from "./localPolicies.ts";
import { NodeRendering } from "./nodeRendering.ts";
import { RuleSets } from "./ruleSets.ts";

export type PolicyResource =
  | WorkloadEndpoint
  | NetworkPolicy
  | GlobalNetworkPolicy
  | NetworkSet
  | GlobalNetworkSet
  | Tier
  | Profile
  | HostEndpoint
  | IPPool;

/** The kinds that the graph wants to hear of. */
export const policyKinds: readonly PolicyResource["kind"][] = [
  "WorkloadEndpoint",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "NetworkSet",
  "GlobalNetworkSet",
  "Tier",
  "Profile",
  "HostEndpoint",
  "IPPool",
];

export interface PolicyUpdate {
  readonly key: Key<PolicyResource["kind"]>;
  readonly value: PolicyResource | null;
  /**
   * Beside `null`: something is stored there, and cannot be read. A policy of which this is so is closed; of a set of
   * networks stays what can be read, and of an endpoint, for rules of others, what is known.
   */
  readonly unreadable?: Unreadable;
}

export interface PolicyGraphConfig {
  /** The node whose endpoints are local. */
  readonly node: string;
  /** Calico's `defaultEndpointToHostAction`; `Drop` unless told. */
  readonly endpointToHostAction?: EndpointToHostAction;
  /** Whether the chains of endpoints that are gone stay, for others like them, until `forgetDeparted` takes them away. */
  readonly keepsDeparted?: boolean;
}

export class PolicyGraph {
  readonly #node: string;
  readonly #rendering: NodeRendering;
  readonly #views: EndpointViews;
  readonly #listeners: ViewListeners = {
    onEndpoint: (id, view) => this.#onView(id, view),
    onNetworkSet: (id, view) => this.#sets.endpoints.onMember(id, view),
    onProfileLabels: (name, labels) => {
      this.#sets.endpoints.onProfileLabels(name, labels);
      if (this.#policiesHere.onProfileLabels(name, labels)) this.#isRulesStale = true;
    },
  };
  readonly #sets = new RuleSets();
  readonly #local = new Map<string, EndpointView>();
  readonly #hosts = new LocalHosts();
  /** Endpoints and hosts of this node. */
  readonly #policiesHere: LocalPolicies;
  /** As they were rendered last, with what they were made of: one that stays the same stays one object. */
  readonly #keepsDeparted: boolean;
  readonly #departed = new DepartedEndpoints((id, view) => this.#policiesHere.onMember(id, view));
  #endpointsHere = new Map<string, { readonly madeOf: readonly unknown[]; readonly endpoint: LocalEndpoint }>();
  readonly #policies = new Map<string, Policy>();
  /** Those whose rules name some. */
  readonly #askingForServices = new Set<string>();
  #unserved: string | null = noServicesKnown;
  readonly #tiers = new Map<string, Tier>();
  #tiersNow = new Tiers([]);
  readonly #profiles = new Map<string, Profile>();
  readonly #pools = new Map<string, IPPool>();
  readonly #problems = new Map<string, string>();
  /** By the endpoint's id. */
  readonly #endpointProblems = new Map<string, string>();
  /** Whether rules may be others than those rendered last. Nine in ten changes are of members of sets, elsewhere. */
  #isRulesStale = true;

  /** Endpoints of this node that the datastore does not have yet. */
  readonly #expected = new Set<string>();

  constructor({ node, endpointToHostAction = "Drop", keepsDeparted = false }: PolicyGraphConfig) {
    this.#node = node;
    this.#keepsDeparted = keepsDeparted;
    this.#views = new EndpointViews(node, this.#listeners);
    this.#rendering = new NodeRendering(endpointToHostAction);
    this.#policiesHere = new LocalPolicies({ tiers: this.#tiersNow, unserved: this.#unserved });
  }

  receive({ key, value, unreadable }: PolicyUpdate): void {
    const id = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
    switch (key.kind) {
      case "WorkloadEndpoint":
        this.#onToldEndpoint(key, { value: value?.kind === key.kind ? value : null, unreadable });
        break;
      case "NetworkPolicy":
      case "GlobalNetworkPolicy":
        this.#onPolicy(`${key.kind} ${id}`, enforceableUpdate({ ...key, kind: key.kind }, { value, unreadable }));
        break;
      case "NetworkSet":
      case "GlobalNetworkSet":
        this.#onNetworkSet({ ...key, kind: key.kind }, { value, unreadable });
        break;
      case "HostEndpoint":
        this.#onHost(id, value?.kind === key.kind ? value : null);
        break;
      case "Profile":
        this.#onProfile(id, value?.kind === key.kind ? value : null);
        break;
      case "Tier":
        replace(this.#tiers, id, value?.kind === key.kind ? value : null);
        this.#tiersNow = new Tiers(this.#tiers.values());
        this.#setSurroundings();
        break;
      case "IPPool":
        this.#isRulesStale = true;
        replace(this.#pools, id, value?.kind === key.kind ? value : null);
        break;
    }
  }

  /**
   * An endpoint of this node that is about to be written. It gets its chains, and no rule finds it by its labels, until
   * the datastore tells it: somebody else may be given the address in the last moment. One that is told already is not
   * expected.
   */
  expect(endpoint: WorkloadEndpoint): void {
    const { namespace = "", name } = endpoint.metadata;
    const id = `${namespace}/${name}`;
    if (!this.#expected.has(id) && (this.#local.has(id) || this.#sets.endpoints.endpoint(id))) return;
    this.#expected.add(id);
    this.#onEndpoint({ namespace, name }, { value: endpoint, unreadable: undefined });
  }

  /** It was not written after all. False, and nothing, where the datastore has told it since. */
  unexpect({ metadata: { namespace = "", name } }: WorkloadEndpoint): boolean {
    if (!this.#expected.delete(`${namespace}/${name}`)) return false;
    this.#onEndpoint({ namespace, name }, { value: null, unreadable: undefined });
    return true;
  }

  /** Takes away what is kept for endpoints that were gone at the last call already. Answers whether there were any. */
  forgetDeparted(): boolean {
    const hasForgotten = this.#departed.forgetAged();
    if (hasForgotten) this.#isRulesStale = true;
    return hasForgotten;
  }

  setEndpointToHostAction(action: EndpointToHostAction): void {
    if (this.#rendering.setEndpointToHostAction(action)) this.#isRulesStale = true;
  }

  /** Of what is not told stays what was. */
  setFilterSettings(settings: Partial<FilterSettings>): void {
    if (this.#rendering.setFilterSettings(settings)) this.#isRulesStale = true;
  }

  /** What is behind a Service. `null`: the EndpointSlice is gone, or is of no Service. */
  receiveSlice(id: string, slice: EndpointSlice | null): void {
    this.#sets.services.onSlice(id, slice);
  }

  /** Why nobody can tell what is behind Services, and policies that name some are closed; `null` where somebody does. */
  setUnserved(reason: string | null): void {
    if (this.#unserved === reason) return;
    this.#unserved = reason;
    this.#setSurroundings();
  }

  /** Whether there is a policy that EndpointSlices mean something to. */
  get asksForServices(): boolean {
    return this.#askingForServices.size > 0;
  }

  /** With their addresses: by these a host endpoint may name one. */
  setHostInterfaces(interfaces: HostInterfaces): void {
    this.#hosts.setInterfaces(interfaces);
    if (!this.#hosts.isEmpty) this.#isRulesStale = true;
  }

  /** What a rule says, in words; empty where it is gone. */
  describeRule({ owner, direction, rule }: RuleName): string {
    const { kind, namespace, name } = owner;
    const id = namespace === null ? name : `${namespace}/${name}`;
    const resource = kind === "Profile" ? this.#profiles.get(id) : this.#policies.get(`${kind} ${id}`);
    const { ingress = [], egress = [] } = resource?.spec ?? {};
    const said = (direction === "Ingress" ? ingress : egress)[rule];
    return said ? describeRule(said) : "";
  }

  /** The policies that select an endpoint of this node and speak of a direction. */
  policiesFor(endpoint: string, direction: PolicyDirection): readonly PolicyName[] {
    const policies = this.#policiesHere.of(endpoint);
    return policies.filter((policy) => appliesTo(policy, direction)).map(policyName);
  }

  desired(): Desired {
    const rendered = this.#isRulesStale ? this.#render() : this.#rendering.withMembers(this.#sets);
    this.#isRulesStale = false;
    const ofEndpoints = [...this.#endpointProblems].map(
      ([id, problem]) => [`WorkloadEndpoint ${id}`, problem] as const,
    );
    return {
      ...rendered,
      expected: new Set(this.#expected),
      problems: new Map(
        [...this.#problems, ...ofEndpoints, ...this.#policiesHere.problems(), ...this.#hosts.problems()].sort(),
      ),
    };
  }

  #render(): Omit<Desired, "problems" | "expected"> {
    const tiers = this.#tiersNow;
    const endpoints = [...this.#local].sort(([a], [b]) => (a < b ? -1 : 1));
    const tiersOf = (id: string, direction: PolicyDirection, stage?: PolicyStage): TierOfEndpoint[] => {
      const applying = this.#policiesHere.of(id).filter((policy) => appliesTo(policy, direction, stage));
      const groups = byTier(applying, ({ spec }) => tiers.of(spec.tier));
      return groups.map(({ tier, items }) => ({ tier, policies: items }));
    };
    const before = this.#endpointsHere;
    this.#endpointsHere = new Map();
    const endpointOf = ([id, view]: readonly [string, EndpointView]): LocalEndpoint => {
      const policies = this.#policiesHere.of(id);
      const profiles = view.parents.flatMap((name) => this.#profiles.get(name) ?? []);
      const madeOf = [view, policies, tiers, ...profiles];
      const known = before.get(id);
      const isSame = known?.madeOf.length === madeOf.length && madeOf.every((part, at) => part === known.madeOf[at]);
      const ofDirection = (direction: PolicyDirection): TierOfEndpoint[] => tiersOf(id, direction);
      const endpoint = isSame
        ? known.endpoint
        : { id, view, Ingress: ofDirection("Ingress"), Egress: ofDirection("Egress"), profiles };
      this.#endpointsHere.set(id, { madeOf, endpoint });
      return endpoint;
    };
    const local = endpoints.map(endpointOf);
    const departed = this.#departed.entries().map(endpointOf);
    this.#departed.forgetAlike(local, departed);
    const localHosts = [...this.#hosts.byInterface()].map(
      ([interfaceName, host]): LocalHost => ({
        id: hostId(host),
        interfaceName,
        profiles: (host.spec.profiles ?? []).flatMap((name) => this.#profiles.get(name) ?? []),
        tiers: (stage, direction) => tiersOf(hostId(host), direction, stage),
      }),
    );
    return this.#rendering.render({ local, departed, hosts: localHosts, pools: [...this.#pools.values()] }, this.#sets);
  }

  #setSurroundings(): void {
    this.#policiesHere.setSurroundings({ tiers: this.#tiersNow, unserved: this.#unserved });
    this.#isRulesStale = true;
  }

  #onToldEndpoint(key: EndpointKey, told: ToldEndpoint): void {
    if (this.#expected.size > 0) this.#expected.delete(endpointKeyId(key));
    this.#onEndpoint(key, told);
  }

  #onEndpoint(key: EndpointKey, { value, unreadable }: ToldEndpoint): void {
    const id = endpointKeyId(key);
    const { resource, problem } = unreadable
      ? this.#readable(key, id, unreadable)
      : value
        ? enforceableEndpoint(value)
        : nothing;
    replace(this.#endpointProblems, id, problem);
    this.#views.onEndpoint(id, resource);
  }

  #readable(key: EndpointKey, id: string, unreadable: Unreadable): Enforceable<WorkloadEndpoint> {
    const { endpoint, problem } = readableEndpoint(key, unreadable, this.#sets.endpoints.endpoint(id));
    return { resource: endpoint, problem };
  }

  #onPolicy(id: string, { resource, problem }: Enforceable<Policy>): void {
    replace(this.#problems, id, problem);
    replace(this.#policies, id, resource);
    if (resource && asksForServices(resource)) this.#askingForServices.add(id);
    else this.#askingForServices.delete(id);
    if (this.#policiesHere.onPolicy(id, resource)) this.#isRulesStale = true;
  }

  #onHost(name: string, host: HostEndpoint | null): void {
    const id = `HostEndpoint ${name}`;
    const view = host && viewOfHost(host);
    const local = host?.spec.node === this.#node ? host : null;
    this.#isRulesStale = true;
    this.#sets.endpoints.onMember(id, view);
    this.#hosts.onHost(name, local);
    this.#policiesHere.onMember(id, local && view);
  }

  #onNetworkSet(key: Key<"NetworkSet" | "GlobalNetworkSet">, { value, unreadable }: ReceivedValue): void {
    const isSet = value?.kind === "NetworkSet" || value?.kind === "GlobalNetworkSet";
    const told = isSet ? { set: value, problem: null } : null;
    const read = unreadable ? readableNetworkSet(key, unreadable.reason, unreadable.partial) : told;
    const id = networkSetId(key);
    replace(this.#problems, id, read?.problem ?? null);
    this.#views.onNetworkSet(id, read?.set ?? null);
  }

  #onProfile(name: string, profile: Profile | null): void {
    const { resource, problem } = profile ? enforceableProfile(profile) : nothing;
    replace(this.#problems, `Profile ${name}`, problem);
    this.#isRulesStale = true;
    replace(this.#profiles, name, resource);
    this.#views.onProfile(name, resource);
  }

  #onView(id: string, view: EndpointView | null): void {
    this.#sets.endpoints.onMember(id, this.#expected.has(id) ? null : view);
    const local = view?.node === this.#node ? view : null;
    const before = this.#local.get(id) ?? null;
    if (local === before || isDeepStrictEqual(local, before)) return;
    replace(this.#local, id, local);
    // Of its labels the rules say nothing but which policies select it.
    const hasOtherPolicies = this.#policiesHere.onMember(id, local);
    if (hasOtherPolicies || !isSameButLabels(local, before)) this.#isRulesStale = true;
    if (this.#keepsDeparted && before?.interfaceName && !local) this.#departed.add(before);
  }
}

function isSameButLabels(a: EndpointView | null, b: EndpointView | null): boolean {
  return a !== null && b !== null && isDeepStrictEqual({ ...a, labels: null }, { ...b, labels: null });
}

interface ToldEndpoint {
  readonly value: WorkloadEndpoint | null;
  readonly unreadable: Unreadable | undefined;
}

/** There are hundreds of thousands of these, kept as long as the endpoints: a text that is joined is one piece. */
function endpointKeyId({ namespace = "", name }: EndpointKey): string {
  return [namespace, name].join("/");
}

type ReceivedValue = Pick<PolicyUpdate, "value"> & { readonly unreadable: Unreadable | undefined };

function enforceableUpdate(key: PolicyKey, { value, unreadable }: ReceivedValue): Enforceable<Policy> {
  if (unreadable) return unreadablePolicy(key, unreadable);
  const isPolicy = value?.kind === "NetworkPolicy" || value?.kind === "GlobalNetworkPolicy";
  return isPolicy && value.kind === key.kind ? enforceablePolicy(value) : nothing;
}

const nothing = { resource: null, problem: null } as const;

function replace<V>(map: Map<string, V>, key: string, value: V | null): void {
  if (value === null && map.size === 0) return; // Most have no entry: no need to look for one.
  if (value === null) map.delete(key);
  else map.set(key, value);
}
