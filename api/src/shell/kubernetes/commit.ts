/** One write, by the version that its writer has read. */
import type { ApiFailure } from "../../kubernetes/apiFailure.ts";
import type { ApiObject, ApiRequest, Source, StoredWrite, WritePlan } from "../../kubernetes/source.ts";
import { storeErrorOf } from "../../kubernetes/storeFailure.ts";
import { refused } from "../../store/request.ts";
import { type Objects, versionOf } from "./objects.ts";
import { findObject } from "./place.ts";

/** A `put`, which overwrites whatever is there, starts anew whenever another writer came between. */
const putAttemptsMax = 10;
/** The second is for what a first one met unseen: the leftover of a deletion. */
const attemptsMax = 2;

/** The version of what was written; `null` for a conflict. */
export async function commitOne(write: StoredWrite, source: Source, objects: Objects): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    const isAskedFor = attempt > 1 || source.needsCurrent(write.op);
    const current = isAskedFor ? ((await findObject(write.key, source, objects))?.object ?? null) : undefined;
    const plan = source.write(write, current);
    if (plan.type === "conflict" && isAskedFor) return null; // It is because of what was just read.
    const version = await carryOut(plan, source, objects);
    if (version !== null || attempt >= (write.op === "put" ? putAttemptsMax : attemptsMax)) return version;
  }
}

async function carryOut(plan: WritePlan, source: Source, objects: Objects): Promise<string | null> {
  if (plan.type === "refused") throw refused(plan.reason);
  if (plan.type === "conflict") return null;
  const first = await send(plan.request, source, objects);
  if (!first || !plan.followUp) return first && versionOf(first);
  if (plan.decidedBy === "followUp") {
    const second = await send(plan.followUp(first), source, objects);
    return second && versionOf(second);
  }
  // It has happened with the first request; what is left undone reads as done, and is done by the next write.
  const second = await send(plan.followUp(first), source, objects).catch(() => null);
  return second?.metadata?.resourceVersion ?? versionOf(first);
}

async function send(request: ApiRequest, { resource }: Source, objects: Objects): Promise<ApiObject | null> {
  const sent = await objects.send(resource, request);
  if (sent.kind === "done") return sent.object;
  if (isConflict(sent.failure)) return null;
  throw storeErrorOf(sent.failure);
}

/** A namespace that is missing is no conflict: no new reading of the object would help. */
function isConflict({ code, missing }: ApiFailure): boolean {
  return code === "CONFLICT" || code === "ALREADY_EXISTS" || (code === "NOT_FOUND" && missing !== "namespaces");
}
