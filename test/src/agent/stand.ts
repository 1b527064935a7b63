/** A small fabric with its agents, for tests of the agent: they write as an operator does and look at counterparts. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { AgentStatus, ResourceKind } from "@brindle/api";
import type { PeerStatus } from "@brindle/bgp";
import { callControl } from "@brindle/net/shell";
import { parseAllDocuments } from "yaml";
import type { Daemon } from "../fixtures/command.ts";
import { FixtureError } from "../fixtures/error.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { type Instance, openInstance } from "../fixtures/instance.ts";
import { field, list } from "../fixtures/json.ts";
import type { NamespaceView } from "../fixtures/namespace.ts";
import type { RouterRoute } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { fabricResources } from "../lab/resources.ts";
import { Runtime } from "../lab/runtime.ts";
import { type BuiltFabric, buildFabric } from "../lab/topology/build.ts";
import type { Fabric } from "../lab/topology/fabric.ts";
import { type FabricPlan, management, planFabric } from "../lab/topology/plan.ts";

export interface StandOptions {
  readonly fabric?: Partial<Fabric>;
  /** In place of one pool for each of the fabric's ranges. */
  readonly pools?: readonly object[];
  /** Machines and cables that a fabric has no word for. */
  readonly extend?: (plan: FabricPlan) => FabricPlan;
  /** False: the test starts them itself. */
  readonly startsAgents?: boolean;
}

export interface Stand extends AsyncDisposable {
  readonly instance: Instance;
  readonly fabric: BuiltFabric;
  readonly etcd: Etcd;
  readonly runtime: Runtime;
  /** Writes resources; one that is refused throws. */
  apply(...documents: readonly object[]): Promise<void>;
  get(kind: ResourceKind, name: string, namespace?: string): Promise<unknown>;
  remove(kind: ResourceKind, name: string): Promise<void>;
  /** Starts the agent of a node, in place of one that has ended. It need not be ready yet. */
  launch(node: string, options?: readonly string[]): Daemon;
  agent(node: string): Daemon;
  /** A method of the agent's control interface. */
  call(node: string, method: string, params?: unknown): Promise<unknown>;
  status(node: string): Promise<AgentStatus>;
  peer(node: string, name: string): Promise<PeerStatus>;
}

const agentEntry = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
const operatorEntry = fileURLToPath(new URL("operator.ts", import.meta.url));
const fromSources = "--conditions=brindle-source";

/** One node below one top-of-rack router, which is BIRD. */
export const smallFabric: Fabric = {
  routers: [{ name: "tor", daemon: "BIRD", asn: 65001 }],
  racks: [{ number: 1, routers: ["tor"], nodes: ["node1"] }],
  cables: [],
  nodeAsn: 64512,
  podRanges: ["10.244.0.0/16", "fd00:244::/48"],
};

export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const fabric = { ...smallFabric, ...options.fabric };
  const plan = (options.extend ?? ((same) => same))(planFabric(fabric));
  const instance = await openInstance();
  try {
    const stand = await assemble(plan, instance);
    await stand.apply(...resourcesOf(fabric, plan, options.pools));
    if (options.startsAgents !== false) {
      for (const { name } of plan.nodes) stand.launch(name);
      await Promise.all(plan.nodes.map(({ name }) => ready(stand, name)));
    }
    return stand;
  } catch (error) {
    await instance[Symbol.asyncDispose]();
    throw error;
  }
}

function resourcesOf(fabric: Fabric, plan: FabricPlan, pools?: readonly object[]): object[] {
  const documents = parseAllDocuments(fabricResources(fabric, plan)).map((document): object => document.toJS());
  if (!pools) return documents;
  return [...pools, ...documents.filter((document) => field(document, "kind") !== "IPPool")];
}

/** A document as an operator writes it. */
export function resource(kind: ResourceKind, name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name, ...metadata }, spec };
}

