/**
 * What a newer Calico has stored and this version does not know: no document can name it, since that is an error, so a
 * document that is written over it leaves it as it is. Entries of lists have no names by which old and new belong
 * together; what stood in them goes with them, and is told.
 */
import type { ResourceKind } from "../kinds/kinds.ts";
import { formatPath, type PathStep, type Warning } from "../kinds/problem.ts";
import { type AnyKindOfResource, unknownInSpec } from "../kinds/validate.ts";

export interface Merged {
  readonly resource: AnyKindOfResource;
  readonly warnings: readonly Warning[];
}

/** `before` is what is stored, `after` what a document says in its place; both are of `kind`. */
export function withUnknownOf(kind: ResourceKind, before: AnyKindOfResource, after: AnyKindOfResource): Merged {
  let resource: object = after;
  const warnings = unknownInSpec(kind, before).map(({ path, value }): Warning => {
    const kept = path.some((step) => typeof step === "number") ? null : withMember(resource, path, value);
    if (kept) resource = kept;
    const reason = kept ? "stays as it is stored, since no field of this version is meant" : "was stored, and is gone";
    // Not the value: it may be a secret for all that this version knows.
    return { path: formatPath(path), value: undefined, reason, effect: "advice" };
  });
  return { resource: resource as AnyKindOfResource, warnings }; // Only members that its schema passes over were added.
}

/** `null` where the group that it stood in is no more. */
function withMember(at: unknown, [step = "", ...rest]: readonly PathStep[], value: unknown): object | null {
  if (!isGroup(at)) return null;
  if (rest.length === 0) return { ...at, [step]: value };
  const inner = withMember(at[step], rest, value);
  return inner && { ...at, [step]: inner };
}

function isGroup(value: unknown): value is Readonly<Record<PathStep, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
