/** What the datastore says of attachments, read anew and never from memory: for CHECK, and for GC. */
import type { IPAMBlock, Key, Store } from "@brindle/api";
import { addressAt } from "@brindle/ipam";
import type { Address } from "@brindle/net";
import { type Attachment, attachmentOf, handleOf, interfaceAttribute } from "./attachment.ts";
import type { Recorded, Records } from "./ports.ts";
import { endpointKey } from "./workloadEndpoint.ts";

export class StoredRecords implements Records {
  readonly #node: string;
  readonly #store: Pick<Store, "get" | "list">;

  constructor(node: string, store: Pick<Store, "get" | "list">) {
    this.#node = node;
    this.#store = store;
  }

  async of(attachment: Attachment): Promise<Recorded> {
    const handle = handleOf(attachment);
    const key: Key<"WorkloadEndpoint"> = { kind: "WorkloadEndpoint", ...endpointKey(attachment, this.#node) };
    const [held, endpoint] = await Promise.all([this.#heldBy(handle), this.#store.get(key)]);
    return { addresses: held, endpoint: endpoint?.value ?? null };
  }

  async attachments(network: string): Promise<readonly Attachment[]> {
    const { items } = await this.#store.list("IPAMBlock");
    const found = items.flatMap(({ value }) => attachmentsOf(value, { node: this.#node, network }));
    return [...new Map(found.map((attachment) => [handleOf(attachment), attachment])).values()];
  }

  /** Calico and we keep in the handle which blocks to look into. */
  async #heldBy(handleId: string): Promise<readonly Address[]> {
    const handle = await this.#store.get({ kind: "IPAMHandle", name: handleId });
    const cidrs = Object.keys(handle?.value.block ?? {});
    const blocks = await Promise.all(cidrs.map((name) => this.#store.get({ kind: "IPAMBlock", name })));
    return blocks.flatMap((item) => (item ? heldIn(item.value, handleId) : []));
  }
}

function heldIn(block: IPAMBlock, handleId: string): Address[] {
  const indexes = new Set(
    block.attributes.flatMap(({ handle_id, releasedAt }, index) =>
      handle_id === handleId && releasedAt === undefined ? [index] : [],
    ),
  );
  return block.allocations.flatMap((index, ordinal) =>
    index !== null && indexes.has(index) ? [addressAt(block, ordinal)] : [],
  );
}

/** Of a node's pods on one network. Tunnels and load balancers have handles that no network's name begins. */
function attachmentsOf(
  { attributes }: IPAMBlock,
  { node, network }: { readonly node: string; readonly network: string },
): Attachment[] {
  return attributes.flatMap(({ handle_id, secondary = {}, releasedAt }) => {
    if (!handle_id?.startsWith(`${network}.`) || secondary.node !== node || releasedAt !== undefined) return [];
    const { namespace, pod, [interfaceAttribute]: interfaceName = "eth0" } = secondary;
    const rest = handle_id.slice(network.length + 1);
    const suffix = interfaceName === "eth0" ? "" : `.${interfaceName}`;
    if (!rest.endsWith(suffix)) return [];
    const containerId = rest.slice(0, rest.length - suffix.length);
    const args = namespace !== undefined && pod !== undefined ? { podNamespace: namespace, podName: pod } : {};
    return [attachmentOf({ containerId, interfaceName, netns: null, args }, network)];
  });
}
