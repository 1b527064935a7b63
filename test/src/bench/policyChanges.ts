/**
 * The load of `policyLoad` brought into the packet filter of a namespace by graph and enforcer: how long the first time
 * takes, and each change after it, from the graph's input to the kernel. The anchors are what any program would take that
 * writes with the commands: iptables-restore of the same table into an empty namespace, ipset restore of as many members.
 */
import { apiVersion, type GlobalNetworkSet } from "@brindle/api";
import type { TablesBackend } from "@brindle/net";
import { openIpsetSocket, openTables } from "@brindle/net/shell";
import { PolicyGraph, type PolicyResource } from "@brindle/policy";
import { Enforcer } from "@brindle/policy/shell";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { everything, localNode, pod, policy, type Shape, updateOf } from "./policyLoad.ts";
import { elapsedMs, type Measured, median, type Row } from "./row.ts";

const size = { policies: 10_000, pods: 10_000, local: 250 };
const changes = 30;

/** A node that enforces, with nothing in it. */
class Node implements AsyncDisposable {
  readonly graph = new PolicyGraph({ node: localNode });
  readonly namespace: Namespace;
  readonly #enforcer: Enforcer;
  readonly #stack: AsyncDisposableStack;

  private constructor(namespace: Namespace, enforcer: Enforcer, stack: AsyncDisposableStack) {
    this.namespace = namespace;
    this.#enforcer = enforcer;
    this.#stack = stack;
  }

  static async create(instance: Instance, backend: TablesBackend): Promise<Node> {
    const stack = new AsyncDisposableStack();
    const namespace = stack.use(await createNamespace("bpolicy", { instance }));
    const sets = stack.use(await openIpsetSocket({ namespace: namespace.path, timeoutMs: 60_000 }));
    const tables = ([4, 6] as const).map((family) => openTables({ family, backend, namespace: namespace.path }));
    const { promise: failure, reject } = Promise.withResolvers<never>();
    failure.catch(() => {});
    const schedule = (delayMs: number, work: () => void) => {
      const timer = setTimeout(work, delayMs);
      return () => clearTimeout(timer);
    };
    const enforcer = new Enforcer({ tables, sets, schedule, onFailure: reject });
    stack.defer(() => enforcer.close());
    return new Node(namespace, enforcer, stack);
  }

  tell(...values: readonly PolicyResource[]): void {
    for (const value of values) this.graph.receive(updateOf(value));
  }

