/** Probes: what a test sends to find out whether a packet passes, and the talk with the processes that send them. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { FixtureError } from "../fixtures/error.ts";
import type { NamespaceView } from "../fixtures/namespace.ts";

export type ProbeProtocol = "tcp" | "udp" | "echo";

/** One packet to try. Echoes have no ports; theirs are zero. */
export interface ProbeOrder {
  readonly id: string;
  readonly protocol: ProbeProtocol;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

export type ProberCommand =
  | { readonly type: "send"; readonly orders: readonly ProbeOrder[] }
  | { readonly type: "stream"; readonly order: ProbeOrder }
  | { readonly type: "end" };

export type ProberReport =
  | { readonly type: "ready" }
  /** `source` is where a datagram came from, as its receiver sees it. */
  | { readonly type: "passed"; readonly id: string; readonly source?: string }
  | { readonly type: "streamed"; readonly id: string; readonly count: number };

const script = fileURLToPath(new URL("prober.ts", import.meta.url));

/** The prober inside one namespace. */
export class Prober implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #onReport: (report: ProberReport) => void;

  private constructor(child: ChildProcessWithoutNullStreams, onReport: (report: ProberReport) => void) {
    this.#child = child;
    this.#onReport = onReport;
  }

  static async start(
    namespace: Pick<NamespaceView, "path">,
    ports: readonly number[],
    onReport: (report: ProberReport) => void,
  ): Promise<Prober> {
    const command = [`--net=${namespace.path}`, "--", process.execPath, script, ...ports.map(String)];
    const prober = new Prober(spawn("nsenter", command), onReport);
    await prober.#ready();
    return prober;
  }

  tell(command: ProberCommand): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await gone;
  }

  #ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let errors = "";
    this.#child.stderr.on("data", (data) => {
      errors += data;
    });
    this.#child.once("exit", (code) =>
      reject(new FixtureError({ code: "DAEMON_ENDED", command: "prober", exit: `exit code ${code}`, output: errors })),
    );
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const report = JSON.parse(line) as ProberReport;
      if (report.type === "ready") resolve();
      else this.#onReport(report);
    });
    return promise;
  }
}
