/**
 * One history: a runtime adds and deletes pods, several at once, while the agent and the executable are killed at random
 * moments. Then the agent comes back, the runtime does what it still has to, and all is compared; then the machine
 * reboots, and nothing may be left.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Outcome } from "../fixtures/command.ts";
import type { Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { Random } from "../oracle/random.ts";
import type { CrashNode, Sandbox } from "./crashNode.ts";
import { judge, type Picture, type Running, readPicture, type Verdict } from "./picture.ts";

export interface RoundOptions {
  readonly seed: number;
  /** ADDs and DELs. */
  readonly operations: number;
  /** The agent is killed once in so many, on the average, and once at least. */
  readonly killEvery: number;
  readonly namespaces: readonly Namespace[];
}

export type Counts = Record<
  "ADDs" | "DELs" | "killed agents" | "killed executables" | "reboots" | "duplicates" | "leaks" | "orphans",
  number
>;

const atOnce = 6;
/** While no agent runs: enough to have kept DELs and refused ADDs, few enough not to be the whole of a history. */
const darkOperationsMax = 5;
const statefulNames = ["db-0", "db-1", "db-2"];

export async function crashRound(node: CrashNode, options: RoundOptions): Promise<Counts> {
  const history = new History(node, options);
  await history.play();
  await history.settle();
  await history.reboot();
  return history.counts;
}

class History {
  readonly counts: Counts = {
    ADDs: 0,
    DELs: 0,
    "killed agents": 0,
    "killed executables": 0,
    reboots: 0,
    duplicates: 0,
    leaks: 0,
    orphans: 0,
  };
  readonly #node: CrashNode;
  readonly #operations: number;
  readonly #killEvery: number;
  readonly #random: Random;
  readonly #free: Namespace[];
  readonly #running: Running[] = [];
  /** The runtime has still to delete these. */
  readonly #owed: Sandbox[] = [];
  readonly #freeNames = [...statefulNames];
  #darkLeft = 0;
  #untilKill: number;
  #waking: Promise<void> | null = null;

  constructor(node: CrashNode, { seed, operations, killEvery, namespaces }: RoundOptions) {
    this.#node = node;
    this.#operations = operations;
    this.#killEvery = killEvery;
    this.#random = new Random(seed);
    this.#untilKill = this.#random.integer(killEvery);
    this.#free = [...namespaces];
  }

