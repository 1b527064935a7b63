/** From documents to resources that may be stored, or to all that is wrong with them. */
import {
  type AnyKindOfResource,
  convertClusterPolicy,
  convertNetworkPolicy,
  formatProblem,
  isRecord,
  isResourceKind,
  type Key,
  keyOf,
  kinds,
  type Problem,
  type ResourceKind,
  validate,
} from "@brindle/api";
import type { ManifestFile } from "../ports.ts";
import {
  formatPlace,
  type ManifestDocument,
  type Place,
  readDocuments,
  type SyntaxProblem,
  stepsOf,
} from "./documents.ts";

export interface PreparedResource {
  readonly place: Place;
  readonly resource: AnyKindOfResource;
  /** What the document was before it became this resource: `Kubernetes NetworkPolicy default/web`. */
  readonly convertedFrom?: string;
}

export interface Prepared {
  readonly resources: readonly PreparedResource[];
  /** One line each. When there is any, none of the resources is to be stored. */
  readonly problems: readonly string[];
}

export interface PrepareOptions {
  /** For documents that need one and name none. */
  readonly namespace: string;
  /** Documents that somebody else reads. */
  readonly isAside?: (value: unknown) => boolean;
}

export function prepare(
  files: readonly ManifestFile[],
  { namespace, isAside = () => false }: PrepareOptions,
): Prepared {
  const read = readDocuments(files);
  const judged = read.documents.filter(({ value }) => !isAside(value)).map((document) => judge(document, namespace));
  const resources = judged.flatMap((one) => (one.kind === "valid" ? [one.prepared] : []));
  const problems = [
    ...read.problems.map(formatSyntaxProblem),
    ...judged.flatMap((one) => (one.kind === "invalid" ? one.problems : [])),
    ...findRepeated(resources),
  ];
  return { resources, problems };
}

/** `IPPool pods`, `NetworkPolicy default/web`. */
export function formatResourceKey({ kind, namespace, name }: Key<ResourceKind>): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

export function formatAtPlace(place: Place, problem: Problem): string {
  return `${formatPlace(place)}: ${formatProblem(problem)}`;
}

type Judged =
  | { readonly kind: "valid"; readonly prepared: PreparedResource }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

function judge(document: ManifestDocument, namespace: string): Judged {
  const { place, value } = document;
  if (isKubernetesPolicy(value)) return convert(document, value, namespace);
  const validation = validate(withNamespace(value, namespace));
  if (validation.kind === "valid") return { kind: "valid", prepared: { place, resource: validation.resource } };
  return { kind: "invalid", problems: validation.problems.map((problem) => formatInDocument(document, problem)) };
}

/** With the line at which it stands. */
function formatInDocument({ place, lineOf }: ManifestDocument, problem: Problem): string {
  return `${formatPlace(place)}, line ${lineOf(problem.path)}: ${formatProblem(problem)}`;
}

function convert(document: ManifestDocument, value: Readonly<Record<string, unknown>>, namespace: string): Judged {
  const isOfCluster = value.kind === "ClusterNetworkPolicy";
  const conversion = isOfCluster ? convertClusterPolicy(value) : convertNetworkPolicy(value, namespace);
  if (conversion.kind === "invalid") {
    const problems = conversion.faults.map(({ path, reason }) => {
      const found = valueAt(value, path);
      return formatInDocument(document, { path, value: found, reason });
    });
    return { kind: "invalid", problems };
  }
  const { policy } = conversion;
  const { name } = isRecord(value.metadata) ? value.metadata : {};
  const convertedFrom = isOfCluster
    ? `ClusterNetworkPolicy ${name}`
    : `Kubernetes NetworkPolicy ${policy.metadata.namespace}/${name}`;
  return { kind: "valid", prepared: { place: document.place, resource: policy, convertedFrom } };
}

function isKubernetesPolicy(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const version = String(value.apiVersion);
  return (
    (value.kind === "NetworkPolicy" && version.startsWith("networking.k8s.io/")) ||
    (value.kind === "ClusterNetworkPolicy" && version === "policy.networking.k8s.io/v1alpha2")
  );
}

/** Calico's client, too, puts a resource that belongs to a namespace and names none into the one it was told. */
function withNamespace(value: unknown, namespace: string): unknown {
  if (!isRecord(value) || typeof value.kind !== "string" || !isResourceKind(value.kind)) return value;
  if (!kinds[value.kind].namespaced || !isRecord(value.metadata)) return value;
  const present = value.metadata.namespace;
  if (present !== undefined && present !== null && present !== "") return value;
  return { ...value, metadata: { ...value.metadata, namespace } };
}

/** The second document would overwrite the first without a word. */
function findRepeated(resources: readonly PreparedResource[]): string[] {
  const first = new Map<string, Place>();
  return resources.flatMap(({ place, resource }) => {
    const key = formatResourceKey(keyOf(resource));
    const before = first.get(key);
    if (!before) first.set(key, place);
    return before ? [`${formatPlace(place)}: ${key} is there already, in ${formatPlace(before)}`] : [];
  });
}

function formatSyntaxProblem({ place, line, column, reason }: SyntaxProblem): string {
  return `${formatPlace(place)}, line ${line}, column ${column}: ${reason}`;
}

/** What stands at `spec.ingress[0].from`, for faults that do not carry it. */
function valueAt(value: unknown, path: string): unknown {
  return stepsOf(path).reduce<unknown>(
    (at, step) => (isRecord(at) || Array.isArray(at) ? Reflect.get(at, step) : undefined),
    value,
  );
}
