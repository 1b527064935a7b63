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
  enforceableProfile,
  judgePolicy,
  noServicesKnown,
  type Unreadable,
  unreadablePolicy,
} from "../enforceable.ts";
import { type HostInterfaces, hostEndpointOf, hostId, type PolicyStage, policyStages } from "../hosts.ts";
import { networkSetId, readableNetworkSet } from "../networkSet.ts";
import type { RuleName } from "../observe/ruleName.ts";
import { type EndpointKey, endpointKeyId, readableEndpoint } from "../readableEndpoint.ts";
import type { FloatingAddress } from "../render/nat.ts";
import type { FilterSettings } from "../render/tables.ts";
import { Tiers } from "../tiers.ts";
import { ComingEndpoints } from "./comingEndpoints.ts";
import { DepartedEndpoints } from "./departedEndpoints.ts";
import type { Desired } from "./desired.ts";
import type { LocalEndpoint } from "./endpointEnds.ts";
import { type EndpointView, EndpointViews, type ViewListeners } from "./endpointViews.ts";
import { type EndpointSurroundings, LocalEndpoints, tiersOf } from "./localEndpoints.ts";
import { type LocalHost, LocalHosts, viewOfHost } from "./localHosts.ts";
import { LocalPolicies } from "./localPolicies.ts";
import { NodeRendering } from "./nodeRendering.ts";
import { OrderedIds } from "./orderedIds.ts";
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

/**
 * The kinds that the graph wants to hear of. In which order means nothing but for the time it takes: where all policies are
 * there, each of a node's few endpoints finds its own among them, and none of ten thousand policies has to look for endpoints.
 */
