/**
 * ClusterNetworkPolicies, as GlobalNetworkPolicies in one of two tiers. A rule that cannot be read closes: where it would
 * deny or hand on, everything is denied; where it would accept, nothing is accepted. An annotation says so.
 */
import type { GlobalNetworkPolicy } from "../kinds/globalNetworkPolicy.ts";
import { apiVersion } from "../kinds/resource.ts";
import type { Rule } from "../kinds/rule.ts";
import { parseSelector } from "../selector/selector.ts";
import type { Key } from "../store/store.ts";
import { entriesOf, members } from "./apiObject.ts";
import { readClusterRule, readNamespaces, readPods } from "./clusterPolicyReading.ts";
import { type ClusterPolicyTier, clusterPolicyPrefix, clusterPolicyTiers } from "./clusterPolicyTiers.ts";
import { type ManifestFault, Reader } from "./manifestReader.ts";
import { provenance } from "./networkPolicySource.ts";
import { undecodable } from "./reading.ts";
import { readOnlySource } from "./readOnlySource.ts";
import type { ApiObject, Reading, Source } from "./source.ts";

export const clusterPolicySource: Source<"GlobalNetworkPolicy"> = readOnlySource({
  kind: "GlobalNetworkPolicy",
  resource: {
    group: "policy.networking.k8s.io",
    version: "v1alpha2",
    plural: "clusternetworkpolicies",
    kind: "ClusterNetworkPolicy",
    namespaced: false,
  },
  read,
  locate: ({ name }) => {
    const prefix = Object.values(clusterPolicyTiers)
      .map(clusterPolicyPrefix)
      .find((prefix) => name.startsWith(prefix));
    return prefix === undefined ? null : { name: name.slice(prefix.length) };
  },
  narrowsToNamespace: false,
});

/** Which rules could not be read, and why. */
export const unreadRulesAnnotation = "brindle.network/unread-rules";

/** For who wants to know all that is wrong with it: a rule that cannot be read is a fault here, and not closed. */
export function convertClusterPolicy(
  manifest: unknown,
):
  | { readonly kind: "converted"; readonly policy: GlobalNetworkPolicy }
  | { readonly kind: "invalid"; readonly faults: readonly ManifestFault[] } {
  const reader = new Reader(manifest).only("apiVersion", "kind", "metadata", "spec", "status");
  reader.field("metadata").field("name").text();
  if (reader.field("spec").isMissing) reader.field("spec").fault("is required");
  if (reader.faults.length > 0) return { kind: "invalid", faults: reader.faults };
  const { policy, faults, unread } = converted(manifest as ApiObject); // As was just seen.
  const all = [...faults, ...unread];
  return all.length > 0 ? { kind: "invalid", faults: all } : { kind: "converted", policy };
}

function read(object: ApiObject): Reading<"GlobalNetworkPolicy"> {
  const { key, policy, faults, unread } = converted(object);
  // The API server has checked the rest; what is beyond us is of a later version.
  if (faults.length > 0) return undecodable(key, formatFaults(faults), closed(policy));
  return { type: "value", key, value: unread.length > 0 ? annotated(policy, formatFaults(unread)) : policy };
}

interface Converted {
  readonly key: Key<"GlobalNetworkPolicy">;
  /** Its rules that cannot be read are closed. */
  readonly policy: GlobalNetworkPolicy;
  readonly faults: readonly ManifestFault[];
  /** Of single rules. */
  readonly unread: readonly ManifestFault[];
}

function converted(object: ApiObject): Converted {
  const spec = new Reader(object.spec, "spec").only("tier", "priority", "subject", "ingress", "egress");
  const tier = clusterPolicyTiers[spec.field("tier").oneOf(["Admin", "Baseline"])];
  const key: Key<"GlobalNetworkPolicy"> = {
    kind: "GlobalNetworkPolicy",
    name: `${clusterPolicyPrefix(tier)}${object.metadata.name}`,
  };
  const subject = readSubject(spec.field("subject"));
  const { faults: unread, ...directions } = readRules(object.spec);
  const policy = policyOf({ key, tier, object }, { ...subject, ...directions });
  return { key, policy, faults: [...spec.faults, ...selectorFaults(policy)], unread };
}

