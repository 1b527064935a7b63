/**
 * A policy that cannot be read, or not be enforced as it is written, fails closed: in its place stands one of the same
 * name which selects what the text still tells, or more, and allows nothing. What is in doubt is decided for the closed
 * side: a selector that says nothing selects all, directions that say nothing are both, an order that says nothing is
 * the first.
 *
 * It stands in the tier that it names; where that cannot be read, before all tiers.
 *
 * A direction whose rules do nothing but allow loses them: other policies may still allow there what they allow. Where a
 * rule denies, passes on, or is not to be read, a rule stands in their place that denies everything: without it, a
 * policy behind this one would open what this one may have denied.
 */
import {
  apiVersion,
  type GlobalNetworkPolicy,
  type GlobalPolicySpec,
  type Key,
  type NetworkPolicy,
  type PolicyDirection,
  parseSelector,
  type Rule,
} from "@brindle/api";
import type { Policy } from "./cluster.ts";
import { unknownTier } from "./tiers.ts";

/** The kinds that are enforced. A staged policy closes nothing: it opens nothing either. */
export type PolicyKey = Key<"NetworkPolicy" | "GlobalNetworkPolicy">;

export interface ClosedPolicy {
  /** `null` for a policy that is about hosts alone. */
  readonly policy: Policy | null;
  /** For whom what is closed: `it is closed, ingress and egress, for all endpoints of namespace shop`. */
  readonly width: string;
}

/** `text` is what is stored, if it is JSON at all; it may be anything. */
export function closedPolicy(key: PolicyKey, text?: unknown): ClosedPolicy {
  const spec = specOf(key, text);
  if (key.kind === "GlobalNetworkPolicy" && isForHosts(spec)) {
    return { policy: null, width: "it is about hosts alone, and closes no pod" };
  }
  const { kind, namespace, name } = key;
  const selector = readableSelector(spec, "selector");
  const namespaceSelector = kind === "GlobalNetworkPolicy" ? readableSelector(spec, "namespaceSelector") : undefined;
  const accounts = readableSelector(spec, "serviceAccountSelector");
  const types = directionsOf(spec);
  const closed: GlobalPolicySpec = {
    ...tierOf(key, spec),
    ...orderOf(spec),
    ...(selector !== undefined && { selector }),
    ...(namespaceSelector !== undefined && { namespaceSelector }),
    ...(accounts !== undefined && { serviceAccountSelector: accounts }),
    types,
    ingress: closedRules(spec, "ingress"),
    egress: closedRules(spec, "egress"),
  };
  return {
    policy: policyOf(key, { name, ...(namespace !== undefined && { namespace }) }, closed),
    width: `it is closed, ${types.join(" and ").toLowerCase()}, for ${describeWidth({ namespace, namespaceSelector, selector, accounts })}`,
  };
}

type Text = Readonly<Record<string, unknown>>;

/** `null` where nothing can be believed: it is no object, or one of another kind, as a NetworkPolicy of Kubernetes is. */
function specOf(key: PolicyKey, text: unknown): Text | null {
  if (!isText(text) || !isText(text.spec)) return null;
  const isOurs = typeof text.apiVersion !== "string" || text.apiVersion.includes("projectcalico.org/");
  const isOfKind = typeof text.kind !== "string" || text.kind === key.kind;
  return isOurs && isOfKind ? text.spec : null;
}

function isForHosts(spec: Text | null): boolean {
  return spec?.preDNAT === true || spec?.doNotTrack === true;
}

/** `undefined` selects all: as nothing is written, or nothing that can be read. */
function readableSelector(
  spec: Text | null,
  field: "selector" | "namespaceSelector" | "serviceAccountSelector",
): string | undefined {
  const text = spec?.[field];
  return typeof text === "string" && text !== "" && parseSelector(text).kind === "selector" ? text : undefined;
}

function directionsOf(spec: Text | null): PolicyDirection[] {
  const types = spec?.types ?? [];
  if (spec === null || !Array.isArray(types)) return [...directions];
  const known = directions.filter((direction) => types.includes(direction));
  if (types.some((type) => !directions.includes(type))) return [...directions];
  return known.length > 0 ? known : directionsOfRules(spec);
}

/** As of any policy without types: those of its rules, and ingress where it has none. */
function directionsOfRules({ ingress, egress }: Text): PolicyDirection[] {
  if (!hasRules(egress)) return ["Ingress"];
  return hasRules(ingress) ? [...directions] : ["Egress"];
}

/** What is no list may have been one. */
function hasRules(rules: unknown): boolean {
  return Array.isArray(rules) ? rules.length > 0 : rules !== undefined && rules !== null;
}

/** Of Kubernetes' own policies the name tells: those are converted ones. */
function tierOf({ name }: PolicyKey, spec: Text | null): { readonly tier?: string } {
  const converted = /^k(?:np|cnp)\.([^.]+)\./.exec(name)?.[1];
  const tier = converted ?? (spec === null ? unknownTier : (spec.tier ?? ""));
  if (typeof tier !== "string") return { tier: unknownTier };
  return tier === "" ? {} : { tier };
}

function orderOf(spec: Text | null): { readonly order?: number } {
  const order = spec === null ? Number.NaN : (spec.order ?? null);
  if (order === null) return {};
  return { order: typeof order === "number" && !Number.isNaN(order) ? order : Number.NEGATIVE_INFINITY };
}

function closedRules(spec: Text | null, direction: "ingress" | "egress"): Rule[] {
  const rules = spec === null ? null : (spec[direction] ?? []);
  return Array.isArray(rules) && rules.every(onlyAllows) ? [] : [{ action: "Deny" }];
}

function onlyAllows(rule: unknown): boolean {
  return isText(rule) && (rule.action === "Allow" || rule.action === "Log");
}

interface Width {
  readonly namespace: string | undefined;
  readonly namespaceSelector: string | undefined;
  readonly selector: string | undefined;
  readonly accounts: string | undefined;
}

function describeWidth({ namespace, namespaceSelector, selector, accounts }: Width): string {
  const all = selector === undefined ? "all endpoints" : `the endpoints with ${selector}`;
  const whose = accounts === undefined ? all : `${all} under service accounts with ${accounts}`;
  if (namespace !== undefined) return `${whose} of namespace ${namespace}`;
  return namespaceSelector === undefined ? whose : `${whose} of the namespaces with ${namespaceSelector}`;
}

function policyOf(key: PolicyKey, metadata: { name: string; namespace?: string }, spec: GlobalPolicySpec): Policy {
  const { namespaceSelector: _, ...ofNamespace } = spec;
  return key.kind === "NetworkPolicy"
    ? ({ apiVersion, kind: key.kind, metadata, spec: ofNamespace } satisfies NetworkPolicy)
    : ({ apiVersion, kind: key.kind, metadata, spec } satisfies GlobalNetworkPolicy);
}

const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];

function isText(value: unknown): value is Text {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
