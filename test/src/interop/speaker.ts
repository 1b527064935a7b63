import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type {
  BestChange,
  OwnRoute,
  PeerConfig,
  PeerStatus,
  RouteQuery,
  RouteStatus,
  SpeakerConfig,
  SpeakerSummary,
} from "@brindle/bgp";
import type { RunningSpeaker } from "@brindle/bgp/shell";
import type { Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const entry = fileURLToPath(new URL("speakerProcess.ts", import.meta.url));

type FromProcess =
  | { readonly type: "started" | "tableComplete" }
  | { readonly type: "bestChanged"; readonly changes: readonly BestChange[] }
  | { readonly type: "peerChanged"; readonly peer: PeerStatus }
  | { readonly type: "returned"; readonly id: number; readonly value: unknown };

/** Our speaker in a namespace, as a process of its own, so that it can be killed. */
export class NodeSpeaker implements AsyncDisposable {
  /** What the kernel would be told to do: next hops by prefix. */
  readonly best: Map<string, BestChange> = new Map();
  readonly told: BestChange[] = [];
  isTableComplete = false;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (value: unknown) => void>();
  #lastId = 0;

  /** `in`: whether the speaker has a thread of its own in its process. */
  static async start(
    namespace: Namespace,
    config: SpeakerConfig,
    { in: thread = "ownThread" }: { readonly in?: "ownThread" | "mainThread" } = {},
  ): Promise<NodeSpeaker> {
    const speaker = new NodeSpeaker(namespace, config, thread);
    await speaker.#started;
    return speaker;
  }

  readonly #started: Promise<unknown>;

  private constructor(namespace: Namespace, config: SpeakerConfig, thread: "ownThread" | "mainThread") {
    this.#child = fork(entry, [JSON.stringify(config), thread], {
      execPath: "nsenter",
      execArgv: [`--net=${namespace.path}`, "--", process.execPath, "--conditions=brindle-source"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#started = promise;
    this.#child.once("exit", (code, signal) => reject(new Error(`the speaker's process ended: ${signal ?? code}`)));
    this.#child.on("message", (message: FromProcess) => {
      if (message.type === "started") resolve();
      this.#onMessage(message);
    });
  }

  /** Of its process: nsenter becomes what it starts. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  originate(...prefixes: readonly (string | OwnRoute)[]): Promise<unknown> {
    return this.#call("originate", prefixes);
  }

  configure(config: SpeakerConfig): Promise<unknown> {
    return this.#call("configure", config);
  }

  async peer(name: string): Promise<PeerStatus> {
    const peers = (await this.#call("peers")) as readonly PeerStatus[];
    const peer = peers.find((each) => each.name === name);
    if (!peer) throw new Error(`the speaker has no peer ${name}`);
    return peer;
  }

  summary(): Promise<SpeakerSummary> {
    return this.#call("summary") as Promise<SpeakerSummary>;
  }

  /** Its main thread does nothing else for so long. */
  block(ms: number): Promise<unknown> {
    return this.#call("block", ms);
  }

  routes(query: RouteQuery = {}): Promise<readonly RouteStatus[]> {
    return this.#call("routes", query) as Promise<readonly RouteStatus[]>;
  }

  stop(options: Parameters<RunningSpeaker["stop"]>[0]): Promise<unknown> {
    return this.#call("stop", options);
  }

  /** SIGKILL: nothing is said to anybody. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async established(name: string): Promise<PeerStatus> {
    return waitFor(
      async (saw) => {
        const peer = await this.peer(name);
        saw(peer);
        return peer.phase === "established" && peer;
      },
      { what: `our session with ${name} is Established` },
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #call(name: keyof RunningSpeaker | "block", ...args: readonly unknown[]): Promise<unknown> {
    this.#lastId += 1;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#answers.set(this.#lastId, resolve);
    this.#child.send({ id: this.#lastId, name, args });
    return promise;
  }

  #onMessage(message: FromProcess): void {
    if (message.type === "bestChanged") {
      this.told.push(...message.changes);
      for (const change of message.changes) this.best.set(change.prefix, change);
    } else if (message.type === "returned") {
      this.#answers.get(message.id)?.(message.value);
      this.#answers.delete(message.id);
    } else if (message.type === "tableComplete") {
      this.isTableComplete = true;
    }
  }
}

/** A peer with which everything is exchanged. */
export function openPeer(parts: Partial<PeerConfig> & Pick<PeerConfig, "name" | "address" | "asn">): PeerConfig {
  return {
    role: "peer",
    port: 179,
    passive: false,
    holdSeconds: 30,
    connectRetrySeconds: 2,
    families: [4, 6],
    nextHop: {},
    importPolicy: { accept: "all" },
    exportPolicy: { accept: "all" },
    ...parts,
  };
}
