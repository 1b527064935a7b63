/** What every resource of `projectcalico.org/v3` has in common. */

export const apiVersion = "projectcalico.org/v3";

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

export interface Resource<K extends string, Spec> {
  readonly apiVersion: typeof apiVersion;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: Spec;
}
