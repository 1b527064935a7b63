/** Tells Kubernetes what `NodeReport` has to say: the Node's condition, Events of the Node and of the agent's own Pod. */
import { createHash } from "node:crypto";
import { type MistakeStatus, storeErrorOf } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import type { Logger } from "pino";
import { messageOf } from "../error.ts";
import {
  conditionRequest,
  eventRequest,
  events,
  nodes,
  type Regarded,
  repeatedEventRequest,
} from "../node/nodeObjects.ts";
import { type NetworkCondition, type NodeEvent, NodeReport } from "../node/nodeReport.ts";
import { CoalescedWork } from "./coalescedWork.ts";

export interface NodeReporterOptions {
  readonly node: string;
  /** The agent's own, where it runs in one. */
  readonly pod: (Regarded & { readonly kind: "Pod" }) | null;
}

export interface NodeReporterPorts {
  readonly api: KubernetesApi;
  readonly log: Logger;
  readonly look: () => { readonly isReady: boolean; readonly mistakes: readonly MistakeStatus[] };
}

/** What nobody takes for a while is not kept for ever. */
const pendingMax = 32;

export class NodeReporter {
  readonly #options: NodeReporterOptions;
  readonly #ports: NodeReporterPorts;
  readonly #report = new NodeReport();
  readonly #work: CoalescedWork;
  readonly #counts = new Map<string, number>();
  #pending: NodeEvent[] = [];
  #wanted: NetworkCondition | null = null;
  /** What the Node says, as far as we know. */
  #written: NetworkCondition | null = null;
  #uid: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | null = null;

  constructor(options: NodeReporterOptions, ports: NodeReporterPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#work = new CoalescedWork({ work: () => this.#tell(), onFailure: (error) => this.#onFailure(error) });
  }

  /** Returns at once; asked after each change of the health. */
  changed(): void {
    const news = this.#report.news({ ...this.#ports.look(), nowMs: Date.now() });
    this.#wanted = news.condition ?? this.#wanted;
    this.#pending = [...this.#pending, ...news.events].slice(-pendingMax);
    clearTimeout(this.#timer);
    if (news.againAtMs !== null) {
      this.#timer = setTimeout(() => this.changed(), Math.max(1_000, news.againAtMs - Date.now())).unref();
    }
    if (this.#pending.length > 0 || this.#wanted !== this.#written) this.#work.ask();
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#work.end();
  }

  async #tell(): Promise<void> {
    if (this.#wanted !== null && this.#wanted !== this.#written) await this.#writeCondition(this.#wanted);
    for (let event = this.#pending[0]; event !== undefined; event = this.#pending[0]) {
      await this.#writeEvents(event);
      this.#pending = this.#pending.filter((each) => each !== event);
    }
    this.#problem = null;
  }

  async #writeCondition(condition: NetworkCondition): Promise<void> {
    const { api, log } = this.#ports;
    const node = await api.get(nodes, { name: this.#options.node });
    if (!node) return; // Its kubelet has not made it yet; the next change of the health comes by here again.
    this.#uid = node.metadata.uid ?? null;
    const request = conditionRequest(node, condition, Date.now());
    if (request) {
      const sent = await api.send(nodes, request);
      if (sent.kind === "failed") throw storeErrorOf(sent.failure);
      log.info({ condition }, "the node's condition NetworkUnavailable is written");
    }
    this.#written = condition;
  }

  async #writeEvents(event: NodeEvent): Promise<void> {
    const { node, pod } = this.#options;
    this.#uid ??= (await this.#ports.api.get(nodes, { name: node }))?.metadata.uid ?? null;
    await this.#writeEvent(event, { kind: "Node", name: node, uid: this.#uid ?? node });
    if (pod) await this.#writeEvent(event, pod);
  }

  async #writeEvent(event: NodeEvent, regarded: Regarded): Promise<void> {
    const { api, log } = this.#ports;
    const digest = createHash("sha1")
      .update(JSON.stringify([regarded.uid, event]))
      .digest("hex")
      .slice(0, 16);
    const facts = { regarded, name: `${regarded.name}.${digest}`, nowMs: Date.now() };
    const count = this.#counts.get(facts.name);
    const made = await api.send(events, eventRequest(event, { ...facts, node: this.#options.node }));
    const isThere = made.kind === "failed" && made.failure.code === "ALREADY_EXISTS";
    const sent = isThere ? await api.send(events, repeatedEventRequest(facts, count)) : made;
    if (sent.kind === "done") {
      if (typeof sent.object.count === "number") this.#counts.set(facts.name, sent.object.count);
      return;
    }
    if (sent.failure.code === "UNAVAILABLE" || sent.failure.code === "THROTTLED") throw storeErrorOf(sent.failure);
    log.warn({ reason: sent.failure.reason, event: event.reason }, "an Event is not taken");
  }

  /** Once, however often it is tried. */
  #onFailure(error: unknown): void {
    const problem = messageOf(error);
    if (problem !== this.#problem) this.#ports.log.warn({ reason: problem }, "Kubernetes is not told of this node yet");
    this.#problem = problem;
  }
}
