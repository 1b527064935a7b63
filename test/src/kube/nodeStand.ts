/** Two nodes below a router with their agents, and Kubernetes as the datastore: with the rights of the manifest alone. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AgentStatus } from "@brindle/api";
import { callControl } from "@brindle/net/shell";
import { ready as agentReady } from "../agent/stand.ts";
import type { Daemon } from "../fixtures/command.ts";
import { openInstance } from "../fixtures/instance.ts";
import { field, text } from "../fixtures/json.ts";
import type { AuditedRequest } from "../fixtures/kube/audit.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Pod, Runtime } from "../lab/runtime.ts";
import { type BuiltFabric, buildFabric } from "../lab/topology/build.ts";
import { planFabric } from "../lab/topology/plan.ts";
import { relayEntry, startRelay } from "./apiRelay.ts";
import { applyCrds } from "./crds.ts";

export const agentUser = "brindle-agent";
const agentEntry = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
const rights = fileURLToPath(new URL("../../../manifests/rbac/agent.yaml", import.meta.url));
const reports = fileURLToPath(new URL("../../../manifests/base/agent-reports.yaml", import.meta.url));
const fromSources = "--conditions=brindle-source";

export interface NodeStand extends AsyncDisposable {
  readonly api: KubeApi;
  readonly fabric: BuiltFabric;
  readonly runtime: Runtime;
  launch(node: string, options?: LaunchOptions): Daemon;
  agent(node: string): Daemon;
  status(node: string): Promise<AgentStatus>;
  call(node: string, method: string, params?: unknown): Promise<unknown>;
  apply(...objects: readonly object[]): Promise<void>;
  /** A Pod as the scheduler leaves it, and then what its node's runtime does. */
  addPod(
    name: string,
    node: string,
    labels?: Readonly<Record<string, string>>,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<Pod>;
  /** As the kubelet does: the Pod is to go, its sandbox goes, then the Pod. */
  removePod(pod: Pod): Promise<void>;
  /** What agents asked the API server, watches aside, from `since` on. */
  requests(since?: number): Promise<readonly AuditedRequest[]>;
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** As a pod: who it is and where the API server is it reads from the files and the environment that a pod has. */
  readonly isInPod?: boolean;
}

export async function startNodeStand(): Promise<NodeStand> {
  const instance = await openInstance();
  await using undo = new AsyncDisposableStack();
  undo.defer(() => instance[Symbol.asyncDispose]());
  const plan = planFabric({
    routers: [{ name: "tor", daemon: "BIRD", asn: 65001 }],
    racks: [{ number: 1, routers: ["tor"], nodes: ["node1", "node2"] }],
    cables: [],
    nodeAsn: 64512,
    podRanges: ["10.244.0.0/16", "fd00:244::/48"],
  });
  const [api, fabric] = await Promise.all([startKubeApi({ instance, audit: true }), buildFabric(plan, instance)]);
  const relayPath = join(instance.directory, "api.sock");
  undo.use(await startRelay(relayPath, api.port));
  for (const { name } of plan.nodes) await relayIn(fabric, name, [relayPath, String(api.port)]);
  await applyCrds(api);
  await bind(api);
  const identity = api.issueCertificate(agentUser, []);
  const kubeconfig = await api.writeKubeconfig("agents", identity);

  const agents = new Map<string, Daemon>();
  const runtime = new Runtime(instance, fabric.machine);
  const call = (node: string, method: string, params?: unknown): Promise<unknown> =>
    callControl(fabric.machine(node).outside("/run/brindle/agent.sock"), method, params, { timeoutMs: 10_000 });
  const apply = async (...objects: readonly object[]): Promise<void> => {
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    await api.kubectl(["apply", "-f", "-"], { input });
  };
  const made = undo.move();
  return {
    api,
    fabric,
    runtime,
    call,
    apply,
    launch(node, { args = [], environment = {}, isInPod = false } = {}) {
      const access = isInPod ? ["--datastore", "kubernetes"] : ["--kubeconfig", kubeconfig];
      const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
      const command = [process.execPath, fromSources, agentEntry, "agent", "--node", node, ...access, ...args];
      const daemon = fabric.machine(node).spawn("env", [...variables, ...command]);
      agents.set(node, daemon);
      return daemon;
    },
    agent(node) {
      const daemon = agents.get(node);
      if (!daemon) throw new TypeError(`no agent was started on ${node}`);
      return daemon;
    },
    status: async (node) => (await call(node, "status")) as AgentStatus,
    async addPod(name, node, labels = {}, annotations = {}) {
      await apply(podOn(node, { name, labels, annotations }));
      const uid = text(field(JSON.parse(await api.kubectl(["get", "pod", name, "-o", "json"])), "metadata", "uid"));
      // A runtime knows nothing of labels; those of the Pod are what counts.
      return runtime.add({ name, node, labels: {}, uid });
    },
    async removePod(pod) {
      await api.kubectl(["delete", "pod", pod.name, "--wait=false"]);
      await runtime.remove(pod);
      await api.kubectl(["delete", "pod", pod.name, "--force"]);
    },
    async requests(since = 0) {
      const all = (await api.requests()).slice(since);
      return all.filter(({ user, verb }) => user === agentUser && verb !== "watch");
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** How a node with its kubelet appears. */
export function nodeObject(name: string): object {
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/hostname": name } } };
}

/** With time for an agent that asks an API server for everything first. */
export function ready(stand: NodeStand, node: string): Promise<void> {
  return agentReady(stand, node, 60_000);
}

function podOn(nodeName: string, metadata: object): object {
  const spec = {
    nodeName,
    serviceAccountName: "default",
    automountServiceAccountToken: false,
    containers: [{ name: "main", image: "none" }],
  };
  return { apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", ...metadata }, spec };
}

async function relayIn(fabric: BuiltFabric, node: string, args: readonly string[]): Promise<void> {
  const relay = fabric.machine(node).namespace.spawn(process.execPath, [relayEntry, ...args]);
  await waitFor(
    () => {
      relay.assertRunning();
      return relay.output().includes("relaying");
    },
    { what: `${node} reaches the API server` },
  );
}

async function bind({ kubectl }: KubeApi): Promise<void> {
  await kubectl(["create", "namespace", "brindle-system"]);
  await kubectl(["apply", "-f", rights, "-f", reports]);
  const subject = [`--user=${agentUser}`, "--serviceaccount=brindle-system:brindle-agent"];
  await kubectl(["create", "clusterrolebinding", "brindle-agent", "--clusterrole=brindle-agent", ...subject]);
  for (const namespace of ["kube-system", "brindle-system", "default"]) {
    await kubectl(["create", "rolebinding", "agent", "-n", namespace, "--role=brindle-agent", ...subject]);
  }
}
