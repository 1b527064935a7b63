/** What every resource of `projectcalico.org/v3` has in common. */
import type * as z from "zod";
import { annotations, label as dnsLabel, labels, subdomain, text } from "./fields.ts";
import { object, optional } from "./schema.ts";

export const apiVersion = "projectcalico.org/v3";

/** The group of the kinds that Calico has not (ARCHITECTURE.md, 17). */
export const brindleApiVersion = "brindle.network/v1alpha1";

export type ApiVersion = typeof apiVersion | typeof brindleApiVersion;

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  /** The store's revision in decimal; never stored (reference: Calico keeps the etcd ModRevision here on the wire). */
  readonly resourceVersion?: string;
}

export interface Resource<K extends string, Spec, V extends ApiVersion = typeof apiVersion> {
  readonly apiVersion: V;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: Spec;
}

export type AnyResource = Resource<string, object, ApiVersion>;

/** Without what a datastore gave the object: it means nothing in another. */
export function withoutIdentity(metadata: Metadata): Metadata {
  const { uid: _uid, creationTimestamp: _time, resourceVersion: _version, ...kept } = metadata;
  return kept;
}

/** To the second, as Kubernetes has it. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

export const metadataSchema: z.ZodType<Metadata> = object<Metadata>({
  name: subdomain,
  namespace: optional(dnsLabel),
  uid: optional(text),
  resourceVersion: optional(text),
  creationTimestamp: optional(text),
  labels: optional(labels),
  annotations: optional(annotations),
});
