/**
 * Where the values of a kind come from on Kubernetes, and what a write of one asks of the API server. All pure: the
 * shell lists, watches and sends, and decides nothing of what objects mean.
 */
import type { JsonValue } from "../json/json.ts";
import type { Key, Kind, Revision, Scope, Stored } from "../store/store.ts";

/** `v3`: native CRDs of `projectcalico.org/v3`. `v1`: the older ones of `crd.projectcalico.org/v1`. */
export type Flavour = "v3" | "v1";

/** A resource of the API server, as its paths name it. */
export interface ApiResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** What the API server answers, parsed without loss (`json/`). Nothing of it is trusted but the name. */
export interface ApiObject {
  readonly metadata: ApiMetadata;
  readonly [member: string]: unknown;
}

export interface ApiMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly [member: string]: unknown;
}

export interface ApiName {
  readonly namespace?: string;
  readonly name: string;
}

/** What the API server can leave out of a listing or a watch, so that less comes; never all that the scope leaves out. */
export interface Narrowing {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export type Reading<K extends Kind = Kind> =
  | { readonly type: "value"; readonly key: Key<K>; readonly value: Stored[K] }
  /** `partial` is the object itself, for whoever must fail closed for it. */
  | { readonly type: "undecodable"; readonly key: Key<K>; readonly reason: string; readonly partial: JsonValue }
  /** None of ours: a pod of the host's network, what is about to be deleted. A watcher tells it as absent. */
  | { readonly type: "absent" };

/** A kind may have several sources; each key belongs to one of them (`sourceOf`). */
export interface Source<K extends Kind = Kind> {
  readonly kind: K;
  readonly resource: ApiResource;
  /** Keeps nothing of the object but what the value holds: who reads each as it arrives needs no more memory. */
  read(object: ApiObject): Reading<K>;
  /**
   * Which objects may hold the key, the likeliest first; none where this source can have no such key. What is there may
   * hold another key all the same: `read` tells.
   */
  locate(key: Key<K>): readonly ApiName[];
  /** Whether several objects may hold one key at a time. The one that `locate` names first counts. */
  readonly sharesKeys?: boolean;
  narrow(scope: Scope): Narrowing;
  /**
   * `current` is what is there now, `null` for nothing, left out where it was not asked for (`needsCurrent`). A write that
   * cannot succeed is no request: `refused` for ever, `conflict` because of `current`. When the API server answers with
   * a conflict, ask for `current` and plan once more: it may be a leftover that the plan then removes.
   */
  write(write: StoredWrite<K>, current?: ApiObject | null): WritePlan;
  needsCurrent(op: StoredWrite["op"]): boolean;
}

/** `expect` writes nothing and is the store's own. */
export type StoredWrite<K extends Kind = Kind> =
  | { readonly op: "create"; readonly key: Key<K>; readonly value: Stored[K] }
  | { readonly op: "update"; readonly key: Key<K>; readonly value: Stored[K]; readonly revision: Revision }
  | { readonly op: "put"; readonly key: Key<K>; readonly value: Stored[K] }
  | { readonly op: "delete"; readonly key: Key<K>; readonly revision: Revision };

export type WritePlan =
  | {
      readonly type: "send";
      readonly request: ApiRequest;
      readonly followUp?: FollowUp;
      /**
       * Whose answer says whether the write has happened. Should a follow-up fail that does not decide, nothing is lost:
       * an object that is marked as deleted reads as absent, and a status is written by the next write.
       */
      readonly decidedBy: "request" | "followUp";
    }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "conflict" };

/** What is sent once the first request is answered, with the object as it then is. */
export type FollowUp = (answered: ApiObject) => ApiRequest;

export interface ApiRequest {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** Without the host: `/apis/projectcalico.org/v3/ippools/pool-a`. */
  readonly path: string;
  readonly contentType: "application/json" | "application/merge-patch+json" | "application/strategic-merge-patch+json";
  readonly body: string;
}
