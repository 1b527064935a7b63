/** Ten long lists of networks that change here and there, from the graph's input to the kernel. */
import { apiVersion, type GlobalNetworkSet } from "@brindle/api";
import { openIpsetSocket, openTables } from "@brindle/net/shell";
import { PolicyGraph, type PolicyResource } from "@brindle/policy";
import { Enforcer } from "@brindle/policy/shell";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { everything, localNode, updateOf } from "./policyLoad.ts";
import { elapsedMs, median, type Row } from "./row.ts";

const setCount = 10;
const netsOfSet = 10_000;
const differing = 100;
/** An agent runs for weeks: what the first rounds take, before the code of the way is compiled, is told beside. */
const warmUpRounds = 20;
const rounds = 60;
const targetMs = 10;

/** A node that enforces, with nothing in it. What the kernel refuses is no figure but an error. */
class Node implements AsyncDisposable {
  readonly graph = new PolicyGraph({ node: localNode });
  readonly namespace: Namespace;
  readonly enforcer: Enforcer;
  readonly #failure: Promise<never>;
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: {
    readonly namespace: Namespace;
    readonly enforcer: Enforcer;
    readonly failure: Promise<never>;
    readonly stack: AsyncDisposableStack;
  }) {
    this.namespace = parts.namespace;
    this.enforcer = parts.enforcer;
    this.#failure = parts.failure;
    this.#stack = parts.stack;
  }

  static async create(instance: Instance): Promise<Node> {
    await using stack = new AsyncDisposableStack();
    const namespace = stack.use(await createNamespace("bpolicy", { instance }));
    const sets = stack.use(await openIpsetSocket({ namespace: namespace.path, timeoutMs: 60_000 }));
    const tables = ([4, 6] as const).map((family) => openTables({ family, backend: "nft", namespace: namespace.path }));
    const { promise: failure, reject } = Promise.withResolvers<never>();
    failure.catch(() => {});
    const enforcer = new Enforcer({ tables, sets, schedule: () => () => {}, onFailure: reject });
    stack.defer(() => enforcer.close());
    return new Node({ namespace, enforcer, failure, stack: stack.move() });
  }

  async bring(values: readonly PolicyResource[]): Promise<void> {
    for (const value of values) this.graph.receive(updateOf(value));
    await Promise.race([this.enforcer.apply(this.graph.desired()), this.#failure]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** As a datastore hands it over: read from its text. */
function networkSet(index: number, round: number): GlobalNetworkSet {
  const nets = Array.from({ length: netsOfSet }, (_, at) => {
    const isOther = at % (netsOfSet / (differing / setCount)) === 0;
    const number = index * netsOfSet + at + (isOther ? round * 200_000 : 0);
    return `${11 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.0/28`;
  });
  const metadata = { name: `set-${index}`, labels: { set: `s${index}` } };
  return JSON.parse(JSON.stringify({ apiVersion, kind: "GlobalNetworkSet", metadata, spec: { nets } }));
}

function denial(index: number): PolicyResource {
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: `deny-${index}` },
    spec: { types: ["Ingress"], ingress: [{ action: "Deny", source: { selector: `set == 's${index}'` } }] },
  };
}

export const policyNetworkSetRow: Row = {
  name: `policy: ${differing} differences in ${setCount} network sets of ${netsOfSet.toLocaleString("en")} networks`,
  unit: "ms",
  better: "lower",
  target: () => targetMs,
  async measure(instance) {
    await using node = await Node.create(instance);
    const indices = Array.from({ length: setCount }, (_, index) => index);
    const pods = [...everything("app", { policies: 0, pods: 1, local: 1 })];
    await node.bring([...pods, ...indices.map((index) => networkSet(index, 0)), ...indices.map(denial)]);
    const saved = await node.namespace.exec("ipset", ["save"]);
    const times: number[] = [];
    for (let round = 1; round <= warmUpRounds + rounds; round++) {
      const changed = indices.map((index) => networkSet(index, round));
      times.push(await elapsedMs(() => node.bring(changed)));
    }
    const { setWrites } = node.enforcer.counters();
    await node.enforcer.resync();
    if (node.enforcer.counters().setWrites !== setWrites) throw new Error("sets were not as they should be");
    await using target = await createNamespace("brestore", { instance });
    const figure = await elapsedMs(() => target.exec("ipset", ["restore"], { input: saved, deadlineMs: 60_000 }));
    const notes = [`the first: ${times[0]?.toFixed(1)} ms`];
    return { anchor: { name: "ipset restore of all", figure }, ours: median(times.slice(warmUpRounds)), notes };
  },
};
