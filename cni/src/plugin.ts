/**
 * The plugin as the executable sees it: a request goes in, what to print comes out, and every failure is an answer.
 *
 * Requests for one attachment run one after the other, as the specification lets us require of no runtime: a kubelet
 * that lost patience sends DEL while its ADD still runs. A DEL that cannot be done now is kept and answered with
 * success, because a runtime gives up after some tries, and the address would be lost.
 */
import { StoreError } from "@brindle/api";
import { add } from "./add.ts";
import { attachmentKey, attachmentOf } from "./attachment.ts";
import { check } from "./check.ts";
import { collect } from "./collect.ts";
import {
  parseCniVersion,
  parseConfig,
  parseNetwork,
  parseValidAttachments,
  prevResultOf,
  versionOf,
} from "./config.ts";
import { del, delWholly } from "./del.ts";
import { type Command, parseCommand, parseEnvironment } from "./environment.ts";
import { CniError, type CniFailure } from "./error.ts";
import { KeyedQueue } from "./keyedQueue.ts";
import { KnownConfigs } from "./knownConfigs.ts";
import type { Ports } from "./ports.ts";
import { parsePromised } from "./prevResult.ts";
import type { Answer, RelayedRequest } from "./relay.ts";
import { joinedRequests, requestedByRuntime } from "./requested.ts";
import { addAnswer, errorAnswer, silentSuccess, versionAnswer } from "./result.ts";
import { requireCommand } from "./versions.ts";

export interface Replay {
  readonly done: readonly string[];
  /** Still to be done; tried again at the next replay. */
  readonly failed: readonly { readonly key: string; readonly failure: CniFailure }[];
}

