/**
 * Writes an archive into a datastore that is empty or holds a part of the same archive, as after an import that was
 * interrupted: what is there already and equal counts as done, what differs stops everything before the first write. The
 * datastore stays locked; agents give addresses from it when it is unlocked.
 */
import {
  type AnyKindOfResource,
  encodeValue,
  formatKey,
  formatTimestamp,
  type Item,
  isResourceKind,
  type JsonValue,
  type Key,
  keyOf,
  parseJson,
  type ResourceKind,
  type Store,
  type Write,
  withoutIdentity,
} from "@brindle/api";
import { failed } from "../error.ts";
import type { Ports } from "../ports.ts";
import { type Archive, type Entry, ipamEntries, isCopyOfKubernetesPolicy, isKubernetes } from "./archive.ts";
import { droppedFields } from "./droppedFields.ts";
import { setReady } from "./lock.ts";

export interface Imported {
  readonly written: number;
  /** Was there before, as it should be. */
  readonly unchanged: number;
  /** Made by Kubernetes itself, from its own objects. */
  readonly derived: number;
  /** Kubernetes has no object that could hold them. */
  readonly withoutPlace: readonly Key[];
  /** Members of resources that the CRDs of the cluster do not know. */
  readonly dropped: readonly Dropped[];
  /** Nodes that Kubernetes does not have. */
  readonly missingNodes: readonly string[];
}

export interface Dropped {
  readonly key: Key;
  readonly paths: readonly string[];
}

export async function writeArchive(
  archive: Archive,
  store: Store,
  ports: Pick<Ports, "nowMs" | "newUid">,
): Promise<Imported> {
  const onKubernetes = isKubernetes(store);
  const derived = onKubernetes ? archive.resources.filter(isDerived) : [];
  const withoutPlace = onKubernetes ? archive.resources.filter(hasNoPlace) : [];
  const left = new Set([...derived, ...withoutPlace]);
  const wanted = archive.resources.filter(
    (resource) => !left.has(resource) && !(onKubernetes && isSecondConfiguration(resource, archive)),
  );
  const plan = await planWrites({ ...archive, resources: wanted }, store, ports);
  if (plan.differing.length > 0) {
    throw failed([...plan.differing, "nothing was changed: an archive goes into an empty datastore"].join("\n"));
  }
  await setReady(store, false, ports);
  for (const write of plan.writes) await commitOne(store, write);
  const dropped = onKubernetes ? await droppedOf(plan.writes, store) : [];
  await writeClusterInformation(archive, store);
  return {
    written: plan.writes.length,
    unchanged: plan.unchanged,
    derived: derived.length,
    withoutPlace: withoutPlace.map(keyOf),
    dropped: [...plan.dropped, ...dropped],
    missingNodes: plan.missingNodes,
  };
}

interface Plan {
  readonly writes: Write[];
  readonly differing: string[];
  readonly missingNodes: string[];
  readonly dropped: Dropped[];
  unchanged: number;
}

async function planWrites(archive: Archive, store: Store, ports: Pick<Ports, "nowMs" | "newUid">): Promise<Plan> {
  const plan: Plan = { writes: [], differing: [], missingNodes: [], dropped: [], unchanged: 0 };
  for (const resource of archive.resources) await planResource(resource, plan, { store, ports });
  for (const entry of ipamEntries(archive.ipam)) {
    planEntry(entry, await store.get(entry.key), plan);
  }
  return plan;
}

async function planResource(
  resource: AnyKindOfResource,
  plan: Plan,
  { store, ports }: { readonly store: Store; readonly ports: Pick<Ports, "nowMs" | "newUid"> },
): Promise<void> {
  const key = keyOf(resource);
  const before = await store.get(key);
  if (resource.kind === "Node" && isKubernetes(store)) {
    planKubernetesNode(resource, before, plan);
    return;
  }
  if (!before) {
    const identity = { uid: ports.newUid(), creationTimestamp: formatTimestamp(ports.nowMs()) };
    const value = { ...resource, metadata: { ...resource.metadata, ...identity } };
    plan.writes.push({ op: "create", key, value } as Write); // `keyOf` gives a key of the kind of its resource.
    return;
  }
  const paths = droppedFrom(resource, before.value as AnyKindOfResource);
  const isSame = paths !== null && (paths.length === 0 || isKubernetes(store));
  if (!isSame) plan.differing.push(`${formatKey(key)} is there already and differs`);
  else plan.unchanged++;
  if (isSame && paths.length > 0) plan.dropped.push({ key, paths });
}

