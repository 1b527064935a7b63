import { fileURLToPath } from "node:url";
import { startDaemon } from "../../fixtures/command.ts";
import { FixtureError } from "../../fixtures/error.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { isWithin, storedBlocks } from "../blocks.ts";
import type { Pod, PodRequest } from "../runtime.ts";
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
      for (const address of web.addresses) await reaches(tour, from, address, web.name);
      findings.push({ what: `${name} reaches web, ${path}`, figure: "ping and TCP, both families" });
    }
    for (const address of web.addresses) {
      await tour.type(client.machine, `ping -c 2 -i 0.2 -W 2 ${address} | tail -n 2`);
      await tour.expect(
        `TCP from ${client.machine} to ${address}`,
        "hello from web\n",
        async () => (await tour.lab.type(client.machine, connectCommand(address))).stdout,
      );
    }
    findings.push({ what: "the client outside reaches web", figure: "ping and TCP, both families" });
    return findings;
  },
};

/** No tool but bash: `head` reads what the server greets with. */
export function connectCommand(address: string): string {
  return `timeout 2 bash -c 'head -n 1 </dev/tcp/${address}/8080'`;
}

async function reaches(tour: Tour, from: Pod, address: string, name: string): Promise<void> {
  const ping = await tour.inPod(from, `ping -c 2 -i 0.2 -W 2 ${address} | tail -n 2`);
  const greeting = await tour.inPod(from, connectCommand(address));
  const seen = `${ping.stdout}${greeting.stdout}`;
  if (ping.stdout.includes(" 0% packet loss") && greeting.stdout === `hello from ${name}\n`) return;
  throw new FixtureError({
    code: "EXPECTED",
    what: `${from.name} reaches ${name} at ${address}`,
    expected: `0% packet loss, "hello from ${name}"`,
    seen,
  });
}

export const deletionStep: Step = {
  title: "A pod deleted: its address and its routes gone everywhere",
  async run(tour) {
    const pod = await tour.lab.runtime.pod("shop");
    tour.say(`${pod.node}# CNI_COMMAND=DEL … $CNI_PATH/brindle`);
    await tour.lab.runtime.remove(pod);
    await tour.type("mgmt", "etcdctl get --prefix /calico/ipam/v2/handle/ --keys-only");
    for (const address of pod.addresses) {
      await goneFromEtcd(tour, address);
      const family = address.includes(":") ? "-6" : "-4";
      await tour.expect(`${pod.node}'s kernel has no route to ${address}`, "", async () =>
        (await tour.lab.fabric.machine(pod.node).exec("ip", [family, "route", "show", address])).trim(),
      );
    }
    return [{ what: "address and routes of a deleted pod are gone", figure: pod.addresses.join(", ") }];
  },
};

async function goneFromEtcd(tour: Tour, address: string): Promise<void> {
  await tour.expect(`etcd holds no block in which ${address} is in use`, false, async () =>
    (await storedBlocks(tour.lab.etcd)).some((block) => block.allocated.includes(address)),
  );
}