  apply(): Promise<void> {
    return this.#enforcer.apply(this.graph.desired());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** The same rules and sets by the commands that everybody has. */
async function restoredMs(instance: Instance, from: Node, backend: TablesBackend): Promise<number> {
  await using target = await createNamespace("brestore", { instance });
  const sets = await from.namespace.exec("ipset", ["save"]);
  const tables = await from.namespace.exec(`iptables-${backend}-save`, ["-t", "filter"]);
  return elapsedMs(async () => {
    await target.exec("ipset", ["restore"], { input: sets, deadlineMs: 300_000 });
    await target.exec(`iptables-${backend}-restore`, [], { input: tables, deadlineMs: 300_000 });
  });
}

function firstRow(shape: Shape, backend: TablesBackend): Row {
  return {
    name: `policy: first programming of 10,000 policies, shape ${shape}, ${backend}`,
    unit: "ms",
    better: "lower",
    async measure(instance) {
      await using node = await Node.create(instance, backend);
      const ours = await elapsedMs(async () => {
        node.tell(...everything(shape, size));
        await node.apply();
      });
      const figure = await restoredMs(instance, node, backend);
      return { anchor: { name: "ipset and iptables-restore alone", figure }, ours };
    },
  };
}

type Change = (node: Node, index: number) => void;

const kinds: Readonly<Record<string, (shape: Shape) => Change>> = {
  "label change": (shape) => (node, index) => {
    const more: Record<string, string> =
      shape === "app" ? { role: `role-${index % 50}` } : { "marker.example/m0": "true" };
    node.tell(pod(shape, size.local + index, size, index % 2 === 0 ? more : {}));
  },
  "new pod": (shape) => (node, index) => node.tell(pod(shape, size.pods + index, size)),
  "new policy": (shape) => (node, index) => node.tell(policy(shape, size.policies + index)),
};

/** App p99 within 50 ms, tag within a tenth of Felix's 4.2 s; legacy writes the whole table whatever changes. */
function changeTarget(shape: Shape, backend: TablesBackend): Pick<Row, "target"> {
  if (backend === "legacy") return { target: (anchor) => 1.3 * anchor };
  return { target: () => (shape === "app" ? 50 : 420) };
}

function changeRow(shape: Shape, backend: TablesBackend, kind: string): Row {
  return {
    name: `policy: ${kind} beside 10,000 policies, shape ${shape}, ${backend}, p99`,
    unit: "ms",
    better: "lower",
    ...changeTarget(shape, backend),
    async measure(instance): Promise<Measured> {
      await using node = await Node.create(instance, backend);
      node.tell(...everything(shape, size));
      await node.apply();
      const change = kinds[kind]?.(shape);
      const times: number[] = [];
      for (let index = 0; index < changes; index++) {
        times.push(
          await elapsedMs(async () => {
            change?.(node, index);
            await node.apply();
          }),
        );
      }
      const sorted = times.toSorted((a, b) => a - b);
      const table = await node.namespace.exec(`iptables-${backend}-save`, ["-t", "filter"]);
      const rewrite = (): Promise<unknown> =>
        node.namespace.exec(`iptables-${backend}-restore`, [], { input: table, deadlineMs: 300_000 });
      const notes = [`p50 ${median(times).toFixed(1)} ms of ${changes} changes`];
      const figure = await elapsedMs(rewrite);
      return { anchor: { name: "one rewrite of the table", figure }, ours: sorted.at(-1) ?? Number.NaN, notes };
    },
  };
}

const setCount = 10;
const netsOfSet = 10_000;
const differing = 100;

function networkSet(index: number, round: number): GlobalNetworkSet {
  const nets = Array.from({ length: netsOfSet }, (_, at) => {
    const number = index * netsOfSet + at + (at < differing / setCount ? round * 200_000 : 0);
    return `${11 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.0/28`;
  });
  return {
    apiVersion,
    kind: "GlobalNetworkSet",
    metadata: { name: `set-${index}`, labels: { set: `s${index}` } },
    spec: { nets },
  };
}

const networkSetRow: Row = {
  name: `policy: ${differing} differences in ${setCount} network sets of ${netsOfSet.toLocaleString("en")} networks`,
  unit: "ms",
  better: "lower",
  target: () => 10,
  async measure(instance) {
    await using node = await Node.create(instance, "nft");
    const small = { ...size, policies: 0, pods: 1, local: 1 };
    node.tell(...everything("app", small));
    const indices = Array.from({ length: setCount }, (_, index) => index);
    node.tell(
      ...indices.map((index) => networkSet(index, 0)),
      ...indices.map(
        (index): PolicyResource => ({
          apiVersion,
          kind: "GlobalNetworkPolicy",
          metadata: { name: `deny-${index}` },
          spec: { types: ["Ingress"], ingress: [{ action: "Deny", source: { selector: `set == 's${index}'` } }] },
        }),
      ),
    );
    await node.apply();
    const saved = await node.namespace.exec("ipset", ["save"]);
    const times: number[] = [];
    for (let round = 1; round <= 9; round++) {
      const changed = indices.map((index) => networkSet(index, round));
      times.push(
        await elapsedMs(async () => {
          node.tell(...changed);
          await node.apply();
        }),
      );
    }
    await using target = await createNamespace("brestore", { instance });
    const figure = await elapsedMs(() => target.exec("ipset", ["restore"], { input: saved, deadlineMs: 60_000 }));
    return { anchor: { name: "ipset restore of all", figure }, ours: median(times) };
  },
};

const backends: readonly TablesBackend[] = ["nft", "legacy"];
const shapes: readonly Shape[] = ["app", "tag"];

export const policyChangeRows: readonly Row[] = [
  ...shapes.flatMap((shape) => backends.map((backend) => firstRow(shape, backend))),
  ...shapes.flatMap((shape) =>
    backends.flatMap((backend) => Object.keys(kinds).map((kind) => changeRow(shape, backend, kind))),
  ),
  networkSetRow,
];