/** Kubernetes makes the node; what the network knows of it is added. */
function planKubernetesNode(node: AnyKindOfResource, before: Item<ResourceKind> | null, plan: Plan): void {
  const key = keyOf(node);
  if (!before) {
    plan.missingNodes.push(node.metadata.name);
    return;
  }
  const { revision } = before;
  const there = before.value as AnyKindOfResource;
  // Kubernetes' own labels win over those of the same name.
  const labels = { ...node.metadata.labels, ...there.metadata.labels };
  const annotations = { ...node.metadata.annotations, ...there.metadata.annotations };
  const value = { ...there, ...node, metadata: { ...there.metadata, labels, annotations } };
  plan.writes.push({ op: "update", key, value, revision } as Write); // Both are nodes.
}

function planEntry({ key, value }: Entry, before: Item | null, plan: Plan): void {
  if (!before)
    plan.writes.push({ op: "create", key, value } as Write); // An entry's value is of its key's kind.
  else if (encodeValue(key, before.value as typeof value) === encodeValue(key, value)) plan.unchanged++;
  else plan.differing.push(`${formatKey(key)} is there already and differs`);
}

async function commitOne(store: Store, write: Write): Promise<void> {
  const result = await store.commit([write]);
  if (result.kind === "committed") return;
  throw failed(
    `${formatKey(write.key)} was written by somebody else meanwhile; import again to go on where this ended`,
  );
}

/** What the cluster is; that it is locked stays. */
async function writeClusterInformation({ clusterInformation }: Archive, store: Store): Promise<void> {
  const key: Key<"ClusterInformation"> = { kind: "ClusterInformation", name: "default" };
  const before = await store.get(key);
  if (!before) throw failed("the cluster information has gone while the archive was imported");
  const spec = { ...clusterInformation.spec, datastoreReady: false };
  await commitOne(store, { op: "update", key, value: { ...before.value, spec }, revision: before.revision });
}

/** Endpoints, profiles and copies of policies come from pods, namespaces, service accounts and policies that are there. */
function isDerived(resource: AnyKindOfResource): boolean {
  const { kind, metadata } = resource;
  if (kind === "WorkloadEndpoint") return resource.spec.orchestrator === "k8s";
  if (kind === "Profile") return /^k(ns|sa)\./.test(metadata.name);
  return isCopyOfKubernetesPolicy(kind, metadata.name);
}

/** Endpoints of no pod, and profiles that an operator made: on Kubernetes there are none. */
function hasNoPlace(resource: AnyKindOfResource): boolean {
  return (resource.kind === "WorkloadEndpoint" || resource.kind === "Profile") && !isDerived(resource);
}

/** In etcd IPAM is configured in two places, of which its library reads one; in Kubernetes both are one object. */
function isSecondConfiguration({ kind }: AnyKindOfResource, { ipam }: Archive): boolean {
  return kind === "IPAMConfiguration" && ipam.config !== null;
}

/** Read back, since the API server keeps of a resource what its CRD knows, and says nothing of the rest. */
async function droppedOf(writes: readonly Write[], store: Store): Promise<readonly Dropped[]> {
  const dropped: Dropped[] = [];
  for (const write of writes) {
    if (write.op !== "create" || !isResourceKind(write.key.kind)) continue;
    const item = await store.get(write.key as Key<ResourceKind>);
    const paths = item && droppedFrom(write.value as AnyKindOfResource, item.value as AnyKindOfResource);
    if (paths && paths.length > 0) dropped.push({ key: write.key, paths });
  }
  return dropped;
}

function droppedFrom(wanted: AnyKindOfResource, kept: AnyKindOfResource): readonly string[] | null {
  return droppedFields(comparable(wanted), comparable(kept));
}

/** As it would be stored, without what belongs to one datastore. */
function comparable(resource: AnyKindOfResource): JsonValue {
  const metadata = withoutIdentity(resource.metadata);
  return parseJson(encodeValue(keyOf(resource), { ...withoutEmptyStatus(resource), metadata }));
}

/** Calico's client writes one that says nothing, and the API server does not keep it. */
function withoutEmptyStatus(resource: AnyKindOfResource): AnyKindOfResource {
  if (!("status" in resource) || Object.keys(resource.status ?? {}).length > 0) return resource;
  const { status: _status, ...rest } = resource;
  return rest as AnyKindOfResource; // No kind requires one.
}
