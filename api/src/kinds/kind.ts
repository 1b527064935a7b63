/** How a kind is declared: one value that parsing, defaults, tables, the datastore and generated CRDs read. */
import type * as z from "zod";
import type { Problem, Warning } from "./problem.ts";
import type { AnyResource, Metadata } from "./resource.ts";
import type { CelRule } from "./schema.ts";

export interface KindDefinition<R extends AnyResource = AnyResource> {
  readonly apiVersion: R["apiVersion"];
  readonly kind: R["kind"];
  /** Lower case; also the name of the folder in etcd and of the resource in Kubernetes. */
  readonly plural: string;
  /** What the kind is for, in a sentence or two: `kubectl explain`, the reference. */
  readonly description: string;
  /** What else a person may type, besides the kind and its plural in any case. */
  readonly aliases: readonly string[];
  readonly namespaced: boolean;
  readonly spec: z.ZodType<R["spec"]>;
  readonly status?: z.ZodType<object>;
  /** Fields of Calico's schema on which this version does not act, and what that means for whoever sets them. */
  readonly unsupported: readonly UnsupportedField[];
  /** What it comes to while an object of this kind is withheld: "the pool gives no addresses". */
  readonly whileWithheld?: string;
  /** What of `check` and `checkUpdate` the schema of a CRD can say too; `self` is the resource. */
  readonly rules?: readonly CelRule[];
  /** What is wrong with fields that are each right. A field that is wrong by itself is absent. */
  check?(draft: Draft<R>): readonly Problem[];
  /** What is right, and most likely not what was meant. */
  advise?(resource: R): readonly Warning[];
  /** What may not change once it is stored. */
  checkUpdate?(before: R, after: R): readonly Problem[];
  /** What Calico's own client adds before it stores a resource. */
  withDefaults(resource: R): R;
  /** The order in which a listing shows them: as `Array.sort`; by name where it says nothing, or 0. */
  compare?(a: R, b: R): number;
  /** `brindlectl get` in its default form, and in its wide one. */
  readonly columns: readonly Column<R>[];
  readonly wideColumns: readonly Column<R>[];
}

export interface Draft<R extends AnyResource> {
  readonly metadata: Metadata;
  readonly spec: Partial<R["spec"]>;
  /** Fields of `spec` that are absent here because they are wrong. */
  readonly wrong: ReadonlySet<string>;
}

/**
 * `ignored`: the resource is acted on without the field, which nobody misses but who asked for it. `withheld`: the resource is
 * stored and, since acting without the field would be wrong or open, not acted on; a policy closes what it selects. `refused`:
 * it is not stored at all. The first two are warnings to whoever applies.
 */
export type UnsupportedEffect = "ignored" | "withheld" | "refused";

export interface UnsupportedField {
  readonly effect: UnsupportedEffect;
  /** `spec.ingress[].http`; `[]` is every entry of a list. `spec` alone: this version does not act on the kind at all. */
  readonly path: string;
  /** Values that ask for nothing else than what happens anyway. */
  readonly accepted?: readonly unknown[];
  /** Only these values; all unless told. */
  readonly only?: readonly unknown[];
  /** What it comes to that the field is not acted on, where that is not the same for the whole kind. */
  readonly meanwhile?: string;
}

export interface Column<R extends AnyResource> {
  readonly header: string;
  /** Where Kubernetes finds the same for its own tables; without one it has no such column. */
  readonly jsonPath?: string;
  /** As Kubernetes names it; a string unless told. */
  readonly type?: "integer" | "boolean";
  cell(resource: R, context: ColumnContext): string;
}

/** What a table shows beside the resource itself. */
export interface ColumnContext {
  /** The AS of a node that names none. */
  readonly clusterAsNumber: number;
}

export const nameColumn: Column<AnyResource> = { header: "NAME", cell: (resource) => resource.metadata.name };
