/** What the parts and the checks of an agent say, and who hears of it: the log, Kubernetes, the container runtime. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { AgentPart, AgentStatus } from "@brindle/api";
import type { Logger } from "pino";
import type { Mistake } from "../node/mistakes.ts";
import { Health, type Said } from "../status.ts";
import type { Checks } from "./checks.ts";
import { installNetworkList, type NetworkList } from "./networkList.ts";
import type { NodeReporter } from "./nodeReporter.ts";

export interface AgentHealthOptions {
  /** What tells the kubelet that this node has a network; absent where somebody else puts it there. */
  readonly networkList: NetworkList | undefined;
  readonly signal: AbortSignal;
}

export class AgentHealth {
  readonly state: Health = new Health(Date.now());
  /** Resolves when all parts are ready for the first time. */
  readonly ready: Promise<void>;
  readonly #becameReady: () => void;
  readonly #options: AgentHealthOptions;
  readonly #log: Logger;
  #checks: Checks | null = null;
  #reporter: NodeReporter | null = null;
  #listState: "absent" | "coming" | "there" = "absent";

  constructor(options: AgentHealthOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#becameReady = resolve;
  }

  /** They hear of all that comes from now on. */
  attach({ checks, reporter }: { readonly checks?: Checks; readonly reporter?: NodeReporter }): void {
    this.#checks = checks ?? this.#checks;
    this.#reporter = reporter ?? this.#reporter;
  }

  /** A part says it of itself; `null` when it is ready. */
  report(part: AgentPart, said: Said | null): void {
    if (!this.state.report(part, { reason: said, nowMs: Date.now() })) return;
    if (said === null) this.#log.info({ part }, "ready");
    else this.#log.warn({ part, reason: typeof said === "string" ? said : said.text }, "failing");
    this.#checks?.onHealth(part);
    this.#onNews();
  }

  /** All that one check finds. */
  found(check: string, mistakes: readonly Mistake[]): void {
    if (!this.state.found(check, mistakes, Date.now())) return;
    for (const { code, text } of mistakes) this.#log.warn({ code, reason: text }, "something is wrong");
    if (mistakes.length === 0) this.#log.info({ check }, "nothing is wrong any more");
    this.#onNews();
  }

  /** An agent before this one may have put it there. */
  networkList(): AgentStatus["networkList"] {
    const { networkList } = this.#options;
    if (!networkList) return null;
    const path = join(networkList.directory, basename(networkList.source));
    return { path, isInPlace: existsSync(path) };
  }

  /** Somebody took it away after it was there: without it the runtime has no network, and nobody else puts it back. */
  networkListMissing(): void {
    if (this.#listState === "there") {
      this.#listState = "absent";
      this.#log.warn("the network list was taken away");
    }
    if (this.state.firstProblem() === null) this.#onReady();
  }

  #onNews(): void {
    if (this.state.firstProblem() === null) this.#onReady();
    this.#reporter?.changed();
  }

  /** All parts are ready; what fails after the first time leaves the node its network. */
  #onReady(): void {
    this.#becameReady();
    const { networkList, signal } = this.#options;
    if (!networkList || this.#listState !== "absent") return;
    this.#listState = "coming";
    void installNetworkList(networkList, {
      signal,
      onInstalled: (path) => {
        this.#listState = "there";
        this.#log.info({ path }, "the network list is in its place");
        this.report("cni", null);
      },
      onProblem: (text) => this.report("cni", { code: "NetworkListNotWritable", text }),
    });
  }
}
