/** The ports of commands, on the real world. What is large is imported when a command first needs it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@brindle/api";
import type { KubernetesFacts } from "@brindle/ipam";
import type { Ports, ServicesAndSlices } from "../ports.ts";
import type { GlobalOptions } from "../program.ts";
import { readManifestFiles } from "./manifestFiles.ts";
import { writeNewFile } from "./newFile.ts";

export class World implements Ports, AsyncDisposable {
  readonly version: string;
  readonly socketPath: string;
  readonly #options: GlobalOptions;
  #store: Promise<Store> | undefined;

  constructor(version: string, options: GlobalOptions) {
    this.version = version;
    this.socketPath = options.socket;
    this.#options = options;
  }

  nowMs(): number {
    return Date.now();
  }

  newUid(): string {
    return randomUUID();
  }

  print(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  warn(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  store(): Promise<Store> {
    this.#store ??= this.#open();
    return this.#store;
  }

  async kubernetes(): Promise<KubernetesFacts | null> {
    const { kubernetesApiOf, readNodesAndPods } = await import("@brindle/api/shell");
    const api = kubernetesApiOf(await this.store());
    return api && readNodesAndPods(api, { pods: false });
  }

  /** Beside etcd, of the cluster whose kubeconfig is named. */
  async services(): Promise<ServicesAndSlices | null> {
    const { findClusterAccess, kubernetesApiOf, openKubernetesApi, readServicesAndSlices } = await import(
      "@brindle/api/shell"
    );
    const shared = kubernetesApiOf(await this.store());
    if (shared) return readServicesAndSlices(shared);
    const { kubeconfig } = this.#options;
    if (kubeconfig === undefined) return null;
    const api = openKubernetesApi({ access: await findClusterAccess({ environment: process.env, kubeconfig }) });
    try {
      return await readServicesAndSlices(api);
    } finally {
      api.close();
    }
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms);
  }

  async callAgent(method: string, params: object): Promise<unknown> {
    const { callControl } = await import("./agentCall.ts");
    return callControl(this.socketPath, method, params, { timeoutMs: this.#options.timeout });
  }

  async *streamAgent(method: string, params: object): AsyncIterable<unknown> {
    const { streamControl } = await import("./agentCall.ts");
    yield* streamControl(this.socketPath, method, params, { timeoutMs: this.#options.timeout });
  }

  readManifests: Ports["readManifests"] = readManifestFiles;
  writeNewFile: Ports["writeNewFile"] = writeNewFile;

  async [Symbol.asyncDispose](): Promise<void> {
    const store = await this.#store?.catch(() => undefined);
    await store?.close();
  }

  async #open(): Promise<Store> {
    const { configFileDefault, openDatastore, readDatastoreSettings } = await import("@brindle/api/shell");
    const { config, datastore, etcd, kubeconfig, timeout } = this.#options;
    const settings = readDatastoreSettings({
      environment: process.env,
      configFile: { path: config ?? configFileDefault, isNamed: config !== undefined },
      overrides: { DATASTORE_TYPE: datastore, ETCD_ENDPOINTS: etcd, KUBECONFIG: kubeconfig },
      timeoutMs: timeout,
    });
    return openDatastore(settings);
  }
}