interface Content {
  readonly selector?: string;
  readonly namespaceSelector?: string;
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

function policyOf(
  { key, tier, object }: { readonly key: Key; readonly tier: ClusterPolicyTier; readonly object: ApiObject },
  { selector, namespaceSelector, ingress, egress }: Content,
): GlobalNetworkPolicy {
  const { priority } = members(object.spec);
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: key.name, ...provenance(object), labels: { "projectcalico.org/tier": tier } },
    spec: {
      tier,
      order: typeof priority === "number" ? priority : 0,
      ...(ingress.length > 0 && { ingress }),
      ...(egress.length > 0 && { egress }),
      ...(selector !== undefined && { selector }),
      // Both tiers hand on what no rule decides, so a direction without rules is none.
      types: [...(ingress.length > 0 ? ["Ingress" as const] : []), ...(egress.length > 0 ? ["Egress" as const] : [])],
      ...(namespaceSelector !== undefined && { namespaceSelector }),
    },
  };
}

function readSubject(subject: Reader): Pick<Content, "selector" | "namespaceSelector"> {
  subject.only("namespaces", "pods");
  const namespaces = subject.field("namespaces");
  const pods = subject.field("pods");
  if (!namespaces.isMissing) return readNamespaces(namespaces);
  if (!pods.isMissing) return readPods(pods);
  subject.fault("must have namespaces or pods");
  return {};
}

function readRules(spec: unknown): Pick<Content, "ingress" | "egress"> & { readonly faults: readonly ManifestFault[] } {
  const faults: ManifestFault[] = [];
  const direction = (name: "ingress" | "egress", peers: "from" | "to") =>
    entriesOf(members(spec)[name]).flatMap((rule, i): readonly Rule[] => {
      const reader = new Reader(rule, `spec.${name}[${i}]`);
      const rules = readClusterRule(reader, peers);
      faults.push(...reader.faults.map((fault) => ofRule(fault, members(rule).name)));
      if (reader.faults.length === 0) return rules;
      return members(rule).action === "Accept" ? [] : [{ action: "Deny" }];
    });
  return { ingress: direction("ingress", "from"), egress: direction("egress", "to"), faults };
}

function ofRule({ path, reason }: ManifestFault, name: unknown): ManifestFault {
  return { path, reason: typeof name === "string" ? `${reason} (rule ${JSON.stringify(name)})` : reason };
}

function annotated(policy: GlobalNetworkPolicy, text: string): GlobalNetworkPolicy {
  const { metadata } = policy;
  return { ...policy, metadata: { ...metadata, annotations: { [unreadRulesAnnotation]: text } } };
}

/**
 * It allows nothing to whom it selects. Its tier hands on what no rule decides: what it may have denied, or kept from policies
 * behind it, is denied.
 */
function closed({ spec: { ingress, egress, types: _, ...spec }, ...policy }: GlobalNetworkPolicy): object {
  return {
    ...policy,
    spec: {
      ...spec,
      ...closedDirection("ingress", ingress),
      ...closedDirection("egress", egress),
      types: ["Ingress", "Egress"],
    },
  };
}

function closedDirection(name: "ingress" | "egress", rules: readonly Rule[] = []): object {
  return rules.every(({ action }) => action === "Allow") ? {} : { [name]: [{ action: "Deny" }] };
}

/** Kubernetes bounds no selector's length, we do. */
function selectorFaults({ spec }: GlobalNetworkPolicy): ManifestFault[] {
  const entities = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap(({ source, destination }) => [
    source,
    destination,
  ]);
  return [spec, ...entities].flatMap((entity) =>
    [entity?.selector, entity?.namespaceSelector].flatMap((text): ManifestFault[] => {
      const parsed = text === undefined ? null : parseSelector(text);
      return parsed?.kind === "malformed" ? [{ path: "spec", reason: `as a Calico policy: ${parsed.reason}` }] : [];
    }),
  );
}

/** The rest is told once these are mended. */
const faultsToldMax = 3;

function formatFaults(faults: readonly ManifestFault[]): string {
  const told = faults.slice(0, faultsToldMax).map(({ path, reason }) => `${path} ${reason}`);
  const more = faults.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