  async play(): Promise<void> {
    await this.#node.wakeAgent();
    const worker = async (): Promise<void> => {
      while (this.counts.ADDs + this.counts.DELs < this.#operations) await this.#step();
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    await this.#waking;
  }

  /** The runtime ends what failed, and deletes again what was not answered. */
  async settle(): Promise<void> {
    await this.#node.wakeAgent();
    for (const sandbox of this.#owed.splice(0)) await this.#delete(sandbox);
    const picture = await this.#agreed("all that is left belongs to a container that runs");
    for (const { sandbox, result } of this.#running) {
      const outcome = await this.#node.call("CHECK", sandbox, { config: { prevResult: result } });
      assert.equal(outcome.exitCode, 0, `CHECK of ${sandbox.id}: ${outcome.stdout}`);
    }
    const { exitCode, stdout, stderr } = await this.#node.ipamCheck();
    assert.equal(exitCode, 0, `${stdout}${stderr}`);
    assert(picture.held.size >= this.#running.length);
  }

  /** Of the sandboxes the runtime knows nothing any more but that they are gone: GC, or a DEL for each. */
  async reboot(): Promise<void> {
    await this.#node.reboot();
    this.counts.reboots++;
    const gone = this.#running.splice(0);
    for (const { sandbox } of gone) if (this.#random.chance(0.3)) await this.#delete(sandbox);
    await this.#node.wakeAgent();
    const collected = await this.#node.call("GC", null, { config: { "cni.dev/valid-attachments": [] } });
    assert.equal(collected.exitCode, 0, collected.stdout);
    await this.#agreed("nothing is left after a reboot");
    for (const namespace of this.#free) assert.doesNotMatch(await namespace.ip("-o link show"), /eth0/);
  }

  async #step(): Promise<void> {
    if (this.#untilKill-- <= 0) this.#killSoon();
    if (this.#waking && this.#darkLeft-- <= 0) await this.#waking;
    // What was not answered is deleted again, until it is.
    const owed = this.#waking ? undefined : this.#owed.shift();
    if (owed) return this.#deleteAndFree(owed);
    const namespace = this.#free.length > 0 && this.#random.chance(0.6) ? this.#free.pop() : undefined;
    if (namespace) return this.#add(namespace);
    const [chosen] = this.#running.splice(this.#random.integer(Math.max(1, this.#running.length)), 1);
    if (chosen) await this.#deleteAndFree(chosen.sandbox);
    else if (this.#waking) await this.#waking;
    else await setImmediate();
  }

  async #add(namespace: Namespace): Promise<void> {
    const name = this.#random.chance(0.3) ? (this.#freeNames.pop() ?? null) : null;
    const sandbox = this.#node.newSandbox(namespace, name);
    this.counts.ADDs++;
    const outcome = await this.#call("ADD", sandbox);
    if (outcome.exitCode === 0) this.#running.push({ sandbox, result: JSON.parse(outcome.stdout) });
    else await this.#deleteAndFree(sandbox); // As every runtime does.
  }

  /** Its namespace is used again only once nothing of it can be left in it. */
  async #deleteAndFree(sandbox: Sandbox): Promise<void> {
    this.counts.DELs++;
    const { exitCode } = await this.#call("DEL", sandbox);
    if (exitCode !== 0 || this.#waking) return void this.#owed.push(sandbox);
    if (sandbox.podName !== null) this.#freeNames.push(sandbox.podName);
    if (!(await sandbox.namespace.ip("-o link show")).includes("eth0")) this.#free.push(sandbox.namespace);
    else this.#owed.push(sandbox);
  }

  async #delete(sandbox: Sandbox): Promise<void> {
    this.counts.DELs++;
    const outcome = await this.#node.call("DEL", sandbox);
    assert.equal(outcome.exitCode, 0, `DEL of ${sandbox.id}: ${outcome.stdout}`);
  }

  async #call(command: "ADD" | "DEL", sandbox: Sandbox): Promise<Outcome> {
    const isKilled = this.#random.chance(0.08);
    const outcome = await this.#node.call(command, sandbox, isKilled ? { killAfterMs: this.#random.integer(25) } : {});
    if (outcome.signal === "SIGKILL") this.counts["killed executables"]++;
    return outcome;
  }

  /** Within the next calls. While it is away some are made all the same. */
  #killSoon(): void {
    if (this.#waking) return;
    this.#untilKill = this.#random.integer(2 * this.#killEvery);
    this.#darkLeft = this.#random.integer(darkOperationsMax + 1);
    const afterMs = this.#random.integer(40);
    this.counts["killed agents"]++;
    this.#waking = (async () => {
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await this.#node.killAgent();
      await waitFor(() => this.#darkLeft <= 0 || this.counts.ADDs + this.counts.DELs >= this.#operations, {
        what: "calls are made without an agent",
      });
      await this.#node.wakeAgent();
      this.#waking = null;
    })();
  }

  /** What was kept is done every few seconds. */
  async #agreed(what: string): Promise<Picture> {
    let verdict: Verdict | undefined;
    let picture: Picture | undefined;
    const isClean = async (saw: (seen: unknown) => void): Promise<boolean> => {
      picture = await readPicture(this.#node);
      verdict = judge(picture, this.#running);
      saw(verdict);
      return Object.values(verdict).every((list) => list.length === 0);
    };
    await waitFor(isClean, { what, deadlineMs: 30_000, intervalMs: 250 });
    assert(picture && verdict);
    return picture;
  }
}
