/** What `evaluate` is told: the resources as they are stored. It works out everything else by itself. */
import type {
  EndpointSlice,
  GlobalNetworkPolicy,
  HostEndpoint,
  NetworkPolicy,
  PolicyDirection,
  Profile,
  Tier,
  WorkloadEndpoint,
} from "@brindle/api";
import { type Address, parseCidr } from "@brindle/net";
import { type Failsafes, type HostInterfaces, isOfStage, type PolicyStage } from "./hosts.ts";
import type { AnyNetworkSet } from "./networkSet.ts";
import { type Labelled, namespaceLabel } from "./scope.ts";
import type { StagedPolicy } from "./staged.ts";

export type Policy = NetworkPolicy | GlobalNetworkPolicy;

/** What becomes of a packet from a pod to the node it runs on, once policy has allowed it. */
/** `Return` leaves what policy allows to the rules of others. */
export type EndpointToHostAction = "Drop" | "Accept" | "Return";

/** What becomes of packets that pods encapsulate themselves: nobody could say what is inside. */
export interface EncapsulationSettings {
  readonly vxlan: "Allow" | "Drop";
  readonly vxlanPort: number;
  readonly ipip: "Allow" | "Drop";
}

export interface Cluster {
  readonly endpoints: readonly WorkloadEndpoint[];
  readonly policies: readonly Policy[];
  /** What may become policies: `evaluate` heeds none of them, `withStaged` makes them real. */
  readonly staged?: readonly StagedPolicy[];
  /** Those that Calico makes by itself need not be named. */
  readonly tiers?: readonly Tier[];
  readonly profiles: readonly Profile[];
  /** What rules find by selectors beside endpoints. */
  readonly networkSets?: readonly AnyNetworkSet[];
  /** What is behind Services. Left out where nobody can tell: policies that name some are closed then. */
  readonly endpointSlices?: readonly EndpointSlice[];
  readonly hostEndpoints?: readonly HostEndpoint[];
  /** Ports of hosts that no policy closes; Calico's defaults unless told. */
  readonly failsafes?: Failsafes;
  /** By node: its interfaces with their addresses, for host endpoints that name an address instead of an interface. */
  readonly interfaces?: ReadonlyMap<string, HostInterfaces>;
  /** By node: the interface by which it speaks with others. */
  readonly uplinks?: ReadonlyMap<string, string>;
  /** The addresses of each node, which reaches its own pods always. */
  readonly nodes?: ReadonlyMap<string, readonly Address[]>;
  /** Calico's `defaultEndpointToHostAction`, and its default: `Drop`. */
  readonly endpointToHostAction?: EndpointToHostAction;
  /** As in Calico both are dropped, VXLAN by its port 4789. */
  readonly encapsulation?: EncapsulationSettings;
}

/** The name of a policy as people write it: with its namespace where it has one. */
export interface PolicyName {
  readonly kind: Policy["kind"];
  readonly namespace: string | null;
  readonly name: string;
}

export function policyName(policy: Policy): PolicyName {
  return { kind: policy.kind, namespace: policy.metadata.namespace ?? null, name: policy.metadata.name };
}

export function formatPolicyName({ kind, namespace, name }: PolicyName): string {
  return namespace === null ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** `namespace/name`, by which endpoints are known here. */
export function endpointId(endpoint: WorkloadEndpoint): string {
  return `${endpoint.metadata.namespace ?? ""}/${endpoint.metadata.name}`;
}

/** The addresses of an endpoint; text that is none is left out (validation refuses it upstream). */
export function endpointAddresses(endpoint: WorkloadEndpoint): readonly Address[] {
  const known = addresses.get(endpoint);
  if (known) return known;
  const read = (endpoint.spec.ipNetworks ?? []).flatMap((text) => parseCidr(text)?.address ?? []);
  addresses.set(endpoint, read);
  return read;
}

/** By the endpoint, which never changes. */
const addresses = new WeakMap<WorkloadEndpoint, readonly Address[]>();

/**
 * The labels of an endpoint as selectors see them: its own before those of its profiles, an earlier profile before a
 * later one. The two last are Calico's, which its clients write into the endpoint; here they always hold.
 */
export function labelled(endpoint: WorkloadEndpoint, profile: (name: string) => Profile | undefined): Labelled {
  const inherited = (endpoint.spec.profiles ?? []).map((name) => profile(name)?.spec.labelsToApply ?? {}).reverse();
  const namespace = endpoint.metadata.namespace ?? null;
  const labels: Record<string, string> = Object.assign({}, ...inherited, endpoint.metadata.labels);
  labels["projectcalico.org/orchestrator"] = endpoint.spec.orchestrator;
  if (namespace === null) delete labels[namespaceLabel];
  else labels[namespaceLabel] = namespace;
  return { namespace, labels };
}

/** Within a tier: lower orders first, none last; equal orders by `name/namespace/kind`, as Calico sorts them. */
export function comparePolicies(a: Policy, b: Policy): number {
  const orderA = a.spec.order ?? Number.POSITIVE_INFINITY;
  const orderB = b.spec.order ?? Number.POSITIVE_INFINITY;
  if (orderA !== orderB) return orderA < orderB ? -1 : 1;
  const keyA = tieBreak(a);
  const keyB = tieBreak(b);
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}

/** Whether a policy speaks of a direction, where it is asked. Without `types` its rules tell, and a policy without rules is for ingress. */
export function appliesTo(policy: Policy, direction: PolicyDirection, stage: PolicyStage = "tracked"): boolean {
  if (!isOfStage(policy, stage)) return false;
  const { types, ingress = [], egress = [] } = policy.spec;
  if (types && types.length > 0) return types.includes(direction);
  return direction === "Egress" ? egress.length > 0 : ingress.length > 0 || egress.length === 0;
}

function tieBreak(policy: Policy): string {
  return `${policy.metadata.name}/${policy.metadata.namespace ?? ""}/${policy.kind}`;
}
