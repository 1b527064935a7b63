/**
 * Networks outside the cluster, which selectors of rules find by the labels of their set. To Calico's clients they are
 * one more kind of endpoint (libcalico-go's update processor of network sets): a set of a namespace has the labels of
 * the namespace, one of the cluster is in none.
 */
import {
  apiVersion,
  type GlobalNetworkSet,
  isRecord,
  type Key,
  type Labels,
  type NetworkSet,
  type Profile,
} from "@brindle/api";
import { hostPrefix, networkOf, type Prefix, parseAddress, parseCidr } from "@brindle/net";
import { type Labelled, namespaceLabel } from "./scope.ts";

export type AnyNetworkSet = NetworkSet | GlobalNetworkSet;

/** As `WorkloadEndpoint`s are never called. */
export function networkSetId({ kind, namespace, name }: Key<AnyNetworkSet["kind"]>): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** Of both families; text that is none is left out (validation refuses it upstream). */
export function networksOf(set: AnyNetworkSet): Prefix[] {
  return (set.spec.nets ?? []).flatMap((text) => networkOfText(text) ?? []);
}

/** The profile whose labels it has beside its own: that of its namespace. */
export function profileOfNetworkSet({ metadata }: AnyNetworkSet): string | null {
  return metadata.namespace === undefined ? null : `kns.${metadata.namespace}`;
}

/** Its own labels before those of its namespace. */
export function labelledSet(set: AnyNetworkSet, profile: (name: string) => Profile | undefined): Labelled {
  const profileName = profileOfNetworkSet(set);
  const inherited = profileName === null ? {} : profile(profileName)?.spec.labelsToApply;
  const labels: Record<string, string> = { ...inherited, ...set.metadata.labels };
  const namespace = set.metadata.namespace ?? null;
  if (namespace === null) delete labels[namespaceLabel];
  else labels[namespaceLabel] = namespace;
  return { namespace, labels };
}

export interface ReadNetworkSet {
  readonly set: AnyNetworkSet;
  /** What could not be read, or `null`. */
  readonly problem: string | null;
}

/**
 * What of a stored text can be read: labels and networks, each for itself. A rule that denies a set should deny as much
 * of it as is known, so that one bad line does not open the others.
 */
export function readableNetworkSet(key: Key<AnyNetworkSet["kind"]>, reason: string, text: unknown): ReadNetworkSet {
  const { metadata, spec } = isRecord(text) ? text : {};
  const labels = isRecord(metadata) && isRecord(metadata.labels) ? textsOf(metadata.labels) : {};
  const stored = isRecord(spec) && Array.isArray(spec.nets) ? spec.nets : [];
  const nets = stored.filter((net): net is string => typeof net === "string" && networkOfText(net) !== null);
  const named = { name: key.name, labels };
  const set: AnyNetworkSet =
    key.kind === "NetworkSet"
      ? { apiVersion, kind: key.kind, metadata: { ...named, namespace: key.namespace ?? "" }, spec: { nets } }
      : { apiVersion, kind: key.kind, metadata: named, spec: { nets } };
  return { set, problem: `${reason}; rules find ${nets.length} of its networks` };
}

function textsOf(labels: Readonly<Record<string, unknown>>): Labels {
  const texts = Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
}

/** Calico takes an address for the network of itself, and masks host bits. */
export function networkOfText(text: string): Prefix | null {
  const cidr = parseCidr(text);
  if (cidr) return networkOf(cidr);
  const address = parseAddress(text);
  return address && hostPrefix(address);
}
