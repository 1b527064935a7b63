/** The kinds of which Kubernetes holds the resource itself, as an object of a CRD. */
import { formatJson } from "../json/json.ts";
import type { ResourceKind } from "../kinds/kinds.ts";
import { formatKey } from "../store/request.ts";
import type { Stored } from "../store/store.ts";
import type { Members } from "./apiObject.ts";
import { crdResource, documentOf, hasStatus, objectOf, withForeignMetadata } from "./crdForm.ts";
import { hasOldNames, isConvertedName, nameFromOlder, olderNamesOf } from "./policyNames.ts";
import { keyFor, readingOf, undecodable } from "./reading.ts";
import { conflict, creation, deletion, nameOf, refuse, replacement, send } from "./requests.ts";
import type { ApiObject, ApiRequest, ApiResource, Flavour, Source, WritePlan } from "./source.ts";

export function crdSource<K extends ResourceKind>(kind: K, flavour: Flavour): Source<K> {
  const resource = crdResource(kind, flavour);
  const isRenamed = flavour === "v1" && hasOldNames(kind);
  return {
    kind,
    resource,
    read: (object) => {
      const { metadata, ...rest } = documentOf(kind, flavour, object);
      const document = {
        ...rest,
        metadata: isRenamed ? { ...metadata, name: nameFromOlder(kind, metadata.name) } : metadata,
      };
      const key = keyFor(kind, document.metadata);
      if (!isConvertedName(kind, key.name)) return readingOf(kind, key, document);
      return undecodable(key, "has a name that stands for a policy of Kubernetes itself: give it another", document);
    },
    locate: ({ namespace, name }) => {
      if (isConvertedName(kind, name) || resource.namespaced !== (namespace !== undefined)) return [];
      const names = isRenamed ? olderNamesOf(kind, name) : [name];
      return names.map((name) => (namespace === undefined ? { name } : { namespace, name }));
    },
    sharesKeys: isRenamed,
    narrow: ({ namespace }) => (namespace === undefined ? {} : { namespace }),
    needsCurrent: (op) => op !== "create" || isRenamed,
    write: (write, current = null) => {
      if (isConvertedName(kind, write.key.name)) {
        return refuse(
          `${formatKey(write.key)} stands for a policy of Kubernetes: write that one, or take another name`,
        );
      }
      if ("revision" in write && current?.metadata.resourceVersion !== write.revision) return conflict;
      if (write.op === "create" && current) return conflict;
      if (write.op === "delete") return current ? send(deletionOf(resource, current)) : conflict;
      return written({ kind, flavour, resource }, write.value, current);
    },
  };
}

function deletionOf(resource: ApiResource, current: ApiObject): ApiRequest {
  const { uid, resourceVersion } = current.metadata;
  return deletion(resource, nameOf(current), { uid, resourceVersion });
}

interface Target {
  readonly kind: ResourceKind;
  readonly flavour: Flavour;
  readonly resource: ApiResource;
}

function written<K extends ResourceKind>(
  { kind, flavour, resource }: Target,
  value: Stored[K],
  current: ApiObject | null,
): WritePlan {
  const object = objectOf(kind, flavour, value as unknown as Members); // Every `ResourceKind` is stored as a resource.
  const request = current
    ? replacement(resource, nameOf(current), withForeignMetadata(object, current))
    : creation(resource, nameOf(object), object);
  const isStatusNew = hasStatus(object) && formatJson(object.status) !== formatJson(current?.status);
  if (!isStatusNew) return send(request);
  // The API server takes a status by a request of its own alone.
  const followUp = (answered: ApiObject) =>
    replacement(resource, nameOf(answered), { ...answered, status: object.status }, "status");
  return { type: "send", request, followUp, decidedBy: "request" };
}
