/**
 * How an attachment's endpoint is written beside its addresses. In etcd it is an object of ours: created, changed and
 * deleted by revision. On Kubernetes it is the Pod itself, which we annotate: its version changes all the time for others'
 * reasons, so it is annotated by UID, without being read before.
 */
import type { Item, Key, Store, WorkloadEndpoint, Write } from "@brindle/api";
import type { Attachment } from "./attachment.ts";
import { attachmentKey } from "./attachment.ts";
import { CniError } from "./error.ts";
import { endpointKey, podUidAnnotation } from "./workloadEndpoint.ts";

export interface EndpointWrites {
  /** The endpoint that is written with its addresses. Throws a `CniError` for what the datastore cannot hold. */
  written(attachment: Attachment, endpoint: WorkloadEndpoint): readonly Write[];
  /** Whether the endpoint was this container's before, as far as is known. */
  isOf(attachment: Attachment): boolean;
  /** What is written before the addresses are free; nothing where a newer container has the endpoint. */
  cleared(attachment: Attachment): Promise<readonly Write[]>;
  /** The endpoint is written; what the store has of it now. */
  assigned(attachment: Attachment, current: readonly FoundEndpoint[]): void;
  /** The endpoint was not as it was thought to be. Answers whether there may be one to write. */
  overtaken(attachment: Attachment): Promise<boolean>;
  /** Everything of the attachment is free. */
  released(attachment: Attachment): void;
}

/** What a store has under a key. */
type FoundEndpoint = Item | { readonly key: Key; readonly value: null };

export interface EndpointWritesPorts {
  readonly store: Pick<Store, "get" | "transactions">;
  /** The endpoint as the agent's watch tells it; `null` where there is none. On Kubernetes alone. */
  readonly watched: (key: Key<"WorkloadEndpoint">) => WorkloadEndpoint | null;
}

export function endpointWrites(node: string, ports: EndpointWritesPorts): () => EndpointWrites {
  const { store, watched } = ports;
  if (store.transactions === "many") {
    const remembered = new Map<string, Item<"WorkloadEndpoint">>();
    return () => new StoredEndpoint(node, { store, remembered });
  }
  const annotated = new AnnotatedPods(node, watched);
  return () => annotated;
}

/** More than the pods of any node. */
const rememberedMax = 4_096;

/**
 * Of one request: most often there is no endpoint yet; if there is, a conflict has it read. `remembered` are those that
 * this process wrote, as it wrote them: a guess, since whoever changes one gives it another revision.
 */
class StoredEndpoint implements EndpointWrites {
  readonly #node: string;
  readonly #store: Pick<Store, "get">;
  readonly #remembered: Map<string, Item<"WorkloadEndpoint">>;
  #present: Item<"WorkloadEndpoint"> | null = null;

  constructor(
    node: string,
    ports: { readonly store: Pick<Store, "get">; readonly remembered: Map<string, Item<"WorkloadEndpoint">> },
  ) {
    this.#node = node;
    this.#store = ports.store;
    this.#remembered = ports.remembered;
  }

  written(_attachment: Attachment, value: WorkloadEndpoint): Write[] {
    const present = this.#present;
    const { name, namespace = "default" } = value.metadata;
    const key: Key<"WorkloadEndpoint"> = { kind: "WorkloadEndpoint", namespace, name };
    if (!present) return [{ op: "create", key, value }];
    // The endpoint of the same container keeps what others have added to it since, such as labels.
    const isSame = present.value.spec.containerID === value.spec.containerID;
    const labels = { ...present.value.metadata.labels, ...value.metadata.labels };
    const metadata = isSame ? { ...present.value.metadata, ...value.metadata, labels } : value.metadata;
    return [{ op: "update", key, value: { ...value, metadata }, revision: present.revision }];
  }

  isOf({ containerId }: Attachment): boolean {
    return this.#present?.value.spec.containerID === containerId;
  }

