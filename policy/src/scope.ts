/**
 * Which endpoints a selector means once its policy's namespace and its namespace selector are counted in. Calico's
 * reading (libcalico-go's update processors), kept as three parts instead of one text so that nothing needs quoting.
 */
import {
  type EntityRule,
  type Expression,
  type GlobalPolicySpec,
  type Labels,
  prefixLabels,
  Selector,
  selectorOf,
} from "@brindle/api";

/** What selectors look at. */
export interface Labelled {
  /** `null` for what lives in no namespace. */
  readonly namespace: string | null;
  /** Its own labels and those that its profiles give it. */
  readonly labels: Labels;
}

export interface Scope {
  /** Only this namespace; `null` for any. */
  readonly namespace: string | null;
  /** `global` stands for "in no namespace". */
  readonly namespaceSelector: Selector | "global" | null;
  readonly selector: Selector | null;
}

/** A namespace's labels reach its endpoints through the profile `kns.<namespace>`, each with this prefix. */
export const namespaceLabelPrefix = "pcns.";

/** Of everything that is in a namespace, and of nothing else. */
export const namespaceLabel = "projectcalico.org/namespace";

const accountLabelPrefix = "pcsa.";
const accountLabel = "projectcalico.org/serviceaccount";

const inNamespace: Expression = { op: "has", label: namespaceLabel };

export function inScope(scope: Scope, endpoint: Labelled): boolean {
  if (scope.namespace !== null && scope.namespace !== endpoint.namespace) return false;
  if (scope.namespaceSelector !== null && !namespaceMatches(scope.namespaceSelector, endpoint)) return false;
  return scope.selector === null || scope.selector.matches(endpoint.labels);
}

/**
 * The scope as one selector, over the labels that `labelled` gives: Calico's processors put it together alike, so that
 * an index of selectors serves for scopes.
 */
export function scopeSelector({ namespace, namespaceSelector, selector }: Scope): Selector {
  const operands: Expression[] = [];
  if (namespace !== null) operands.push({ op: "==", label: namespaceLabel, value: namespace });
  if (namespaceSelector === "global") operands.push({ op: "!", operand: inNamespace });
  else if (namespaceSelector !== null) {
    operands.push(inNamespace, prefixLabels(namespaceSelector.expression, namespaceLabelPrefix));
  }
  if (selector !== null) operands.push(selector.expression);
  const [first = { op: "all" } as const, ...others] = operands;
  return new Selector(others.length === 0 ? first : { op: "&&", operands });
}

/** The same for every way to write the same scope, so that it is a key for maps. */
export function scopeKey(scope: Scope): string {
  const namespaces = scope.namespaceSelector === "global" ? "global()" : (scope.namespaceSelector?.canonical ?? "");
  return [scope.namespace ?? "", namespaces, scope.selector?.canonical ?? ""].join("|");
}

/** The endpoints that a policy is for. `namespace` is the policy's own, `null` for a global one. */
export function policyScope(spec: GlobalPolicySpec, namespace: string | null): Scope {
  const selector = both(ofAccounts(spec.serviceAccountSelector), ofText(spec.selector));
  return { namespace, namespaceSelector: namespaceSelectorOf(spec.namespaceSelector), selector };
}

/**
 * The endpoints that one side of a rule asks for, or `null` where it asks for none. A namespaced policy speaks of its
 * own namespace unless a namespaceSelector says otherwise, and does so as soon as any selector is given: a
 * `notSelector` alone means "the others of my namespace", not "the rest of the world".
 */
export function entityScope(entity: EntityRule, namespace: string | null): Scope | null {
  const namespaceSelector = namespaceSelectorOf(entity.namespaceSelector);
  const own = namespaceSelector === null ? namespace : null;
  const selector = both(
    ofAccounts(entity.serviceAccounts?.selector, entity.serviceAccounts?.names),
    ofText(entity.selector),
  );
  if (selector === null && namespaceSelector === null && (own === null || !entity.notSelector)) return null;
  return { namespace: own, namespaceSelector, selector };
}

/** The endpoints that one side of a rule excludes, of whatever namespace. */
export function excludedScope(entity: EntityRule): Scope | null {
  const selector = ofText(entity.notSelector);
  return selector && { namespace: null, namespaceSelector: null, selector };
}

function namespaceMatches(selector: Selector | "global", endpoint: Labelled): boolean {
  if (selector === "global") return endpoint.namespace === null;
  if (endpoint.namespace === null) return false;
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(endpoint.labels)) {
    if (name.startsWith(namespaceLabelPrefix)) labels[name.slice(namespaceLabelPrefix.length)] = value;
  }
  return selector.matches(labels);
}

function namespaceSelectorOf(text: string | undefined): Selector | "global" | null {
  const selector = ofText(text);
  return selector?.expression.op === "global" ? "global" : selector;
}

/** The labels of a service account reach its pods through the profile `ksa.<namespace>.<name>`, each with a prefix. */
function ofAccounts(selector: string | undefined, names: readonly string[] = []): Selector | null {
  const bySelector = ofText(selector);
  const labels = bySelector && new Selector(prefixLabels(bySelector.expression, accountLabelPrefix));
  if (names.length === 0) return labels;
  return both(labels, new Selector({ op: "in", label: accountLabel, values: new Set(names) }));
}

function both(a: Selector | null, b: Selector | null): Selector | null {
  return a && b ? new Selector({ op: "&&", operands: [a.expression, b.expression] }) : (a ?? b);
}

function ofText(text: string | undefined): Selector | null {
  return text ? selectorOf(text) : null;
}
