/**
 * Has the kernel look less strictly at the sources of pods that may send from others' addresses, and strictly at all others'. Wiring
 * has done it; this follows endpoints and settings that change, looks at all when the agent starts, and by the timer.
 */
import { parseCidr } from "@brindle/net";
import type { PolicyUpdate } from "@brindle/policy";
import { messageOf } from "../error.ts";
import { CoalescedWork } from "./coalescedWork.ts";
import { PendingLook } from "./pendingLook.ts";
import type { Links } from "./wiring/links.ts";

export interface SourceSyncPorts {
  /** `null` when all is as it should be. */
  readonly onHealth: (problem: string | null) => void;
}

type SourceLinks = Pick<Links, "guard" | "unguarded">;

export class SourceSync {
  readonly #node: string;
  readonly #work: CoalescedWork;
  /** The node's ends of pods that ask for it, by namespace and name. */
  readonly #asking = new Map<string, string>();
  readonly #pending = new PendingLook({ isWhole: true });
  #mayAny = false;
  /** `null` before pods are wired by this agent. */
  #links: SourceLinks | null = null;
  /** Whether there were any at the last look at all of the kernel: where nobody asks, none is taken. */
  #hadSome = true;

  constructor(node: string, { onHealth }: SourceSyncPorts) {
    this.#node = node;
    this.#work = new CoalescedWork({
      work: async () => {
        await this.#sync();
        onHealth(null);
      },
      onFailure: (error) => onHealth(`the sources of pods: ${messageOf(error)}`),
    });
  }

  /** Only now the kernel is looked at. */
  start(links: SourceLinks): void {
    this.#links = links;
    void this.resync();
  }

  /** Whether the cluster lets pods send from other addresses at all. */
  setMayAny(mayAny: boolean): void {
    if (this.#mayAny === mayAny) return;
    this.#mayAny = mayAny;
    for (const hostInterface of this.#asking.values()) this.#ask(hostInterface);
  }

  /** One that cannot be read keeps what it had: policy closes it meanwhile. */
  receive({ key, value, unreadable }: PolicyUpdate): void {
    if (key.kind !== "WorkloadEndpoint" || unreadable) return;
    const id = `${key.namespace ?? ""}/${key.name}`;
    const spec = value?.kind === "WorkloadEndpoint" && value.spec.node === this.#node ? value.spec : null;
    const asks = (spec?.allowSpoofedSourcePrefixes ?? []).some((text) => parseCidr(text)?.address.family === 4);
    const hostInterface = asks ? spec?.interfaceName : undefined;
    const before = this.#asking.get(id);
    if (hostInterface === before) return;
    if (hostInterface === undefined) this.#asking.delete(id);
    else this.#asking.set(id, hostInterface);
    for (const one of [hostInterface, before]) if (one !== undefined) this.#ask(one);
  }

  /** Compares all with the kernel. Resolves when that is done. */
  resync(): Promise<void> {
    if (!this.#links || (this.#asking.size === 0 && !this.#hadSome)) return Promise.resolve();
    this.#pending.addAll();
    this.#work.ask();
    return this.#work.settled();
  }

  end(): Promise<void> {
    return this.#work.end();
  }

  #ask(hostInterface: string): void {
    this.#pending.add(hostInterface);
    if (this.#links) this.#work.ask();
  }

  async #sync(): Promise<void> {
    const links = this.#links;
    if (!links) return;
    await this.#pending.take(async ({ isWhole, changed }) => {
      const found = isWhole ? await links.unguarded() : [];
      if (isWhole) this.#hadSome = found.length > 0;
      const asking = new Set(this.#mayAny ? this.#asking.values() : []);
      this.#hadSome ||= asking.size > 0;
      const looked = new Set([...found, ...changed, ...(isWhole ? asking : [])]);
      await Promise.all([...looked].map((name) => links.guard(name, asking.has(name) ? "loose" : "strict")));
    });
  }
}