  async cleared(attachment: Attachment): Promise<Write[]> {
    this.#present = this.#remembered.get(attachmentKey(attachment)) ?? null;
    if (!this.#present) await this.overtaken(attachment);
    const present = this.#present;
    // A newer container of the same pod has the endpoint by now: it stays, and only our addresses go.
    if (present?.value.spec.containerID !== attachment.containerId) return [];
    return [{ op: "delete", key: present.key, revision: present.revision }];
  }

  assigned(attachment: Attachment, current: readonly FoundEndpoint[]): void {
    const [endpoint] = current.filter(isEndpoint);
    if (!endpoint) return;
    this.#remembered.set(attachmentKey(attachment), endpoint);
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#remembered.size > rememberedMax) this.#remembered.delete(oldest);
  }

  async overtaken(attachment: Attachment): Promise<boolean> {
    this.#remembered.delete(attachmentKey(attachment));
    this.#present = await this.#store.get(keyOf(attachment, this.#node));
    return true;
  }

  released(attachment: Attachment): void {
    this.#remembered.delete(attachmentKey(attachment));
  }
}

function isEndpoint(found: FoundEndpoint): found is Item<"WorkloadEndpoint"> {
  return found.value !== null && found.key.kind === "WorkloadEndpoint";
}

/** More than the pods of any node. */
const annotatedMax = 4_096;

class AnnotatedPods implements EndpointWrites {
  readonly #node: string;
  readonly #watched: EndpointWritesPorts["watched"];
  /** By pod: the container that this process last annotated it for. The watch tells of it only later. */
  readonly #latest = new Map<string, string>();

  constructor(node: string, watched: EndpointWritesPorts["watched"]) {
    this.#node = node;
    this.#watched = watched;
  }

  written(attachment: Attachment, value: WorkloadEndpoint): Write[] {
    if (attachment.workload.orchestrator !== "k8s" || attachment.interfaceName !== "eth0") {
      throw new CniError({
        code: "INVALID_ENVIRONMENT",
        message: `${attachmentKey(attachment)}: on Kubernetes as the datastore there are endpoints of eth0 of pods alone`,
      });
    }
    const key = keyOf(attachment, this.#node);
    this.#remember(key, attachment.containerId);
    return [{ op: "put", key, value }];
  }

  isOf(attachment: Attachment): boolean {
    const key = keyOf(attachment, this.#node);
    return (this.#latest.get(textOf(key)) ?? this.#watched(key)?.spec.containerID) === attachment.containerId;
  }

  async cleared(attachment: Attachment): Promise<Write[]> {
    if (attachment.workload.orchestrator !== "k8s" || attachment.interfaceName !== "eth0") return [];
    if (!this.isOf(attachment)) return [];
    const key = keyOf(attachment, this.#node);
    const watched = this.#watched(key);
    const { podUid } = attachment.workload;
    return [{ op: "put", key, value: withoutAddresses(key, { watched, podUid, node: this.#node }) }];
  }

  assigned(): void {}

  /** The pod is gone, or another one has its name. */
  async overtaken(): Promise<boolean> {
    return false;
  }

  released(attachment: Attachment): void {
    const pod = textOf(keyOf(attachment, this.#node));
    if (this.#latest.get(pod) === attachment.containerId) this.#latest.delete(pod);
  }

  #remember(key: Key<"WorkloadEndpoint">, containerId: string): void {
    this.#latest.delete(textOf(key));
    this.#latest.set(textOf(key), containerId);
    const [oldest] = this.#latest.keys();
    if (oldest !== undefined && this.#latest.size > annotatedMax) this.#latest.delete(oldest);
  }
}

/** What an endpoint without addresses says of its pod. */
function withoutAddresses(
  { namespace = "", name }: Key<"WorkloadEndpoint">,
  facts: { readonly watched: WorkloadEndpoint | null; readonly podUid: string | null; readonly node: string },
): WorkloadEndpoint {
  const uid = facts.podUid ?? facts.watched?.metadata.annotations?.[podUidAnnotation];
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, ...(uid !== undefined && { annotations: { [podUidAnnotation]: uid } }) },
    spec: { orchestrator: "k8s", node: facts.node, endpoint: "eth0" },
  };
}

function keyOf(attachment: Attachment, node: string): Key<"WorkloadEndpoint"> {
  return { kind: "WorkloadEndpoint", ...endpointKey(attachment, node) };
}

function textOf({ namespace, name }: Key): string {
  return `${namespace}/${name}`;
}
