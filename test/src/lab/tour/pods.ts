import { fileURLToPath } from "node:url";
import { startDaemon } from "../../fixtures/command.ts";
import { FixtureError } from "../../fixtures/error.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { isWithin, storedBlocks } from "../blocks.ts";
import type { Pod, PodRequest } from "../runtime.ts";
import type { Machine } from "../topology/machine.ts";
import { client } from "../topology/plan.ts";
import type { Finding, Step, Tour } from "./step.ts";

/** Two on one node, one beside it in the rack, one in the other rack. */
const requests: readonly PodRequest[] = [
  { name: "web", node: "node1", labels: { app: "web" } },
  { name: "shop", node: "node1", labels: { app: "shop" } },
  { name: "api", node: "node2", labels: { app: "api" } },
  { name: "batch", node: "node3", labels: { app: "batch" } },
];
const server = fileURLToPath(new URL("../podServer.ts", import.meta.url));

export const podsStep: Step = {
  title: "Pods, wired by executing the CNI executable as a runtime does",
  async run(tour) {
    const started = performance.now();
    for (const request of requests) await addPod(tour, request);
    const elapsedMs = performance.now() - started;
    const pods = await tour.lab.runtime.pods();
    const addresses = pods.flatMap((pod) => pod.addresses);
    const inPools = addresses.filter((address) => {
      return tour.lab.fabric.plan.routers[0]?.spec.podRanges.some((range) => isWithin(range, address));
    });
    await tour.expect("every pod has an address of each family out of the pools", 8, async () => inPools.length);
    await tour.expect("no two pods share an address", 8, async () => new Set(addresses).size);
    return [{ what: "pods wired, dual-stack", figure: `${pods.length} in ${Math.round(elapsedMs)} ms` }];
  },
};

/** Adds a pod and starts its server; shown as a person would do it by hand. */
export async function addPod(tour: Tour, request: PodRequest): Promise<Pod> {
  const pod = await tour.lab.runtime.add(request);
  const { env, config } = tour.lab.runtime.callOf("ADD", pod);
  const shown = Object.entries({ ...env, CNI_CONTAINERID: `${pod.containerId.slice(0, 8)}…` });
  tour.say(`${request.node}# ${shown.map(([key, value]) => `${key}='${value}'`).join(" ")} \\`);
  tour.say(`  $CNI_PATH/brindle <<<'${config}'`);
  tour.say(`  -> ${pod.addresses.join(", ")}`);
  await startServer(pod);
  const seen = await tour.inPod(pod, "ip -brief address show dev eth0");
  for (const address of pod.addresses) {
    if (!seen.stdout.includes(address)) {
      const what = `eth0 of ${pod.name} bears what the executable answered`;
      throw new FixtureError({ code: "EXPECTED", what, expected: address, seen: seen.stdout });
    }
  }
  return pod;
}

export async function startServer(pod: Pod): Promise<void> {
  const inside = [`--net=/run/netns/${pod.namespace}`, "--", process.execPath, server, pod.name];
  const daemon = startDaemon("nsenter", inside);
  await waitFor(
    () => {
      daemon.assertRunning();
      return daemon.output().includes("listening");
    },
    { what: `the server in ${pod.name} listens`, intervalMs: 20 },
  );
}

export const connectivityStep: Step = {
  title: "Ping and TCP: within a node, within a rack, across racks, from outside",
  async run(tour) {
    const web = await tour.lab.runtime.pod("web");
    const findings: Finding[] = [];
    for (const [name, path] of [
      ["shop", "one node"],
      ["api", "two nodes of one rack"],
      ["batch", "across racks"],
    ] as const) {
      const from = await tour.lab.runtime.pod(name);
      const inside = { name, run: async (command: string) => (await tour.inPod(from, command)).stdout };
      for (const address of web.addresses) await reaches(inside, address, web.name);
      findings.push({ what: `${name} reaches web, ${path}`, figure: "ping and TCP, both families" });
    }
    const outside = { name: client.machine, run: (command: string) => tour.type(client.machine, command) };
    for (const address of web.addresses) await reaches(outside, address, web.name);
    findings.push({ what: "the client outside reaches web", figure: "ping and TCP, both families" });
    return findings;
  },
};

/** No tool but bash: `head` reads what the server greets with. */
export function connectCommand(address: string): string {
  return `timeout 2 bash --norc -c 'head -n 1 </dev/tcp/${address}/8080'`;
}

interface Place {
  readonly name: string;
  /** Shows the command with its output, and hands that back. */
  run(command: string): Promise<string>;
}

async function reaches(from: Place, address: string, name: string): Promise<void> {
  const ping = await from.run(`ping -c 2 -i 0.2 -W 2 ${address} | tail -n 2`);
  const greeting = await from.run(connectCommand(address));
  if (ping.includes(" 0% packet loss") && greeting === `hello from ${name}\n`) return;
  throw new FixtureError({
    code: "EXPECTED",
    what: `${from.name} reaches ${name} at ${address}`,
    expected: `0% packet loss, "hello from ${name}"`,
    seen: `${ping}${greeting}`,
  });
}

export const deletionStep: Step = {
  title: "A pod deleted: its address and its routes gone everywhere",
  async run(tour) {
    const pod = await tour.lab.runtime.pod("shop");
    tour.say(`${pod.node}# CNI_COMMAND=DEL … $CNI_PATH/brindle`);
    await tour.lab.runtime.unwire(pod);
    await tour.inPod(pod, "ip -brief link");
    await tour.expect(`${pod.name} has no interface but its loopback`, 1, async () => {
      return (await tour.quietly(pod, "ip -o link")).trim().split("\n").length;
    });
    await tour.type("mgmt", "etcdctl get --prefix /calico/ --keys-only | grep -e handle/ -e workloadendpoints/");
    await tour.expect("etcd holds nothing of it", 0, () => keysOf(tour, pod));
    const machines = tour.lab.fabric.machines;
    for (const address of pod.addresses) {
      await goneFromEtcd(tour, address);
      for (const machine of machines) await goneFromKernel(tour, machine, address);
    }
    await tour.lab.runtime.endSandbox(pod);
    return [
      { what: "a deleted pod's addresses are free, its keys gone from etcd", figure: pod.addresses.join(", ") },
      { what: "kernels without a route of its own to them", figure: String(machines.length) },
    ];
  },
};

/** How many keys name the pod or its container. */
async function keysOf(tour: Tour, pod: Pod): Promise<number> {
  const keys = (await tour.lab.etcd.etcdctl("get", "--prefix", "/calico/", "--keys-only")).split("\n");
  return keys.filter((key) => key.includes(pod.containerId) || key.includes(`-k8s-${pod.name}-`)).length;
}

/** The block stays with its node and stays announced; what goes is all that is longer. */
async function goneFromKernel(tour: Tour, machine: Machine, address: string): Promise<void> {
  const family = address.includes(":") ? "-6" : "-4";
  await tour.expect(`the kernel of ${machine.name} has no route to ${address} alone`, "", async () =>
    (await machine.exec("ip", [family, "route", "show", address])).trim(),
  );
}

async function goneFromEtcd(tour: Tour, address: string): Promise<void> {
  await tour.expect(`etcd holds no block in which ${address} is in use`, false, async () =>
    (await storedBlocks(tour.lab.etcd)).some((block) => block.allocated.includes(address)),
  );
}
