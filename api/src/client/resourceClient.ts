/**
 * Resources as people and tools ask for them: judged, given their defaults and identity, and written only over the
 * revision that was read. On the wire a resource carries its revision as `resourceVersion`; a document that carries
 * one is written only over exactly that.
 */

import type { IpamKind, IpamResources } from "../kinds/ipam.ts";
import { checkPoolBlocks, checkPoolOverlap } from "../kinds/ipPool.ts";
import { kinds, type ResourceKind, type Resources } from "../kinds/kinds.ts";
import type { Problem, Warning } from "../kinds/problem.ts";
import { formatTimestamp, type Metadata } from "../kinds/resource.ts";
import { type AnyKindOfResource, checkUpdate, type Validation, validate } from "../kinds/validate.ts";
import { encodeValue } from "../store/codec.ts";
import { StoreError } from "../store/error.ts";
import { formatKey } from "../store/request.ts";
import type { CommitResult, Item, Key, Revision, Scope, Store, Write } from "../store/store.ts";
import { deleteResource } from "./deletion.ts";
import { adviseOnIpam } from "./ipamAdvice.ts";
import { listIpamResources } from "./ipamResources.ts";
import { problemsOfWrite } from "./madeByKubernetes.ts";
import type { Outcome, Raced } from "./outcome.ts";
import { asWritten, olderKeyOf } from "./policyNames.ts";
import { checkReferences } from "./references.ts";
import type { ResourceList } from "./resourceList.ts";
import { withUnknownOf } from "./unknownMembers.ts";

export interface ResourceClientPorts {
  readonly store: Store;
  readonly nowMs: () => number;
  /** A UUID, new at each call. */
  readonly newUid: () => string;
}

/** A document that may be stored. */
type Judged = Extract<Validation, { readonly kind: "valid" }>;

/** How often `apply` reads anew when others write the same resource meanwhile. */
const attemptsMax = 5;

export class ResourceClient {
  readonly #ports: ResourceClientPorts;

  constructor(ports: ResourceClientPorts) {
    this.#ports = ports;
  }

  /** `null` when there is none. */
  async get<K extends ResourceKind>(key: Key<K>): Promise<Resources[K] | null> {
    const item = await this.#find(key);
    return item && onTheWire(item);
  }

  /** What address management keeps, as resources. */
  listIpam<K extends IpamKind>(kind: K): Promise<ResourceList<IpamResources[K]>> {
    return listIpamResources(this.#ports.store, kind);
  }

  /** In the order of their namespaces and names. */
  async list<K extends ResourceKind>(kind: K, scope: Scope = {}): Promise<ResourceList<Resources[K]>> {
    const { items, revision, undecodable } = await this.#ports.store.list(kind, scope);
    const named = [...items].sort((a, b) => (sortKey(a.key) < sortKey(b.key) ? -1 : 1));
    const resources = named.map((item) => onTheWire<K>(item));
    return {
      resources: resources.sort((a, b) => kinds[kind].compare?.(a, b) ?? 0),
      resourceVersion: revision,
      problems: undecodable.map(({ key, reason }) => `${formatKey(key)} cannot be read: ${reason}`),
    };
  }

  /** Fails where the resource exists. */
  create(document: unknown): Promise<Outcome> {
    return this.#write(document, async (judged) => this.#create(judged));
  }

  /** Fails where the resource does not exist. */
  replace(document: unknown): Promise<Outcome> {
    return this.#write(document, (judged) =>
      this.#retrying(keyOf(judged.resource), async (before) => (before ? this.#update(before, judged) : null)),
    );
  }