export class CniPlugin {
  readonly #ports: Ports;
  readonly #queue = new KeyedQueue();
  readonly #configs = new KnownConfigs();
  /** The attachments of ADDs that run, or wait. */
  readonly #adding = new Set<string>();
  /** Of each GC that runs: what ADDs came for since it began. */
  readonly #spared = new Set<Set<string>>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** `signal` is aborted when the answer is not waited for any more, or the time for it is over. */
  async answer(request: RelayedRequest, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#perform(parseCommand(request.variables), request, signal);
    } catch (error) {
      return errorAnswer(versionOf(request.stdin), failureOf(error));
    }
  }

  /** Does what earlier DELs left to be done. Called at start and now and then. */
  async replay(): Promise<Replay> {
    const done: string[] = [];
    const failed: { key: string; failure: CniFailure }[] = [];
    for (const key of await this.#ports.pending.keys()) {
      try {
        await this.#queue.run(key, () => this.#settle(key));
        done.push(key);
      } catch (error) {
        failed.push({ key, failure: failureOf(error) });
      }
    }
    return { done, failed };
  }

  async #perform(command: Command, request: RelayedRequest, signal: AbortSignal): Promise<Answer> {
    switch (command) {
      case "ADD":
        return this.#add(request, signal);
      case "DEL":
        return this.#del(request, signal);
      case "STATUS":
        return this.#status(request);
      case "VERSION":
        return versionAnswer;
      case "CHECK":
        return this.#check(request, signal);
      case "GC":
        return this.#collect(request);
    }
  }

  async #add(request: RelayedRequest, signal: AbortSignal): Promise<Answer> {
    const environment = parseEnvironment(request.variables, "ADD");
    const config = this.#configs.ofAdd(request.stdin);
    const { ip, mac } = environment.args;
    const isAsked = ip !== undefined || mac !== undefined;
    const byArguments = isAsked && requestedByRuntime("CNI_ARGS", { ...(ip !== undefined && { ips: [ip] }), mac });
    const requested = byArguments ? joinedRequests(config.requested, byArguments) : config.requested;
    const attachment = attachmentOf(environment, config.network);
    const { netns } = attachment;
    if (netns === null) throw new CniError({ code: "INVALID_ENVIRONMENT", message: "CNI_NETNS is missing" });
    const key = attachmentKey(attachment);
    for (const spared of [this.#adding, ...this.#spared]) spared.add(key);
    const work = this.#queue.run(key, async () => {
      this.#adding.add(key); // An earlier one of the same attachment has ended and taken it out.
      signal.throwIfAborted();
      // An older DEL of the same attachment, done after this ADD, would tear down what this makes.
      await this.#settle(key);
      try {
        return await add(
          { attachment: { ...attachment, netns }, config: { ...config, requested }, signal },
          this.#ports,
        );
      } catch (error) {
        // Undoing failed as well, so something is left. A DEL does the same work, and is not forgotten.
        if (error instanceof SuppressedError) await this.#ports.pending.keep(key, asDel(request));
        throw error;
      } finally {
        this.#adding.delete(key);
      }
    });
    return addAnswer(config.cniVersion, await unlessAborted(work, signal));
  }

  async #del(request: RelayedRequest, signal: AbortSignal): Promise<Answer> {
    const network = parseNetwork(request.stdin);
    const attachment = attachmentOf(parseEnvironment(request.variables, "DEL"), network);
    const key = attachmentKey(attachment);
    const work = this.#queue.run(key, async () => {
      const { gone } = await del(attachment, this.#ports);
      await this.#ports.pending.remove(key);
      // What cannot be kept either is down and in the group of removals, which goes when an agent starts.
      gone.catch(() => this.#ports.pending.keep(key, request)).catch(() => {});
    });
    try {
      await unlessAborted(work, signal);
    } catch (error) {
      if (failureOf(error).code !== "TRY_AGAIN_LATER") throw error;
      await this.#ports.pending.keep(key, request);
    }
    return silentSuccess;
  }

  async #check(request: RelayedRequest, signal: AbortSignal): Promise<Answer> {
    const config = parseConfig(request.stdin);
    requireCommand(config.cniVersion, "CHECK");
    const environment = parseEnvironment(request.variables, "CHECK");
    const attachment = attachmentOf(environment, config.network);
    const { netns, interfaceName } = attachment;
    if (netns === null) throw new CniError({ code: "INVALID_ENVIRONMENT", message: "CNI_NETNS is missing" });
    const promised = parsePromised(prevResultOf(request.stdin), { interfaceName, netns });
    const work = this.#queue.run(attachmentKey(attachment), () =>
      check({ attachment: { ...attachment, netns }, promised }, this.#ports),
    );
    await unlessAborted(work, signal);
    return silentSuccess;
  }

  /** No runtime may ADD beside it; what one adds all the same is not in the list, and stays. */
  async #collect(request: RelayedRequest): Promise<Answer> {
    requireCommand(parseCniVersion(request.stdin), "GC");
    const valid = parseValidAttachments(request.stdin);
    const network = parseNetwork(request.stdin);
    const spared = new Set(this.#adding);
    this.#spared.add(spared);
    const alone = (key: string, work: () => Promise<void>): Promise<void> =>
      this.#queue.run(key, async () => {
        if (!spared.has(key)) await work();
      });
    try {
      await collect({ network, valid }, { ports: this.#ports, alone });
    } finally {
      this.#spared.delete(spared);
    }
    return silentSuccess;
  }

  async #status(request: RelayedRequest): Promise<Answer> {
    const { cniVersion, ipam } = parseConfig(request.stdin);
    requireCommand(cniVersion, "STATUS");
    const state = await this.#ports.readiness();
    if (state.kind === "ready") {
      const lacking = await this.#ports.addresses.lacking(ipam);
      if (lacking === null) return silentSuccess;
      throw new CniError({ code: "NOT_AVAILABLE", message: lacking });
    }
    const code = state.connectivity === "limited" ? "LIMITED_CONNECTIVITY" : "NOT_AVAILABLE";
    throw new CniError({ code, message: state.reason });
  }

  /** Does a kept DEL, if there is one, and forgets it only then. */
  async #settle(key: string): Promise<void> {
    const request = await this.#ports.pending.read(key);
    if (!request) return;
    const network = parseNetwork(request.stdin);
    await delWholly(attachmentOf(parseEnvironment(request.variables, "DEL"), network), this.#ports);
    await this.#ports.pending.remove(key);
  }
}

function asDel(request: RelayedRequest): RelayedRequest {
  return { ...request, variables: { ...request.variables, CNI_COMMAND: "DEL" } };
}

/** The work goes on when the signal comes first; only its outcome is nobody's any more. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** What the runtime is told. Errors that no port declares are our own bugs or the kernel's: 999, with their text. */
export function failureOf(error: unknown): CniFailure {
  if (error instanceof CniError) return error.failure;
  // The first failure is the cause; that undoing failed too is in the log.
  if (error instanceof SuppressedError) return failureOf(error.suppressed);
  if (error instanceof StoreError) {
    const code = error.failure.code === "UNDECODABLE" ? "INTERNAL" : "TRY_AGAIN_LATER";
    return { code, message: "the datastore cannot be used", details: error.message };
  }
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError"))
    return { code: "TRY_AGAIN_LATER", message: "the request took too long and was given up; what it made is undone" };
  return { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
}
