/** The ports of commands, on the real world. What is large is imported when a command first needs it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPod, Store } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import type { KubernetesFacts } from "@brindle/ipam";
import type { PodName, Ports, ServicesAndSlices } from "../ports.ts";
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

  async services(): Promise<ServicesAndSlices | null> {
    const { readServicesAndSlices } = await import("@brindle/api/shell");
    return this.#ofCluster(readServicesAndSlices);
  }

  async hostPods(names: readonly PodName[]): Promise<readonly HostPod[] | null> {
    const { podSource, readHostPod } = await import("@brindle/api");
    return this.#ofCluster(async (api) => {
      const pods = await Promise.all(names.map((name) => api.get(podSource.resource, name)));
      return pods.flatMap((pod) => (pod && readHostPod(pod)) ?? []);
    });
  }

  /** Beside etcd, of the cluster whose kubeconfig is named; `null` where there is none. */
  async #ofCluster<T>(ask: (api: KubernetesApi) => Promise<T>): Promise<T | null> {
    const { findClusterAccess, kubernetesApiOf, openKubernetesApi } = await import("@brindle/api/shell");
    const shared = kubernetesApiOf(await this.store());
    if (shared) return ask(shared);
    const { kubeconfig } = this.#options;
    if (kubeconfig === undefined) return null;
    const api = openKubernetesApi({ access: await findClusterAccess({ environment: process.env, kubeconfig }) });
    try {
      return await ask(api);
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