  /** Creates or replaces, also what cannot be read: nothing else would mend that. */
  apply(document: unknown): Promise<Outcome> {
    return this.#write(document, async (judged) => {
      try {
        return await this.#retrying(keyOf(judged.resource), (before) =>
          before ? this.#update(before, judged) : this.#createUnlessRaced(judged),
        );
      } catch (error) {
        if (!(error instanceof StoreError) || error.failure.code !== "UNDECODABLE") throw error;
        return this.#overwrite(judged, error.failure.reason);
      }
    });
  }

  delete(key: Key<ResourceKind>): Promise<Outcome> {
    return this.#retrying(key, (before) =>
      before ? deleteResource(this.#ports.store, before) : Promise.resolve(null),
    );
  }

  /** Under its name, or under that which an older release of Calico gave it. */
  async #find<K extends ResourceKind>(key: Key<K>): Promise<Item<K> | null> {
    const older = olderKeyOf(key) as Key<K> | null; // The kind stays.
    return (await this.#ports.store.get(key)) ?? (older && (await this.#ports.store.get(older)));
  }

  async #write(document: unknown, write: (judged: Judged) => Promise<Outcome>): Promise<Outcome> {
    const judged = validate(document);
    if (judged.kind === "invalid") return { kind: "refused", problems: judged.problems };
    const problems = await this.#checkAmongOthers(judged.resource);
    if (problems.length > 0) return { kind: "refused", problems };
    const advice = await adviseOnIpam(this.#ports.store, judged.resource);
    return write({ ...judged, warnings: [...judged.warnings, ...advice] });
  }

  /** Reads again when somebody else wrote meanwhile. `null` from `attempt` is "not found". */
  async #retrying(
    key: Key<ResourceKind>,
    attempt: (before: Item<ResourceKind> | null) => Promise<Outcome | Raced | null>,
  ): Promise<Outcome> {
    for (let i = 0; i < attemptsMax; i++) {
      const outcome = await attempt(await this.#find(key));
      if (outcome === null) return { kind: "notFound", key, text: `${formatKey(key)} does not exist` };
      if (outcome.kind !== "raced") return outcome;
    }
    return { kind: "conflict", key, text: `${formatKey(key)} is being changed by others; try again` };
  }

  async #create({ resource, warnings }: Judged): Promise<Outcome> {
    const key = keyOf(resource);
    const problems = problemsOfWrite(this.#ports.store, "create", key);
    if (problems.length > 0) return { kind: "refused", problems };
    const { uid: _uid, creationTimestamp: _time, resourceVersion, ...metadata } = resource.metadata;
    if (resourceVersion) return this.#staleDocument(key, `${formatKey(key)} does not exist any more`);
    const created = withMetadata(resource, {
      ...metadata,
      uid: this.#ports.newUid(),
      creationTimestamp: formatTimestamp(this.#ports.nowMs()),
    });
    const result = await this.#commit({ op: "create", key, value: created });
    if (result.kind === "committed")
      return { kind: "created", key, resource: withRevision(created, result.revision), warnings };
    return { kind: "alreadyExists", key, text: `${formatKey(key)} already exists` };
  }

  /** What stands there has no revision that could be compared, and no identity that could be kept. */
  async #overwrite({ resource, warnings }: Judged, unreadable: string): Promise<Outcome> {
    const key = keyOf(resource);
    if (resource.metadata.resourceVersion) return this.#staleDocument(key, `${formatKey(key)} cannot be read`);
    const problems = problemsOfWrite(this.#ports.store, "update", key);
    if (problems.length > 0) return { kind: "refused", problems };
    const identity = { uid: this.#ports.newUid(), creationTimestamp: formatTimestamp(this.#ports.nowMs()) };
    const value = withMetadata(resource, { ...resource.metadata, ...identity });
    const result = await this.#commit({ op: "put", key, value });
    if (result.kind === "conflict") return { kind: "conflict", key, text: `${formatKey(key)} was changed meanwhile` };
    const reason = `takes the place of what could not be read: ${unreadable}`;
    const told: Warning = { path: "", value: undefined, reason, effect: "advice" };
    return { kind: "updated", key, resource: withRevision(value, result.revision), warnings: [...warnings, told] };
  }

  async #createUnlessRaced(judged: Judged): Promise<Outcome | Raced> {
    const outcome = await this.#create(judged);
    return outcome.kind === "alreadyExists" ? { kind: "raced" } : outcome;
  }

  async #update(before: Item<ResourceKind>, { resource, warnings }: Judged): Promise<Outcome | Raced> {
    const { key, revision } = before;
    const wanted = resource.metadata.resourceVersion;
    if (wanted && wanted !== revision) {
      return this.#staleDocument(key, `${formatKey(key)} has changed since resourceVersion ${wanted}`);
    }
    const problems = [
      ...problemsOfWrite(this.#ports.store, "update", key),
      ...checkUpdate(resource.kind, before.value as typeof resource, resource),
    ];
    if (problems.length > 0) return { kind: "refused", problems };
    const merged = withUnknownOf(resource.kind, before.value as typeof resource, resource);
    const told = [...warnings, ...merged.warnings];
    const after = withIdentityOf(before.value, merged.resource);
    if (encodeValue(key, before.value) === encodeValue(key, after)) {
      return { kind: "unchanged", key, resource: withRevision(after, revision), warnings: told };
    }
    const result = await this.#commit({ op: "update", key, value: after, revision });
    if (result.kind === "committed")
      return { kind: "updated", key, resource: withRevision(after, result.revision), warnings: told };
    return { kind: "raced" };
  }

  #staleDocument(key: Key, text: string): Outcome {
    return { kind: "conflict", key, text: `${text}; read it again, or leave out resourceVersion to overwrite` };
  }

  #commit(write: {
    op: "create" | "update" | "put";
    key: Key;
    value: AnyKindOfResource;
    revision?: Revision;
  }): Promise<CommitResult> {
    return this.#ports.store.commit([write as Write]); // `keyOf` gives a key of the kind of its resource.
  }

  async #checkAmongOthers(resource: AnyKindOfResource): Promise<readonly Problem[]> {
    if (resource.kind !== "IPPool") {
      const problems = await checkReferences(this.#ports.store, resource);
      return problems.length > 0 && (await this.#find(keyOf(resource))) ? [] : problems;
    }
    const pools = (await this.#ports.store.list("IPPool")).items.map(({ value }) => value);
    const blocks = (await this.#ports.store.list("IPAMBlock")).items.map(({ key }) => key.name);
    return [...checkPoolOverlap(resource, pools), ...checkPoolBlocks(resource, blocks)];
  }
}

export function keyOf(resource: AnyKindOfResource): Key<ResourceKind> {
  const { name, namespace } = resource.metadata;
  return { kind: resource.kind, name, ...(namespace !== undefined && { namespace }) };
}

function onTheWire<K extends ResourceKind>(item: Item<K>): Resources[K] {
  const resource = item.value as AnyKindOfResource;
  const metadata = asWritten(resource.kind, resource.metadata);
  return withRevision(withMetadata(resource, metadata), item.revision) as Resources[K];
}

function withRevision(resource: AnyKindOfResource, resourceVersion: Revision): AnyKindOfResource {
  return withMetadata(resource, { ...resource.metadata, resourceVersion });
}

/** What belongs to the object and not to the document: who it is, since when, and the status that others write. */
function withIdentityOf(before: AnyKindOfResource, after: AnyKindOfResource): AnyKindOfResource {
  const { name, uid, creationTimestamp } = before.metadata;
  const { resourceVersion: _wanted, ...metadata } = after.metadata;
  const kept = withMetadata(after, {
    ...metadata,
    name, // The same, or that of an older release.
    ...(uid !== undefined && { uid }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
  });
  if (!("status" in before) || before.status === undefined) return kept;
  return { ...kept, status: before.status } as AnyKindOfResource; // Both are of one kind.
}

function withMetadata<R extends AnyKindOfResource>(resource: R, metadata: Metadata): R {
  return { ...resource, metadata };
}

function sortKey({ namespace, name }: Key): string {
  return `${namespace ?? ""}/${name}`;
}
