import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exec } from "../fixtures/command.ts";
import { FixtureError } from "../fixtures/error.ts";
import type { Registry } from "../fixtures/instance.ts";
import { field, list, text } from "../fixtures/json.ts";
import { createNamespace } from "../fixtures/namespace.ts";
import type { Machine } from "./topology/machine.ts";

/** The part of a container runtime that a network sees: a namespace a pod, and the CNI executable run for it. */
export interface Pod {
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the Pod, where Kubernetes made one. */
  readonly uid?: string;
  /** What the plugin is told beside what the list of the manifests says. */
  readonly told?: Readonly<Record<string, unknown>>;
  readonly containerId: string;
  readonly namespace: string;
  /** Without length; IPv4 first. */
  readonly addresses: readonly string[];
}

export interface PodRequest {
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly told?: Readonly<Record<string, unknown>>;
}

export interface CniCall {
  readonly env: Readonly<Record<string, string>>;
  readonly config: string;
}

const cniPath = fileURLToPath(new URL("../../../cni/shim/build", import.meta.url));
const networkList = new URL("../../../manifests/10-brindle.conflist", import.meta.url);
export const podNamespace = "default";

export class Runtime {
  readonly #registry: Registry;
  readonly #machine: (node: string) => Machine;

  constructor(registry: Registry, machine: (node: string) => Machine) {
    this.#registry = registry;
    this.#machine = machine;
  }

  /** `inside` is called with the name of the pod's namespace before the pod has a network. */
  async add(request: PodRequest, inside: (namespace: string) => void = () => {}): Promise<Pod> {
    await this.#assertNew(request.name);
    const namespace = await createNamespace(`pod-${request.name}`, { instance: this.#registry });
    const pod: Pod = {
      ...request,
      containerId: randomBytes(32).toString("hex"),
      namespace: namespace.name,
      addresses: [],
    };
    // Kept before the call: after a crash in the middle of ADD the pod can still be deleted.
    await this.#keep(pod);
    inside(pod.namespace);
    const result: unknown = JSON.parse(await this.#call("ADD", pod).catch((error) => this.#giveUp(pod, error)));
    const addresses = list(field(result, "ips")).map((ip) => text(field(ip, "address")).split("/")[0] ?? "");
    const wired = { ...pod, addresses: addresses.sort((a, b) => Number(a.includes(":")) - Number(b.includes(":"))) };
    await this.#keep(wired);
    return wired;
  }

  async remove(pod: Pod): Promise<void> {
    await this.unwire(pod);
    await this.endSandbox(pod);
  }

  /** DEL alone. The sandbox stands, so that what DEL left behind can be seen: the end of a sandbox takes links along. */
  async unwire(pod: Pod): Promise<void> {
    await this.#call("DEL", pod);
  }

  /** As runtimes do: a failed ADD is followed by DEL and the end of the sandbox, and its own error is what counts. */
  async #giveUp(pod: Pod, error: unknown): Promise<never> {
    await this.#call("DEL", pod).catch(() => {});
    await this.endSandbox(pod);
    throw error;
  }

  async endSandbox(pod: Pod): Promise<void> {
    for (const pid of (await exec("ip", ["netns", "pids", pod.namespace])).split("\n").filter(Boolean)) {
      await exec("kill", ["-KILL", pid]).catch(() => {}); // It may have ended by itself.
    }
    await exec("ip", ["netns", "delete", pod.namespace]);
    await this.#registry.forgetNamespace(pod.namespace);
    await rm(this.#file(pod.name));
  }

  async pods(): Promise<Pod[]> {
    const files = await readdir(join(this.#registry.directory, "pods")).catch(() => []);
    return Promise.all(
      files.map(async (file) => JSON.parse(await readFile(join(this.#registry.directory, "pods", file), "utf8"))),
    );
  }

  async pod(name: string): Promise<Pod> {
    const pods = await this.pods();
    const pod = pods.find((candidate) => candidate.name === name);
    if (pod) return pod;
    throw new FixtureError({
      code: "EXPECTED",
      what: `no pod is called "${name}"`,
      expected: "the name of a pod",
      seen: pods.map((other) => other.name).join(", ") || "no pods",
    });
  }

  async #assertNew(name: string): Promise<void> {
    if (!(await this.pods()).some((pod) => pod.name === name)) return;
    throw new FixtureError({ code: "EXPECTED", what: `a pod "${name}" is there`, expected: "a new name", seen: name });
  }

  /** What a runtime hands to the executable, for printing too. */
  callOf(command: "ADD" | "DEL", pod: Pod): CniCall {
    const labels = Object.entries(pod.labels).map(([key, value]) => ({ key, value }));
    const args = {
      K8S_POD_NAMESPACE: podNamespace,
      K8S_POD_NAME: pod.name,
      K8S_POD_INFRA_CONTAINER_ID: pod.containerId,
      ...(pod.uid !== undefined && { K8S_POD_UID: pod.uid }),
    };
    return {
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: pod.containerId,
        CNI_NETNS: `/run/netns/${pod.namespace}`,
        CNI_IFNAME: "eth0",
        CNI_PATH: cniPath,
        CNI_ARGS: `IgnoreUnknown=1;${Object.entries(args)
          .map(([key, value]) => `${key}=${value}`)
          .join(";")}`,
      },
      config: JSON.stringify({ ...pluginConfig(), ...pod.told, args: { cni: { labels } } }),
    };
  }

  async #call(command: "ADD" | "DEL", pod: Pod): Promise<string> {
    const { env, config } = this.callOf(command, pod);
    // Longer than the executable's own patience, so that its answer is seen when an agent is frozen.
    return this.#machine(pod.node).exec(join(cniPath, "brindle"), [], { env, input: config, deadlineMs: 70_000 });
  }

  #file(name: string): string {
    return join(this.#registry.directory, "pods", name);
  }

  async #keep(pod: Pod): Promise<void> {
    await mkdir(join(this.#registry.directory, "pods"), { recursive: true });
    await writeFile(this.#file(pod.name), JSON.stringify(pod));
  }
}

/** What a runtime makes of a network list for each of its plugins; ours is the first, and the lab's pods have no ports of their node. */
function pluginConfig(): Readonly<Record<string, unknown>> {
  const { cniVersion, name, plugins }: NetworkList = JSON.parse(readFileSync(networkList, "utf8"));
  return { cniVersion, name, ...plugins[0] };
}

interface NetworkList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly Readonly<Record<string, unknown>>[];
}
