/** Tells which interfaces the node has and which addresses each, now and whenever that changes: host endpoints may name one by its address. */
import type { Address } from "@brindle/net";
import type { RouteSocket, Watch } from "@brindle/net/shell";
import type { Logger } from "pino";
import type { ClusterSync } from "./clusterSync.ts";
import { CoalescedWork } from "./coalescedWork.ts";
import type { PolicySync } from "./policySync.ts";

export interface HostInterfacesPorts {
  readonly kernel: Pick<RouteSocket, "links" | "addresses" | "watch">;
  readonly onInterfaces: (interfaces: ReadonlyMap<string, readonly Address[]>) => void;
  readonly onFailure: (error: unknown) => void;
}

export function followHostInterfaces(
  kernel: HostInterfacesPorts["kernel"],
  { cluster, policy, log }: { readonly cluster: ClusterSync; readonly policy: PolicySync; readonly log: Logger },
): HostInterfaces {
  return new HostInterfaces({
    kernel,
    onInterfaces: (interfaces) => {
      policy.setHostInterfaces(interfaces);
      if (cluster.isInSync) policy.changed();
    },
    onFailure: (error) => log.warn({ err: error }, "addresses of the node were not read"),
  });
}

export class HostInterfaces implements AsyncDisposable {
  readonly #ports: HostInterfacesPorts;
  readonly #work: CoalescedWork;
  #watch: Watch | null = null;
  #told = "";

  constructor(ports: HostInterfacesPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({ work: () => this.#tell(), onFailure: ports.onFailure });
  }

  /** Resolves when they were told once, or could not be. */
  async start(): Promise<void> {
    this.#watch = this.#ports.kernel.watch(["address"], () => this.#work.ask());
    this.#work.ask();
    await this.#work.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.close();
    await this.#work.end();
  }

  async #tell(): Promise<void> {
    const { kernel, onInterfaces } = this.#ports;
    const [links, addresses] = await Promise.all([kernel.links(), kernel.addresses()]);
    const interfaces = new Map<string, Address[]>(links.map(({ name }) => [name, []]));
    const names = new Map(links.map(({ index, name }) => [index, name]));
    for (const { interfaceIndex, address } of addresses) {
      interfaces.get(names.get(interfaceIndex) ?? "")?.push(address.address);
    }
    // Pods come and go, and their interfaces have no addresses of the host.
    const held = new Map([...interfaces].filter(([, own]) => own.length > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
    const text = [...held].map(([name, own]) => `${name} ${own.map(({ value }) => value).join(" ")}`).join("\n");
    if (text === this.#told) return;
    this.#told = text;
    onInterfaces(held);
  }
}
