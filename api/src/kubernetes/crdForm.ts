/**
 * How a resource looks as an object of Kubernetes. In the native CRDs it is the resource itself. In the older ones an
 * annotation has what of the metadata Kubernetes would not take from a client, and some names are others.
 */
import { formatJson, parseJson } from "../json/json.ts";
import { kinds, type ResourceKind } from "../kinds/kinds.ts";
import { brindleApiVersion } from "../kinds/resource.ts";
import { isMembers, type Members, members, pick, textsOf } from "./apiObject.ts";
import { convertedUid } from "./convertedUid.ts";
import { flavourGroups } from "./flavour.ts";
import type { ApiMetadata, ApiObject, ApiResource, Flavour } from "./source.ts";

const metadataAnnotation = "projectcalico.org/metadata";

export function crdResource(kind: ResourceKind, flavour: Flavour): ApiResource {
  const { plural, namespaced, apiVersion } = kinds[kind];
  const [group = "", version = ""] = apiVersion.split("/");
  if (!isOlder(kind, flavour)) return { group, version, plural, kind, namespaced };
  const named = kind === "IPAMConfiguration" ? { plural: "ipamconfigs", kind: "IPAMConfig" } : { plural, kind };
  return { group: flavourGroups.v1, version: "v1", ...named, namespaced };
}

/** Our own kinds have one form. */
function isOlder(kind: ResourceKind, flavour: Flavour): boolean {
  const apiVersion: string = kinds[kind].apiVersion;
  return flavour === "v1" && apiVersion !== brindleApiVersion;
}

/** The resource as etcd would hold it, still unchecked. */
export function documentOf(kind: ResourceKind, flavour: Flavour, { metadata, ...object }: ApiObject): ApiObject {
  const own = ownMetadata(metadata);
  return {
    ...object,
    kind,
    apiVersion: kinds[kind].apiVersion,
    metadata: isOlder(kind, flavour) ? fromOlder(own) : own,
  };
}

/** What the server keeps for itself belongs to no resource; the version is the store's. */
function ownMetadata({
  managedFields: _,
  generation: _g,
  selfLink: _s,
  resourceVersion: _r,
  ...own
}: ApiMetadata): ApiMetadata {
  return own;
}

/** The annotation wins over what Kubernetes made up; the UID is never the object's own (Calico's rule). */
function fromOlder({ annotations, ...metadata }: ApiMetadata): ApiMetadata {
  const { [metadataAnnotation]: text, ...others } = textsOf(annotations);
  const { name, namespace: _n, labels: _l, annotations: _a, uid: _u, ...kept } = stored(text);
  const given = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== null));
  const uid = convertedUid(metadata.uid);
  // A policy's own name is kept in the same annotation, and on etcd stands in the resource.
  const restored = typeof name === "string" ? { ...others, [metadataAnnotation]: formatJson({ name }) } : others;
  return {
    ...metadata,
    ...given,
    ...(uid !== undefined && { uid }),
    ...(Object.keys(restored).length > 0 && { annotations: restored }),
  };
}

function stored(text: string | undefined): Members {
  if (text === undefined) return {};
  try {
    return members(parseJson(text));
  } catch {
    return {}; // The object is what it is without it.
  }
}

/** What is sent: without what only the server gives. `resource` is a resource of this kind. */
export function objectOf(kind: ResourceKind, flavour: Flavour, resource: Members): ApiObject {
  const { metadata, kind: _kind, apiVersion: _version, ...rest } = resource;
  const { group, version, kind: sent } = crdResource(kind, flavour);
  const given = ownMetadata(metadata as ApiMetadata); // Every resource has metadata with a name.
  const { uid: _uid, creationTimestamp, ...own } = given;
  const older = isOlder(kind, flavour) ? { ...own, annotations: olderAnnotations(own, creationTimestamp) } : own;
  return { apiVersion: `${group}/${version}`, kind: sent, metadata: older, ...rest };
}

function olderAnnotations({ annotations }: ApiMetadata, creationTimestamp: unknown): Members {
  const { [metadataAnnotation]: text, ...others } = textsOf(annotations);
  const kept = { ...stored(text), ...(creationTimestamp !== undefined && { creationTimestamp }) };
  return { ...others, [metadataAnnotation]: formatJson(kept) };
}

/** What of the metadata others wrote and a resource may not know of: it stays. */
export function withForeignMetadata({ metadata, ...object }: ApiObject, current: ApiObject): ApiObject {
  const foreign = pick(current.metadata, "ownerReferences", "finalizers");
  const identity = pick(current.metadata, "uid", "resourceVersion");
  return { ...object, metadata: { ...foreign, ...metadata, name: current.metadata.name, ...identity } };
}

export function hasStatus(resource: Members): boolean {
  return isMembers(resource.status) && Object.keys(resource.status).length > 0;
}
