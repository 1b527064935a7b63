import type { AnyResource } from "../kinds/resource.ts";

/** What a listing found of one kind. */
export interface ResourceList<R extends AnyResource> {
  readonly resources: readonly R[];
  readonly resourceVersion: string;
  /** A line for each stored object that cannot be read, and is therefore not among the resources. */
  readonly problems: readonly string[];
}
