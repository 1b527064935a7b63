/** `brindle-bgp` in a namespace, as its operator starts it and talks to it. */
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PeerDetail, RouteStatus, SpeakerSummary } from "@brindle/bgp";
import { brindlectl } from "../cli/brindlectl.ts";
import type { Daemon, Outcome } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import type { NamespaceView } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const launcher = fileURLToPath(new URL("../../../bgp/bin/brindle-bgp.js", import.meta.url));
const readme = fileURLToPath(new URL("../../../bgp/README.md", import.meta.url));

/** The README's example, word for word. */
export async function readmeExample(): Promise<string> {
  return /```yaml\n(.*?)```/s.exec(await readFile(readme, "utf8"))?.[1] ?? "";
}

export class BgpDaemon implements AsyncDisposable {
  readonly folder: string;
  readonly process: Daemon;
  readonly #namespace: NamespaceView;

  /** The control socket is put where several tests may have theirs; all else is as the text says. */
  static async start(namespace: NamespaceView, text: string, options: readonly string[] = []): Promise<BgpDaemon> {
    const instance = await processInstance();
    const folder = await instance.createDirectory("bgp-daemon");
    await writeFile(join(folder, "speaker.yaml"), withSocketIn(folder, text));
    return BgpDaemon.#launch(namespace, folder, options);
  }

  /** Another process with the file of this one, which has ended. */
  successor(): Promise<BgpDaemon> {
    return BgpDaemon.#launch(this.#namespace, this.folder, []);
  }

  static async #launch(namespace: NamespaceView, folder: string, options: readonly string[]): Promise<BgpDaemon> {
    const daemon = new BgpDaemon(namespace, folder, options);
    await waitFor(
      () => {
        daemon.process.assertRunning();
        return daemon.process.output().includes("runs;");
      },
      { what: "brindle-bgp runs", deadlineMs: 30_000 },
    );
    return daemon;
  }

  private constructor(namespace: NamespaceView, folder: string, options: readonly string[]) {
    this.#namespace = namespace;
    this.folder = folder;
    this.process = namespace.spawn(process.execPath, [launcher, "-c", this.file, ...options]);
  }

  get file(): string {
    return join(this.folder, "speaker.yaml");
  }

  get socket(): string {
    return join(this.folder, "bgp.sock");
  }

  /** Changes the file; the daemon hears of it when it is told to read it anew. */
  async write(text: string): Promise<void> {
    await writeFile(this.file, withSocketIn(this.folder, text));
  }

  /** Another file with `--check` and the socket of this daemon. */
  async check(text: string): Promise<Outcome> {
    const path = join(this.folder, "other.yaml");
    await writeFile(path, withSocketIn(this.folder, text));
    // Named as a person would who stands in its folder, which is not that of the daemon.
    const args = [launcher, "--check", "-c", basename(path), "--socket", this.socket];
    return this.#namespace.run("env", ["--chdir", this.folder, process.execPath, ...args]);
  }

  brindlectl(...args: readonly string[]): Promise<Outcome> {
    return brindlectl([...args, "--socket", this.socket]);
  }

  async summary(): Promise<SpeakerSummary> {
    return this.#json("bgp", "summary");
  }

  async peer(name: string): Promise<PeerDetail> {
    return this.#json("bgp", "peer", name);
  }

  async route(prefix: string): Promise<readonly RouteStatus[]> {
    return this.#json("bgp", "route", prefix);
  }

  /** The best of each prefix. */
  async routes(): Promise<readonly RouteStatus[]> {
    return this.#json("bgp", "routes");
  }

  async established(peer: string): Promise<void> {
    await waitFor(
      async (saw) => {
        const found = (await this.summary()).peers.find(({ name }) => name === peer);
        saw(found);
        return found?.state === "established";
      },
      { what: `the session with ${peer} is Established`, deadlineMs: 40_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    await (await processInstance()).removeDirectory(this.folder);
  }

  async #json<T>(...args: readonly string[]): Promise<T> {
    const { stdout, stderr, exitCode } = await this.brindlectl(...args, "-o", "json");
    if (exitCode !== 0) throw new Error(`brindlectl ${args.join(" ")}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }
}

function withSocketIn(folder: string, text: string): string {
  return text.replace(/^controlSocket: .*$/m, `controlSocket: ${join(folder, "bgp.sock")}`);
}
