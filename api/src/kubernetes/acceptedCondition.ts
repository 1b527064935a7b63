/** What is to be written into the status of a resource, so that who applied it with kubectl hears what became of it. */
import { crdKinds } from "../crd/customResourceDefinition.ts";
import { formatJson } from "../json/json.ts";
import { conditionOf } from "../kinds/condition.ts";
import { isResourceKind } from "../kinds/kinds.ts";
import { formatTimestamp } from "../kinds/resource.ts";
import { entriesOf, type Members, members } from "./apiObject.ts";
import { apiPath } from "./apiPath.ts";
import { crdResource } from "./crdForm.ts";
import { nameOf } from "./requests.ts";
import type { ApiObject, ApiRequest, ApiResource } from "./source.ts";

/** The resources that people write and that have a status; the older form of Calico's has none. */
export const conditionedResources: readonly ApiResource[] = crdKinds.flatMap(({ kind }) =>
  isResourceKind(kind) ? [crdResource(kind, "v3")] : [],
);

/** `null` where the condition says already what it should, and for what is about to be gone. */
export function acceptedConditionRequest(resource: ApiResource, object: ApiObject, now: Date): ApiRequest | null {
  const { metadata, status } = object;
  if (metadata.deletionTimestamp !== undefined) return null;
  const conditions = entriesOf(members(status).conditions).map(members);
  const before = conditions.find(({ type }) => type === "Accepted");
  const condition = acceptedCondition(object, before, now);
  if (before && formatJson(before) === formatJson({ ...before, ...condition })) return null;
  const others = conditions.filter(({ type }) => type !== "Accepted");
  const body = {
    // Whoever changed it meanwhile changed what it is judged by.
    metadata: { resourceVersion: metadata.resourceVersion },
    status: { conditions: [...others, condition] },
  };
  const path = apiPath(resource, nameOf(object), "status");
  return { method: "PATCH", path, contentType: "application/merge-patch+json", body: formatJson(body) };
}

/** Its time is that of the last change from accepted to not, or back. */
function acceptedCondition(object: ApiObject, before: Members | undefined, now: Date): Members {
  const { generation } = object.metadata;
  const judgement = conditionOf(object);
  const isSame = before?.status === judgement.status && before.lastTransitionTime !== undefined;
  return {
    ...judgement,
    ...(generation !== undefined && { observedGeneration: generation }),
    lastTransitionTime: isSame ? before.lastTransitionTime : formatTimestamp(now.getTime()),
  };
}