export const policyKinds: readonly PolicyResource["kind"][] = [
  "Tier",
  "Profile",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "IPPool",
  "NetworkSet",
  "GlobalNetworkSet",
  "HostEndpoint",
  "WorkloadEndpoint",
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
  readonly #localIds = new OrderedIds();
  readonly #hosts = new LocalHosts();
  /** Endpoints and hosts of this node. */
  readonly #policiesHere: LocalPolicies;
  readonly #endpointsHere = new LocalEndpoints();
  readonly #keepsDeparted: boolean;
  readonly #departed = new DepartedEndpoints((id, view) => this.#onMemberHere(id, view));
  readonly #policies = new Map<string, Policy>();
  /** Those whose rules name some. */
  readonly #askingForServices = new Set<string>();
  #unserved: string | null = noServicesKnown;
  readonly #tiers = new Map<string, Tier>();
  readonly #profiles = new Map<string, Profile>();
  #around: EndpointSurroundings = { tiers: new Tiers([]), profiles: this.#profiles };
  readonly #pools = new Map<string, IPPool>();
  #floating: readonly FloatingAddress[] = [];
  readonly #problems = new Map<string, string>();
  /** By the endpoint's id. */
  readonly #endpointProblems = new Map<string, string>();
  /** Whether rules may be others than those rendered last. Nine in ten changes are of members of sets, elsewhere. */
  #isRulesStale = true;

  /** What this node's agent writes itself. */
  readonly coming: ComingEndpoints = new ComingEndpoints({
    knows: (id) => this.#local.has(id) || this.#sets.endpoints.endpoint(id) !== null,
    onEndpoint: (key, value) => this.#onEndpoint(key, { value, unreadable: undefined }),
  });

  constructor({ node, endpointToHostAction = "Drop", keepsDeparted = false }: PolicyGraphConfig) {
    this.#node = node;
    this.#keepsDeparted = keepsDeparted;
    this.#views = new EndpointViews(node, this.#listeners);
    this.#rendering = new NodeRendering(endpointToHostAction);
    this.#policiesHere = new LocalPolicies({ tiers: this.#around.tiers, unserved: this.#unserved });
  }

  receive({ key, value, unreadable }: PolicyUpdate): void {
    if (key.kind === "WorkloadEndpoint") {
      this.#onToldEndpoint(key, { value: value?.kind === key.kind ? value : null, unreadable });
      return;
    }
    const id = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
    switch (key.kind) {
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
        this.#around = { ...this.#around, tiers: new Tiers(this.#tiers.values()) };
        this.#setSurroundings();
        break;
      case "IPPool":
        this.#isRulesStale = true;
        replace(this.#pools, id, value?.kind === key.kind ? value : null);
        break;
    }
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

  /** The floating addresses of pods of this node, each once. */
  setFloating(floating: readonly FloatingAddress[]): void {
    this.#floating = floating;
    this.#isRulesStale = true;
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

  /** Of the whole cluster. */
  get policyCount(): number {
    return this.#policies.size;
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

  /** The policies that select an endpoint or a host endpoint of this node, and speak of a direction, whenever they are asked. */
  policiesFor(endpoint: string, direction: PolicyDirection): readonly PolicyName[] {
    const stages: readonly PolicyStage[] = hostEndpointOf(endpoint) === null ? ["tracked"] : policyStages;
    const speaks = (policy: Policy): boolean => stages.some((stage) => appliesTo(policy, direction, stage));
    return this.#policiesHere.of(endpoint).filter(speaks).map(policyName);
  }

  desired(): Desired {
    const rendered = this.#isRulesStale ? this.#render() : this.#rendering.withMembers(this.#sets);
    this.#isRulesStale = false;
    const ofEndpoints = [...this.#rendering.problems, ...this.#endpointProblems].map(
      ([id, problem]) => [`WorkloadEndpoint ${id}`, problem] as const,
    );
    return {
      ...rendered,
      expected: this.coming.expected(),
      problems: new Map(
        [...this.#problems, ...ofEndpoints, ...this.#policiesHere.problems(), ...this.#hosts.problems()].sort(),
      ),
    };
  }

  #render(): Omit<Desired, "problems" | "expected"> {
    const endpointOf = (id: string, view: EndpointView): LocalEndpoint =>
      this.#endpointsHere.of(id, view, this.#policiesHere.of(id), this.#around);
    const local: LocalEndpoint[] = [];
    for (const id of this.#localIds.all) {
      const view = this.#local.get(id);
      if (view) local.push(endpointOf(id, view));
    }
    const gone = this.#departed.entries().map(([id, view]) => endpointOf(id, view));
    const departed = this.#departed.forgetAlike(local, gone);
    const localHosts = [...this.#hosts.byInterface()].map(
      ([interfaceName, host]): LocalHost => ({
        id: hostId(host),
        interfaceName,
        profiles: (host.spec.profiles ?? []).flatMap((name) => this.#profiles.get(name) ?? []),
        tiers: (stage, direction) => tiersOf(this.#policiesHere.of(hostId(host)), this.#around.tiers, direction, stage),
      }),
    );
    return this.#rendering.render(
      { local, departed, hosts: localHosts, pools: [...this.#pools.values()], floating: this.#floating },
      this.#sets,
    );
  }

  #setSurroundings(): void {
    this.#policiesHere.setSurroundings({ tiers: this.#around.tiers, unserved: this.#unserved });
    this.#isRulesStale = true;
  }

  #onToldEndpoint(key: EndpointKey, told: ToldEndpoint): void {
    this.coming.told(key);
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
    this.#around = { ...this.#around };
    this.#views.onProfile(name, resource);
  }

  #onView(id: string, view: EndpointView | null): void {
    this.#sets.endpoints.onMember(id, this.coming.isExpected(id) ? null : view);
    const local = view?.node === this.#node ? view : null;
    const before = this.#local.get(id) ?? null;
    if (local === before || isDeepStrictEqual(local, before)) return;
    replace(this.#local, id, local);
    if (local) this.#localIds.add(id);
    else this.#localIds.delete(id);
    // Of its labels the rules say nothing but which policies select it.
    const hasOtherPolicies = this.#onMemberHere(id, local);
    if (hasOtherPolicies || !isSameButLabels(local, before)) this.#isRulesStale = true;
    if (this.#keepsDeparted && before?.interfaceName && !local) this.#departed.add(before);
  }

  /** Answers whether its policies may be others than before. */
  #onMemberHere(id: string, view: EndpointView | null): boolean {
    if (!view) this.#endpointsHere.forget(id);
    return this.#policiesHere.onMember(id, view);
  }
}

function isSameButLabels(a: EndpointView | null, b: EndpointView | null): boolean {
  return a !== null && b !== null && isDeepStrictEqual({ ...a, labels: null }, { ...b, labels: null });
}

interface ToldEndpoint {
  readonly value: WorkloadEndpoint | null;
  readonly unreadable: Unreadable | undefined;
}

type ReceivedValue = Pick<PolicyUpdate, "value"> & { readonly unreadable: Unreadable | undefined };

function enforceableUpdate(key: PolicyKey, { value, unreadable }: ReceivedValue): Enforceable<Policy> {
  if (unreadable) return unreadablePolicy(key, unreadable);
  const isPolicy = value?.kind === "NetworkPolicy" || value?.kind === "GlobalNetworkPolicy";
  return isPolicy && value.kind === key.kind ? judgePolicy(value) : nothing;
}

const nothing = { resource: null, problem: null } as const;

function replace<V>(map: Map<string, V>, key: string, value: V | null): void {
  if (value === null && map.size === 0) return; // Most have no entry: no need to look for one.
  if (value === null) map.delete(key);
  else map.set(key, value);
}