async function assemble(plan: FabricPlan, instance: Instance): Promise<Stand> {
  const built = await buildFabric(plan, instance);
  const office = built.machine(management.machine);
  const etcd = await startEtcd({ namespace: office.namespace, listen: management.address, instance });
  const operatorSocket = join(instance.directory, "operator.sock");
  const operator = office.spawn(process.execPath, [fromSources, operatorEntry, operatorSocket, etcd.endpoint]);
  await says(operator, "ready", "the operator's process listens");
  const agents = new Map<string, Daemon>();
  const call = (node: string, method: string, params?: unknown): Promise<unknown> =>
    callControl(built.machine(node).outside("/run/brindle/agent.sock"), method, params, { timeoutMs: 10_000 });

  return {
    instance,
    fabric: built,
    etcd,
    runtime: new Runtime(instance, built.machine),
    async apply(...documents) {
      for (const document of documents) {
        const outcome = await callControl(operatorSocket, "apply", document, { timeoutMs: 10_000 });
        if (!/created|updated|unchanged/.test(String(field(outcome, "kind")))) {
          throw new FixtureError({ code: "EXPECTED", what: "apply", expected: "it is written", seen: shown(outcome) });
        }
      }
    },
    get: (kind, name, namespace) => {
      const key = { kind, name, ...(namespace !== undefined && { namespace }) };
      return callControl(operatorSocket, "get", key, { timeoutMs: 10_000 });
    },
    async remove(kind, name) {
      const outcome = await callControl(operatorSocket, "delete", { kind, name }, { timeoutMs: 10_000 });
      if (field(outcome, "kind") !== "deleted") {
        throw new FixtureError({ code: "EXPECTED", what: "delete", expected: "it is gone", seen: shown(outcome) });
      }
    },
    launch(name, options = []) {
      const node = plan.nodes.find((candidate) => candidate.name === name);
      const addresses = node ? ["--ip", node.ip, "--ip6", node.ip6] : [];
      const args = ["agent", "--node", name, "--etcd", etcd.endpoint, ...addresses, ...options];
      const daemon = built.machine(name).spawn(process.execPath, [fromSources, agentEntry, ...args]);
      agents.set(name, daemon);
      return daemon;
    },
    agent(name) {
      const daemon = agents.get(name);
      if (!daemon) throw new TypeError(`no agent was started on ${name}`);
      return daemon;
    },
    call,
    status: async (node) => (await call(node, "status")) as AgentStatus,
    async peer(node, name) {
      const peers = (await call(node, "bgp.peers")) as readonly PeerStatus[];
      const peer = peers.find((candidate) => candidate.name === name);
      if (peer) return peer;
      const seen = peers.map((other) => other.name).join(", ");
      throw new FixtureError({ code: "EXPECTED", what: `a peer of ${node}`, expected: name, seen });
    },
    [Symbol.asyncDispose]: () => instance[Symbol.asyncDispose](),
  };
}

/** Waits until every part of the agent says that it is ready. */
export async function ready(stand: Pick<Stand, "agent" | "status">, node: string, deadlineMs = 90_000): Promise<void> {
  await waitFor(
    async (saw) => {
      stand.agent(node).assertRunning();
      const { health } = await stand.status(node);
      saw(health);
      return health.every(({ state }) => state === "ready");
    },
    { what: `the agent of ${node} is ready`, deadlineMs },
  );
}

/** As the router sees it. */
export async function established(stand: Stand, node: string, router = "tor"): Promise<void> {
  const address = stand.fabric.plan.nodes.find(({ name }) => name === node)?.ip;
  await waitFor(
    async (saw) => {
      const sessions = await stand.fabric.router(router).sessions();
      saw(sessions);
      return sessions.some((session) => session.neighbor === address && session.established);
    },
    { what: `${router} is Established with ${node}`, deadlineMs: 30_000 },
  );
}

/** The routes that a router has from a node, of both families. */
export async function routesFrom(stand: Stand, node: string, router = "tor"): Promise<string[]> {
  const plan = stand.fabric.plan.nodes.find(({ name }) => name === node);
  const isFrom = ({ nextHops }: RouterRoute): boolean => nextHops.some((hop) => hop === plan?.ip || hop === plan?.ip6);
  const { routes } = stand.fabric.router(router);
  const all = [...(await routes("ipv4")), ...(await routes("ipv6"))];
  return all.filter((route) => route.best && isFrom(route)).map(({ prefix }) => prefix);
}

/** The main table of a machine, both families. */
export async function kernelRoutes(stand: Stand, machine: string): Promise<KernelRoute[]> {
  const { exec } = stand.fabric.machine(machine);
  const answers = await Promise.all(["-4", "-6"].map((family) => exec("ip", ["-j", family, "route"])));
  return answers.flatMap((answer) => list(JSON.parse(answer || "[]")) as readonly KernelRoute[]);
}

/** As iproute2 prints it. */
export interface KernelRoute {
  readonly dst: string;
  readonly type?: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly metric?: number;
}

export async function says(daemon: Daemon, word: string, what: string): Promise<void> {
  await waitFor(
    (saw) => {
      daemon.assertRunning();
      saw(daemon.output());
      return daemon.output().includes(word);
    },
    { what, intervalMs: 10, deadlineMs: 30_000 },
  );
}

function shown(outcome: unknown): string {
  return JSON.stringify(outcome);
}

/** Waits until a ping is answered: both ways have to be learned, of which a test has seen one at most. */
export async function reaches(from: Pick<NamespaceView, "name" | "run">, address: string): Promise<void> {
  const isReached = async (): Promise<boolean> => (await from.run("ping", ["-c1", "-W2", address])).exitCode === 0;
  await waitFor(isReached, { what: `${from.name} reaches ${address}` });
}

/** Waits until what is looked at is what is expected; the failure shows both. */
export async function sees(
  what: string,
  look: () => Promise<unknown>,
  expected: unknown,
  deadlineMs = 30_000,
): Promise<void> {
  await waitFor(
    async (saw) => {
      const seen = await look();
      saw(seen);
      return isDeepStrictEqual(seen, expected);
    },
    { what: `${what}, expected ${shown(expected)}`, deadlineMs },
  );
}
