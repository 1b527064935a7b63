/**
 * Probes that policy denies, at every address of the pods' first block from before there is any pod. Beside them a pod that is
 * open, which bears witness that they arrive where nothing denies them.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { insideNamespace, openNamespace, warmThreadPool } from "@brindle/net/shell";
import type { Daemon } from "../fixtures/command.ts";
import { FixtureError } from "../fixtures/error.ts";
import type { NamespaceView } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "../lab/topology/machine.ts";

const sender = fileURLToPath(new URL("deniedProbeSender.ts", import.meta.url));
const addresses = Array.from({ length: 64 }, (_, index) => `10.244.0.${index}`);

export class DeniedProbe implements AsyncDisposable {
  readonly #daemon: Daemon;
  readonly #witness: NamespaceView;
  #rounds = 0;
  #pods = 0;

  private constructor(router: Machine, witness: NamespaceView) {
    this.#witness = witness;
    this.#daemon = router.spawn(process.execPath, [sender, ...addresses]);
    this.#daemon.onOutput((text) => {
      this.#rounds = Number(text.trim().split("\n").at(-1));
    });
  }

  /** `witness` has an address of the block, and a policy that lets all in, or none. */
  static async start(router: Machine, witness: NamespaceView): Promise<DeniedProbe> {
    await warmThreadPool();
    const probe = new DeniedProbe(router, witness);
    await waitFor(() => received(witness) > 0, { what: "the open pod is probed", deadlineMs: 30_000 });
    return probe;
  }

  /** Throws where one got into any of these, which came and were probed meanwhile. */
  assertNone(pods: readonly NamespaceView[]): void {
    this.#pods += pods.length;
    const passed = pods.filter((pod) => received(pod) > 0);
    if (passed.length === 0) return;
    const seen = passed.map((pod) => `${pod.name}: ${received(pod)}`).join(", ");
    throw new FixtureError({ code: "EXPECTED", what: "probes that policy denies", expected: "none", seen });
  }

  told(): string {
    const open = received(this.#witness);
    return `denied probes into ${this.#pods} pods from their first moment on, ${this.#rounds} at each address: none passed (an open pod got ${open})`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
  }
}

/** How many datagrams came into a namespace, where nobody hears them. */
function received({ path }: NamespaceView): number {
  using namespace = openNamespace(path);
  const text = insideNamespace(namespace.fd, () => readFileSync("/proc/thread-self/net/snmp", "utf8"));
  const [, counts = ""] = text.split("\n").filter((line) => line.startsWith("Udp:"));
  return Number(counts.split(" ")[2]);
}
