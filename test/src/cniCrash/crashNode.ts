/** A node whose agent and executable are killed: a real agent from its sources, etcd, a kernel, and a runtime that never gives up. */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { startStand } from "../agent/stand.ts";
import { launcher } from "../cli/brindlectl.ts";
import { readConfig } from "../cniConformance/subjects.ts";
import type { Daemon, Outcome } from "../fixtures/command.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const plugin = fileURLToPath(new URL("../../../cni/shim/build/brindle", import.meta.url));
const networkList = fileURLToPath(new URL("../../../manifests/10-brindle.conflist", import.meta.url));
export const network = "k8s-pod-network";
/** The executable's own patience would make a round long where an agent hangs; none does. */
const patienceMs = 20_000;

export interface Sandbox {
  readonly id: string;
  readonly namespace: Namespace;
  /** Of the pod, where the orchestrator is Kubernetes. */
  readonly podName: string | null;
}

export interface CallOptions {
  /** The executable is killed after this time. */
  readonly killAfterMs?: number;
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface CrashNode extends AsyncDisposable {
  readonly host: Namespace["ip"];
  newSandbox(namespace: Namespace, podName: string | null): Sandbox;
  createNamespaces(count: number): Promise<Namespace[]>;
  call(command: string, sandbox: Sandbox | null, options?: CallOptions): Promise<Outcome>;
  killAgent(): Promise<void>;
  /** Starts one where none runs, and waits until it takes requests. */
  wakeAgent(): Promise<void>;
  /** All that a kernel forgets; disk and datastore stay. */
  reboot(): Promise<void>;
  run(command: string, args: readonly string[]): Promise<string>;
  etcdctl(...args: readonly string[]): Promise<string>;
  ipamCheck(): Promise<Outcome>;
}

export async function openCrashNode(): Promise<CrashNode> {
  const stand = await startStand();
  const machine = stand.fabric.machine("node1");
  const config = { ...(await readConfig(networkList, "brindle")), cniVersion: "1.1.0" };
  let agent: Daemon = stand.agent("node1");

  const call: CrashNode["call"] = async (command, sandbox, { killAfterMs, config: more } = {}) => {
    const env = {
      ...(sandbox && variablesOf(sandbox)),
      CNI_COMMAND: command,
      BRINDLE_CNI_DEADLINE_MS: `${patienceMs}`,
    };
    const input = JSON.stringify({ ...config, ...more });
    const child = machine.spawn(plugin, [], { env: { ...env, CNI_PATH: "/opt/cni/bin" }, input });
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    const outcome = await child.exited;
    clearTimeout(timer);
    return outcome;
  };
  return {
    host: (line) => machine.namespace.ip(line),
    newSandbox: (namespace, podName) => ({ id: randomBytes(32).toString("hex"), namespace, podName }),
    createNamespaces: (count) =>
      Promise.all(Array.from({ length: count }, (_, i) => createNamespace(`pod${i}`, { instance: stand.instance }))),
    call,
    async killAgent() {
      agent.kill("SIGKILL");
      await agent.exited;
    },
    async wakeAgent() {
      if (!agent.running) agent = stand.launch("node1");
      await waitFor(
        async (saw) => {
          agent.assertRunning();
          const { exitCode, stdout } = await call("STATUS", null);
          saw(stdout);
          return exitCode === 0;
        },
        { what: "the agent takes requests", intervalMs: 100 },
      );
    },
    async reboot() {
      agent.kill("SIGKILL");
      await agent.exited;
      await machine.exec("/bin/sh", ["-ec", forgetting]);
    },
    run: (command, args) => machine.exec(command, args),
    etcdctl: (...args) => stand.etcd.etcdctl(...args),
    ipamCheck: () => {
      const args = [launcher, "--etcd", stand.etcd.endpoint, "ipam", "check"];
      // It starts from its sources, on a machine that has much else to do.
      return machine.run(process.execPath, args, { deadlineMs: 60_000 });
    },
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}

function variablesOf({ id, namespace, podName }: Sandbox): Readonly<Record<string, string>> {
  const args =
    podName === null ? "" : `;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${podName};K8S_POD_UID=${id.slice(0, 8)}`;
  return { CNI_CONTAINERID: id, CNI_NETNS: namespace.path, CNI_IFNAME: "eth0", CNI_ARGS: `IgnoreUnknown=1${args}` };
}

/** In the node's own network and files: interfaces of pods, with which their routes go, rules, sets, sockets. */
const forgetting = `
for link in $(ip -o link show | sed -n 's/^[0-9]*: \\(cali[^@:]*\\).*/\\1/p'); do ip link delete "$link"; done
for family in -4 -6; do ip $family route flush proto 214; done
for tables in iptables ip6tables; do
  for table in filter nat; do $tables -t $table -F; $tables -t $table -X; done
done
ipset destroy
rm -rf /run/brindle
`;
