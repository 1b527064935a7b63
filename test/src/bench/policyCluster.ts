/** The load of `policyLoad` in a datastore, and a node that enforces it in a namespace of its own. */
import type { Store, Write } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import type { TablesBackend } from "@brindle/net";
import type { PolicyResource } from "@brindle/policy";
import { startEtcd } from "../fixtures/etcd.ts";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { everything, type LoadSize, type Shape, updateOf } from "./policyLoad.ts";
import { PolicyNode } from "./policyNode.ts";
import { elapsedMs } from "./row.ts";

export const size: LoadSize = { policies: 10_000, pods: 10_000, local: 250 };
/** etcd takes 128 operations a transaction. */
const writesMax = 100;

export class PolicyCluster implements AsyncDisposable {
  readonly node: PolicyNode;
  readonly namespace: Namespace;
  /** From the node's first question to the datastore to all of it in the kernel. */
  readonly firstMs: number;
  readonly #store: Store;
  readonly #stack: AsyncDisposableStack;
  #written: number;

  private constructor(parts: {
    readonly node: PolicyNode;
    readonly namespace: Namespace;
    readonly store: Store;
    readonly firstMs: number;
    readonly written: number;
    readonly stack: AsyncDisposableStack;
  }) {
    this.node = parts.node;
    this.namespace = parts.namespace;
    this.firstMs = parts.firstMs;
    this.#store = parts.store;
    this.#written = parts.written;
    this.#stack = parts.stack;
  }

  static async start(instance: Instance, shape: Shape, backend: TablesBackend): Promise<PolicyCluster> {
    await using stack = new AsyncDisposableStack();
    const etcd = stack.use(await startEtcd({ instance }));
    const store = stack.adopt(openEtcdStore({ endpoints: [etcd.endpoint], timeoutMs: 60_000 }), (open) => open.close());
    const all = [...everything(shape, size)];
    for (let start = 0; start < all.length; start += writesMax) {
      await store.commit(all.slice(start, start + writesMax).map(writeOf));
    }
    const namespace = stack.use(await createNamespace("bpolicy", { instance }));
    const node = stack.use(await PolicyNode.start({ endpoint: etcd.endpoint, namespace, backend }));
    const firstMs = await elapsedMs(() => node.inForce(all.length));
    const written = node.told; // With what a datastore has built in, which is nobody's write.
    return new PolicyCluster({ node, namespace, store, firstMs, written, stack: stack.move() });
  }

  /** Answers how many changes there were up to this one. */
  async write(...values: readonly PolicyResource[]): Promise<number> {
    this.#written += values.length;
    const upTo = this.#written;
    await this.#store.commit(values.map(writeOf));
    return upTo;
  }

  /** All that is written, or about to be, is in force. */
  async settled(): Promise<void> {
    await this.node.inForce(this.#written);
  }

  /** From the write to the kernel. */
  changeMs(value: PolicyResource): Promise<number> {
    return elapsedMs(async () => this.node.inForce(await this.write(value)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function writeOf(value: PolicyResource): Write {
  const { key } = updateOf(value);
  return { op: "put", key, value: asStored(value) } as Write; // The key is made of the value.
}

/** Calico's client writes labels in the order of their names. */
function asStored(value: PolicyResource): PolicyResource {
  const { labels } = value.metadata;
  if (!labels) return value;
  const inOrder = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { ...value, metadata: { ...value.metadata, labels: inOrder } } as PolicyResource;
}
