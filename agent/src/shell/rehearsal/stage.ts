/**
 * A node that nobody sees: the plugin, the allocator, the policy and the wiring that a real one has, over a datastore in memory and
 * network namespaces without names, which go with their descriptors. So the code is the real code and the classes are the real
 * classes, which is what compiled code is made for. Nothing comes to the node's kernel, its datastore, its files, or to what the
 * agent tells of itself. The tables of iptables alone are none: each would be a process.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { MemoryStore, type Store } from "@brindle/api";
import { type CniPlugin, decodeRequest, encodeAnswer, encodeRequest, type PendingDels } from "@brindle/cni";
import { type Family, renderTransactions, type SavedChain } from "@brindle/net";
import { makeNamespace, type OpenNamespace, openIpsetSocket, type Tables, warmThreadPool } from "@brindle/net/shell";
import { ClusterSync } from "../clusterSync.ts";
import { nodePlugin } from "../cniSide.ts";
import { CountedAnswers } from "../countedAnswers.ts";
import { noPods } from "../podDescriptions.ts";
import { PolicySync } from "../policySync.ts";
import { Links } from "../wiring/links.ts";
import type { PairThread } from "../wiring/pairs.ts";
import { rehearsedCluster, rehearsedNode, requestOf } from "./script.ts";

export interface StageOptions {
  readonly transactions: Store["transactions"];
  /** So many at once. */
  readonly pods: number;
  /** The thread that will wire real pods, whose code is to be compiled as well. */
  readonly pairs?: PairThread | undefined;
}

/** The interfaces of pods that went may be on their way out while the next ones come. */
const companies = 2;

/** What nobody waits for any more gets so long to end, which it mostly does at once. After that it ends by what it finds closed. */
const endingMs = 1_000;

export class Stage implements AsyncDisposable {
  readonly #plugin: CniPlugin;
  readonly #calls = new CountedAnswers({ tally: { answered: () => {} } });
  readonly #companies: readonly (readonly OpenNamespace[])[];
  readonly #parts: AsyncDisposableStack;
  /** Of the lives that were. */
  #lives = 0;

  static async open({ transactions, pods, pairs }: StageOptions): Promise<Stage> {
    await warmThreadPool();
    await using parts = new AsyncDisposableStack();
    const sandboxes: OpenNamespace[][] = [];
    for (let company = 0; company < companies; company++) {
      sandboxes.push(Array.from({ length: pods }, () => parts.use(makeNamespace())));
      await nextTurn();
    }
    const store = new MemoryStore({ transactions, schedule: (work) => setImmediate(work) });
    parts.defer(() => store.close());
    for (const write of rehearsedCluster()) await store.commit([write]);
    const home = parts.use(makeNamespace());
    const links = parts.use(await Links.open({ mtu: 1_500, namespace: home.fd, thread: pairs }));
    const policy = await openPolicy(home);
    parts.defer(() => policy.end());
    const cluster = await follow(store, policy);
    parts.defer(() => cluster.end());
    parts.defer(() => Promise.race([links.settled(), delay(endingMs, undefined, { ref: false })]));
    return new Stage({ store, cluster, policy, links }, { sandboxes, parts: parts.move() });
  }

  private constructor(
    parts: Omit<Parameters<typeof nodePlugin>[1], "pods" | "readiness" | "pending">,
    own: { readonly sandboxes: readonly (readonly OpenNamespace[])[]; readonly parts: AsyncDisposableStack },
  ) {
    const options = { node: rehearsedNode, listDirectory: undefined, usesPodCidrs: false };
    this.#plugin = nodePlugin(
      { ...options, underWay: () => this.#calls.underWay },
      { ...parts, pods: noPods, readiness: async () => ({ kind: "ready" }), pending: noneKept },
    );
    this.#companies = own.sandboxes;
    this.#parts = own.parts;
  }

  /** Pods that come at once and go at once. Throws where one of them would not have come, and once the signal is aborted. */
  async lives(signal: AbortSignal): Promise<void> {
    const company = this.#companies[this.#lives % companies] ?? [];
    for (const command of ["ADD", "DEL"] as const) {
      await allOver(
        company.map((sandbox, place) => {
          const pod = this.#lives * company.length + place;
          return this.#ask({ command, sandbox, pod }, signal);
        }),
      );
      await nextTurn(); // Whoever else has something to do.
    }
    this.#lives++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  /** By the bytes that the executable would send. */
  async #ask({ command, sandbox, pod }: Asked, signal: AbortSignal): Promise<void> {
    const netns = `/proc/self/fd/${sandbox.fd}`;
    const request = decodeRequest(encodeRequest(requestOf(command, { netns, pod })));
    if (!request) throw new RangeError("a request is read as it is written");
    const answer = await this.#calls.of(this.#plugin).answer(request, signal);
    encodeAnswer(answer);
    if (answer.exitCode !== 0) throw new Error(answer.stdout);
  }
}

interface Asked {
  readonly command: "ADD" | "DEL";
  readonly sandbox: OpenNamespace;
  readonly pod: number;
}

/** Throws the first failure, and not before all have ended: whoever hears of it takes away what they work on. */
export async function allOver(works: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(works);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function openPolicy({ fd }: OpenNamespace): Promise<PolicySync> {
  const sets = await openIpsetSocket({ namespace: fd });
  const tables = ([4, 6] as const).map(tablesOf);
  const kernel = { tables, sets, close: () => sets.close() };
  return new PolicySync({ node: rehearsedNode }, { kernel, onHealth: () => {} });
}

async function follow(store: Store, policy: PolicySync): Promise<ClusterSync> {
  const inSync = Promise.withResolvers<void>();
  const cluster = new ClusterSync(rehearsedNode, {
    onPolicy: (update, isNewcomer) => policy.receive(update, isNewcomer),
    onInSync: () => inSync.resolve(),
    onChanged: () => policy.changed(),
    onConnection: () => {},
    onTrouble: () => {},
  });
  cluster.start(store);
  await inSync.promise;
  return cluster;
}

/** What would be written to iptables-restore is made, and goes nowhere. */
function tablesOf(family: Family): Tables {
  return {
    family,
    backend: "nft",
    save: async (table) => ({ table, chains: new Map<string, SavedChain>() }),
    commit: async (transactions) => {
      for (const table of new Set(transactions.map((each) => each.table)))
        renderTransactions(
          table,
          transactions.filter((each) => each.table === table),
        );
      await nextTurn();
    },
  };
}

/** Nothing is left to be done later: it all goes with the stage. */
const noneKept: PendingDels = {
  keep: async () => {},
  keys: async () => [],
  read: async () => null,
  remove: async () => {},
};
