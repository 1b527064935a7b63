/** Follows the one KubeControllersConfiguration of the cluster, and tells whether the datastore is there at all. */
import { isItemOf, type KubeControllersConfiguration, type WatchEvent } from "@brindle/api";
import type { ControllerSetPorts } from "./controllerSet.ts";

type Ports = Pick<ControllerSetPorts, "store" | "log" | "onHealth"> & {
  /** Nothing is told before it is known whether there is one. */
  readonly onChanged: (configuration: KubeControllersConfiguration | null) => void;
};

const part = "configuration";
const datastore = "datastore";

export class ConfigurationWatch {
  readonly #ports: Ports;
  readonly #stop: () => Promise<void>;
  #newest: KubeControllersConfiguration | null = null;
  #unreadable: string | null = null;
  #isInSync = false;

  constructor(ports: Ports) {
    this.#ports = ports;
    ports.onHealth(part, "the datastore has not told it yet");
    const watch = ports.store.watch(["KubeControllersConfiguration"], (event) => this.#onEvent(event));
    this.#stop = () => watch.stop();
  }

  /** Who does not lead has no part in the health. */
  async end(): Promise<void> {
    await this.#stop();
    for (const name of [part, datastore]) this.#ports.onHealth(name, null);
  }

  #onEvent(event: WatchEvent): void {
    const { log, onHealth } = this.#ports;
    switch (event.type) {
      case "disconnected":
        log.warn({ reason: event.reason }, "the datastore is away");
        onHealth(datastore, event.reason);
        return;
      case "connected":
        log.info("the datastore is back");
        onHealth(datastore, null);
        return;
      case "trouble":
        return;
      case "inSync":
        this.#isInSync = true;
        break;
      case "undecodable":
        this.#unreadable = event.reason;
        break;
      case "deleted":
        [this.#newest, this.#unreadable] = [null, null];
        break;
      case "changed":
        this.#newest = isItemOf(event.item, "KubeControllersConfiguration") ? event.item.value : null;
        this.#unreadable = null;
        break;
    }
    this.#tell();
  }

  /** One that cannot be read is not taken for none: what runs goes on as before. */
  #tell(): void {
    if (!this.#isInSync) return;
    this.#ports.onHealth(part, this.#unreadable);
    if (this.#unreadable === null) this.#ports.onChanged(this.#newest);
  }
}
