/** The world as commands see it. The shell implements it; tests of commands hand in a store in memory. */
import type { EndpointSlice, HostPod, Service, Store } from "@brindle/api";
import type { KubernetesFacts } from "@brindle/ipam";

export interface Ports {
  /** Of brindlectl itself. */
  readonly version: string;
  readonly socketPath: string;
  nowMs(): number;
  /** A UUID, new at each call. */
  newUid(): string;
  /** One line or several, without the last end of line. */
  print(text: string): void;
  /** To standard error: what went wrong without ending the command. */
  warn(text: string): void;
  /** The datastore that flags and environment name. It is closed by whoever runs the command. */
  store(): Promise<Store>;
  /** Which nodes there are, and which of them answer; `null` where Kubernetes is not the datastore. */
  kubernetes(): Promise<KubernetesFacts | null>;
  /** Services and what is behind them; `null` where no Kubernetes is named that could tell. */
  services(): Promise<ServicesAndSlices | null>;
  /** Of these pods those in the network of their node; `null` where no Kubernetes is named that could tell. */
  hostPods(names: readonly PodName[]): Promise<readonly HostPod[] | null>;
  sleep(ms: number): Promise<void>;
  /** A method of the control interface of this node's agent. */
  callAgent(method: string, params: object): Promise<unknown>;
  /** One that answers with a stream, until either side ends it. */
  streamAgent(method: string, params: object): AsyncIterable<unknown>;
  /** A new file, whole or not there at all; one that exists is a failure. */
  writeNewFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** `-` is standard input, a folder is the manifests in it. */
  readManifests(paths: readonly string[], options: { readonly recursive: boolean }): Promise<readonly ManifestFile[]>;
}

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

export interface ServicesAndSlices {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
}

export interface ManifestFile {
  /** As a person would name it: `pools.yaml`, `standard input`. */
  readonly name: string;
  readonly text: string;
  /** For whoever looks for other files beside it, from another folder than ours. */
  readonly path?: string;
}
