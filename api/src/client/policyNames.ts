/**
 * A policy's name for people. Releases of Calico before 3.32 stored a policy of the default tier under `default.` and its
 * name, and all note in an annotation what the name is: neither is what its writer wrote.
 */
import type { ResourceKind } from "../kinds/kinds.ts";
import { userMetadata } from "../kinds/policy.ts";
import type { Metadata } from "../kinds/resource.ts";
import { hasOldNames, nameFromOlder, olderNamesOf } from "../kubernetes/policyNames.ts";
import type { Key } from "../store/store.ts";

/** Where an older release stored what is not under its own name; `null` for what never had another. */
export function olderKeyOf(key: Key<ResourceKind>): Key<ResourceKind> | null {
  const [, older] = olderNamesOf(key.kind, key.name);
  return older === undefined ? null : { ...key, name: older };
}

export function asWritten(kind: ResourceKind, metadata: Metadata): Metadata {
  if (!hasOldNames(kind)) return metadata;
  const { annotations = {}, ...rest } = metadata;
  const { [userMetadata]: _name, ...others } = annotations;
  return {
    ...rest,
    name: nameFromOlder(kind, rest.name),
    ...(Object.keys(others).length > 0 && { annotations: others }),
  };
}
