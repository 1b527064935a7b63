/** How a request about a resource ends. All of these are normal; only a datastore that is away is thrown. */
import type { Problem, Warning } from "../kinds/problem.ts";
import type { AnyKindOfResource } from "../kinds/validate.ts";
import type { Key } from "../store/store.ts";

export type Outcome =
  | {
      readonly kind: "created" | "updated" | "unchanged";
      readonly key: Key;
      readonly resource: AnyKindOfResource;
      readonly warnings: readonly Warning[];
    }
  | { readonly kind: "deleted"; readonly key: Key }
  /** The resource is wrong, or its place in the cluster is; nothing was written. */
  | { readonly kind: "refused"; readonly problems: readonly Problem[] }
  | { readonly kind: "notFound" | "alreadyExists" | "conflict"; readonly key: Key; readonly text: string };

/** Somebody else wrote between our reading and our writing: the request begins anew. */
export interface Raced {
  readonly kind: "raced";
}
