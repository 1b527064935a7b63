/** Asks the API server for what it must have and let us do, so that what lacks is named at once and not one by one. */
import {
  type CrdFault,
  crdFault,
  creation,
  customResourceDefinitions,
  StoreError,
  storeErrorOf,
  writtenCrds,
} from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import type { Mistake } from "../node/mistakes.ts";
import { type Rule, rightMistakes } from "../node/rights.ts";

const rulesReviews = {
  group: "authorization.k8s.io",
  version: "v1",
  plural: "selfsubjectrulesreviews",
  kind: "SelfSubjectRulesReview",
  namespaced: false,
};

/** A CRD of Calico's older form: with it there the datastore goes by those. */
const olderCrd = { name: "ippools.crd.projectcalico.org" };

export interface ClusterCheckOptions {
  /** Of the agent: what its Roles give there counts too. */
  readonly namespace: string;
  /** `CALICO_API_GROUP`, where an operator has said which CRDs count. */
  readonly apiGroup: string | undefined;
}

/** Rejects with a `StoreError` where nothing can be said since the server is away. */
export async function checkCluster(api: KubernetesApi, options: ClusterCheckOptions): Promise<Mistake[]> {
  try {
    const [isOlder, rules] = await Promise.all([goesByOlderCrds(api, options), givenRules(api, options.namespace)]);
    const crds = isOlder ? [] : await crdMistakes(api);
    const rights = rules === null ? [] : rightMistakes(rules, isOlder ? "crd.projectcalico.org" : "projectcalico.org");
    return [...crds, ...rights];
  } catch (error) {
    if (!isRefused(error)) throw error;
    return [{ code: "CredentialsRefused", text: error.message }];
  }
}

async function goesByOlderCrds(api: KubernetesApi, { apiGroup }: ClusterCheckOptions): Promise<boolean> {
  if (apiGroup) return apiGroup.startsWith("crd.");
  return (await unlessForbidden(api.get(customResourceDefinitions, olderCrd), null)) !== null;
}

async function crdMistakes(api: KubernetesApi): Promise<Mistake[]> {
  const faults = await Promise.all(
    writtenCrds.map(async (name) => {
      const crd = await unlessForbidden(api.get(customResourceDefinitions, { name }), undefined);
      return crd === undefined ? null : crdFault(name, crd);
    }),
  );
  const found = faults.filter((fault): fault is CrdFault => fault !== null);
  const missing = found.filter(({ kind }) => kind === "missing").map(({ name }) => name);
  const outdated = found.flatMap((fault) => (fault.kind === "outdated" ? [`${fault.name} ${fault.reason}`] : []));
  return [
    ...(missing.length > 0 ? [{ code: "CrdMissing", text: `not installed: ${missing.join(", ")}` } as const] : []),
    ...(outdated.length > 0 ? [{ code: "CrdOutdated", text: outdated.join("; ") } as const] : []),
  ];
}

/** `null` where the server cannot say: another authorizer than RBAC may give rights that it does not list. */
async function givenRules(api: KubernetesApi, namespace: string): Promise<readonly Rule[] | null> {
  const review = { apiVersion: "authorization.k8s.io/v1", kind: rulesReviews.kind, spec: { namespace } };
  const sent = await api.send(rulesReviews, creation(rulesReviews, {}, review));
  if (sent.kind === "failed") {
    if (sent.failure.code === "UNAVAILABLE" || sent.failure.code === "UNAUTHORIZED") throw storeErrorOf(sent.failure);
    return null;
  }
  const status = sent.object.status as { incomplete?: unknown; resourceRules?: unknown } | undefined;
  if (status?.incomplete === true || !Array.isArray(status?.resourceRules)) return null;
  return status.resourceRules.map(asRule);
}

/** Go leaves out what is empty. */
function asRule({ apiGroups = [], resources = [], verbs = [], resourceNames = [] }: Partial<Rule>): Rule {
  return { apiGroups, resources, verbs, resourceNames };
}

async function unlessForbidden<T, F>(asked: Promise<T>, otherwise: F): Promise<T | F> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof StoreError && error.failure.code === "UNAUTHORIZED" && error.failure.isForbidden)
      return otherwise;
    throw error;
  }
}

function isRefused(error: unknown): error is StoreError {
  return error instanceof StoreError && error.failure.code === "UNAUTHORIZED" && !error.failure.isForbidden;
}
