/**
 * Objects that are made of objects of Kubernetes alone: profiles of namespaces and of service accounts, policies. What
 * they mean says the same `Source` by which the datastore Kubernetes tells them; here it is written where a reader of
 * etcd, ours or Calico's, finds it. Their names say whose they are: one of another name is never touched.
 */
import {
  type ApiObject,
  clusterPolicySource,
  decodeResource,
  formatKey,
  type Key,
  type KindDefinition,
  kinds,
  namespaceSource,
  networkPolicySource,
  type ResourceKind,
  type Source,
  type Stored,
  serviceAccountSource,
  unreadRulesAnnotation,
  type Write,
} from "@brindle/api";
import { type Carrying, digestOf, type Wanted } from "./carrying.ts";

interface Derived<K extends DerivedKind> extends Wanted {
  readonly key: Key<K>;
  readonly value: Stored[K];
  /** Of what the object decides: people and Calico may add other metadata. */
  readonly decided: string;
}

type DerivedKind = "Profile" | "NetworkPolicy" | "GlobalNetworkPolicy";

export const carriedNamespaces: Carrying<"Profile", Derived<"Profile">, string> = derivedFrom(namespaceSource);
export const carriedServiceAccounts: Carrying<"Profile", Derived<"Profile">, string> = derivedFrom(
  serviceAccountSource,
);
export const carriedPolicies: Carrying<"NetworkPolicy", Derived<"NetworkPolicy">, string> = derivedFrom(
  networkPolicySource,
);
export const carriedClusterPolicies: Carrying<
  "GlobalNetworkPolicy",
  Derived<"GlobalNetworkPolicy">,
  string
> = derivedFrom(clusterPolicySource);

function derivedFrom<K extends DerivedKind>(source: Source<K>): Carrying<K, Derived<K>, string> {
  const { kind, resource } = source;
  return {
    kind,
    resource,
    want: (object) => wantedOf(source, object),
    ownerOf: (key) => source.locate(key)[0] ?? null,
    hold: decidedDigest,
    isDue: (wanted, { key, held }) => {
      if (held === null) return isOf(wanted, key); // What cannot be read has no revision to be deleted by.
      return !isOf(wanted, key) || held !== wanted.decided;
    },
    change: (wanted, { key, value, revision }) => {
      if (!isOf(wanted, key)) return { op: "delete", key, revision };
      if (decidedDigest(value) === wanted.decided) return null;
      const changed = { ...value, metadata: metadataOf(value, wanted.value), spec: wanted.value.spec };
      return { op: "update", key, value: changed, revision } as unknown as Write; // Each key with a value of its kind.
    },
    create: ({ key, value }) => ({ key, write: { op: "create", key, value } as unknown as Write }),
  };
}

/** Of what cannot be read all that can be is carried: a policy then closes what it selects. */
function wantedOf<K extends DerivedKind>(source: Source<K>, object: ApiObject): Derived<K> | null {
  const reading = source.read(object);
  if (reading.type === "absent") return null;
  const read = reading.type === "value" ? reading.value : closedOf<K>(source.kind, reading.partial);
  if (!read || isWithoutRules(read.spec)) return null;
  const value = withDefaults<K>(source.kind, read);
  const decided = decidedDigest(value);
  return { key: reading.key, value, decided, digest: `${formatKey(reading.key)} ${decided}` };
}

/** What of a value the object decides: the spec, and which rules of it could not be read. */
function decidedDigest({ spec, metadata }: Stored[DerivedKind]): string {
  const unread = metadata.annotations?.[unreadRulesAnnotation];
  return digestOf(unread === undefined ? spec : { spec, unread });
}

/** All stays that somebody else may have written. */
function metadataOf({ metadata }: Stored[DerivedKind], wanted: Stored[DerivedKind]): object {
  const { [unreadRulesAnnotation]: _, ...annotations } = metadata.annotations ?? {};
  const unread = wanted.metadata.annotations?.[unreadRulesAnnotation];
  const all = unread === undefined ? annotations : { ...annotations, [unreadRulesAnnotation]: unread };
  const { annotations: _before, ...rest } = metadata;
  return Object.keys(all).length > 0 ? { ...rest, annotations: all } : rest;
}

/** A ClusterNetworkPolicy without rules says nothing; stored without a direction it would be unreadable, and close. */
function isWithoutRules(spec: object): boolean {
  return "types" in spec && Array.isArray(spec.types) && spec.types.length === 0;
}

/** As Calico's client stores it: with its tier, and labels and annotations that say as much. */
function withDefaults<K extends DerivedKind>(kind: K, value: Stored[K]): Stored[K] {
  const definition: KindDefinition = kinds[kind];
  return definition.withDefaults(value) as Stored[K];
}

function closedOf<K extends DerivedKind>(kind: K & ResourceKind, partial: unknown): Stored[K] | null {
  const decoded = decodeResource(kind, partial);
  return decoded.kind === "valid" ? (decoded.resource as Stored[K]) : null;
}

function isOf<K extends DerivedKind>(wanted: Derived<K> | null, key: Key<K>): wanted is Derived<K> {
  return wanted !== null && formatKey(wanted.key) === formatKey(key);
}
