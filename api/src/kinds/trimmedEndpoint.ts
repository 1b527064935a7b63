/**
 * What a node keeps of the endpoints of all others: that by which policy and routes know them, and which of their addresses
 * no IPPool gave. Their lists and labels, which pods of one owner have alike, are kept once.
 */
import { unmanagedAnnotation } from "../kubernetes/unmanagedAddresses.ts";
import type { Labels } from "../selector/selector.ts";
import type { WorkloadEndpoint } from "./workloadEndpoint.ts";

/** Beyond that all are forgotten and sharing begins anew, so that labels which change with each pod cost nothing for long. */
const sharedMax = 10_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Spec = WorkloadEndpoint["spec"];

export class EndpointTrimmer {
  readonly #shared = new Map<string, unknown>();
  readonly #texts = new Map<string, string>();

  /** Without what names the sandbox, the interface's hardware and the object's history; it stays a valid endpoint. */
  trim({ kind, apiVersion, metadata, spec }: WorkloadEndpoint): WorkloadEndpoint {
    const { name, namespace, labels, annotations } = metadata;
    const unmanaged = annotations?.[unmanagedAnnotation];
    const kept: Mutable<WorkloadEndpoint["metadata"]> = { name };
    if (namespace !== undefined) kept.namespace = namespace;
    if (labels) kept.labels = this.#shareLabels(labels);
    if (unmanaged !== undefined) kept.annotations = { [unmanagedAnnotation]: unmanaged };
    return { kind, apiVersion, metadata: kept, spec: this.#trimSpec(spec) };
  }

  /** Member by member: a listing has a hundred thousand, and a literal that spreads what is there makes an object for each of them. */
  #trimSpec(spec: Spec): Spec {
    const { orchestrator, workload, node, pod, endpoint, ipNetworks, ipNATs, profiles, interfaceName, ports } = spec;
    const kept = { orchestrator } as Mutable<Spec>; // In the order of all others, the two that it still needs among them.
    if (workload !== undefined) kept.workload = workload;
    kept.node = node;
    if (pod !== undefined) kept.pod = pod;
    kept.endpoint = endpoint;
    if (ipNetworks) kept.ipNetworks = ipNetworks;
    if (ipNATs && ipNATs.length > 0) kept.ipNATs = ipNATs;
    if (profiles) kept.profiles = this.#share(profiles);
    if (interfaceName !== undefined) kept.interfaceName = interfaceName;
    if (ports) kept.ports = this.#share(ports);
    return kept;
  }

  /** Where no two pods have all labels alike, the texts of these are still few. */
  #shareLabels(labels: Labels): Labels {
    return this.#share(labels, () => {
      const own: Record<string, string> = {};
      for (const label in labels) own[label] = this.#shareText(labels[label] ?? "");
      return own;
    });
  }

  #shareText(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= sharedMax) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }

  /** `toKeep` makes of a value that nobody had yet what is kept of it. */
  #share<T extends object>(value: T, toKeep: () => T = () => value): T {
    const text = JSON.stringify(value);
    const known = this.#shared.get(text);
    if (known !== undefined) return known as T; // The same text is a value of the same form.
    if (this.#shared.size >= sharedMax) this.#shared.clear();
    const kept = toKeep();
    this.#shared.set(text, kept);
    return kept;
  }
}
