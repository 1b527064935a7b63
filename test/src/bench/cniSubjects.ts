import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace, namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { startLab } from "../lab/lab.ts";
import { ingressPolicy } from "../lab/resources.ts";
import type { CniCall } from "../lab/runtime.ts";
import type { Fabric } from "../lab/topology/fabric.ts";
import { holdMounts, type Machine, machineAt } from "../lab/topology/machine.ts";
import { DeniedProbe } from "./deniedProbe.ts";

export type Command = "ADD" | "DEL";

/** Something that wires pods: an executable on a node, and how it is called. */
export interface Subject {
  readonly name: string;
  readonly node: Machine;
  /** The executable's name in CNI_PATH. */
  readonly type: string;
  callOf(command: Command, pod: Namespace): CniCall;
}

const debianPlugins = "/usr/lib/cni";

/** A reference plugin with host-local, on a node of its own like ours: without agent, datastore or policy. */
export async function debianSubject(instance: Instance, type: "bridge" | "ptp"): Promise<Subject> {
  const namespace = await createNamespace(`node-${type}`, { instance, forwarding: true });
  const holder = await holdMounts(namespace, await instance.createDirectory(type));
  const config = JSON.stringify({
    cniVersion: "1.0.0",
    name: `bench-${type}`,
    type,
    ...(type === "bridge" ? { bridge: "cni0", isGateway: true } : {}),
    ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }]], dataDir: "/run/host-local" },
  });
  return {
    name: `${type} + host-local`,
    node: machineAt(`node-${type}`, namespace, holder.pid),
    type,
    callOf: (command, pod) => ({
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: pod.name,
        CNI_NETNS: pod.path,
        CNI_IFNAME: "eth0",
        CNI_PATH: debianPlugins,
      },
      config,
    }),
  };
}

const fabric: Fabric = {
  routers: [{ name: "tor", daemon: "BIRD", asn: 65001 }],
  racks: [{ number: 1, routers: ["tor"], nodes: ["node1"] }],
  cables: [],
  nodeAsn: 64512,
  podRanges: ["10.244.0.0/16", "fd00:244::/48"],
};

export interface BrindleSubjects {
  readonly ipv4: Subject;
  readonly dualStack: Subject;
  /** The agent's, for executables. */
  readonly socket: string;
  readonly agentProcess: number;
  /** Probes that policy keeps out of all pods of the subjects. */
  readonly probe: () => Promise<DeniedProbe>;
}

/**
 * The whole path: the executable, an agent with its etcd and its router, a policy that selects every pod. One lab for
 * both subjects, pods with IPv4 alone and with both families.
 */
export async function brindleSubjects(instance: Instance): Promise<BrindleSubjects> {
  const lab = await startLab(fabric, instance, () => {});
  const node = lab.fabric.machine("node1");
  const policy = ingressPolicy({ name: "bench", selector: "app == 'bench'", from: "app == 'client'" });
  await lab.type("node1", "brindlectl apply -f -", policy);
  const router = lab.fabric.router("tor");
  await waitFor(async () => (await router.sessions()).some(({ established }) => established), {
    what: "the agent peers",
  });
  const subject = (name: string, families: { assign_ipv4: boolean; assign_ipv6: boolean }): Subject => ({
    name,
    node,
    type: "brindle",
    callOf(command, pod) {
      const identity = { name: pod.name, node: "node1", labels: { app: "bench" }, addresses: [] };
      const call = lab.runtime.callOf(command, { ...identity, containerId: pod.name, namespace: pod.name });
      const config = { ...JSON.parse(call.config), ipam: { type: "brindle-ipam", ...families } };
      return { env: call.env, config: JSON.stringify(config) };
    },
  });
  const agent = lab.agents.get("node1");
  if (!agent) throw new TypeError("node1 has an agent");
  const witness = await lab.runtime.add({ name: "witness", node: "node1", labels: { app: "open" } });
  return {
    ipv4: subject("ours, IPv4 alone", { assign_ipv4: true, assign_ipv6: false }),
    socket: node.outside("/run/brindle/cni.sock"),
    agentProcess: agent.daemon.pid,
    probe: () => DeniedProbe.start(lab.fabric.machine("tor"), namespaceNamed(witness.namespace)),
    dualStack: subject("ours, both families", { assign_ipv4: true, assign_ipv6: true }),
  };
}
