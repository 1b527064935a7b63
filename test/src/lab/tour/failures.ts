import { namespaceNamed } from "../../fixtures/namespace.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { watchPodRoutes } from "../routeMonitor.ts";
import { startTraffic, type TrafficReport } from "../traffic/traffic.ts";
import { addPod } from "./pods.ts";
import { meshStands } from "./routing.ts";
import type { Finding, Step, Tour } from "./step.ts";

export const agentKillStep: Step = {
  title: "An agent killed with SIGKILL while traffic flows",
  async run(tour) {
    const proof = await traffic(tour, async () => {
      const web = await tour.lab.runtime.pod("web");
      await tour.inPod(web, "iptables -A INPUT -p udp -j DROP; sleep 0.05; iptables -D INPUT -p udp -j DROP");
    });
    const noticed = proof.lost;
    tour.say(`the generator lost ${noticed} packets to a rule that dropped UDP for 50 ms: it notices`);
    await tour.expect("the generator notices a loss made on purpose", true, async () => noticed > 0);

    const { machine, plan } = tour.lab.fabric;
    await using monitors = await watchPodRoutes(
      [...plan.nodes, ...plan.routers.map(({ spec }) => spec)].map(({ name }) => machine(name)),
    );
    const report = await traffic(tour, async () => {
      const agent = tour.lab.agents.get("node1");
      tour.say(`node1# kill -KILL ${agent?.daemon.pid}`);
      agent?.daemon.kill("SIGKILL");
      await agent?.daemon.exited;
      await torsKeepRoutes(tour);
      await tour.lab.restartAgent("node1");
      await torsEstablished(tour);
      await meshStands(tour);
      await agentReady(tour);
    });
    for (const flow of report.flows) {
      tour.say(`${flow.name} ${flow.direction}: ${flow.received} of ${flow.sent}, longest gap ${flow.longestGapMs} ms`);
    }
    await tour.expect("no packet is lost over the death and the return of an agent", 0, async () => report.lost);
    const told = await monitors.finish();
    await tour.expect("no kernel changes a route to pods meanwhile", [], async () => Object.values(told).flat());
    return [
      { what: "a loss made on purpose is noticed", figure: `${noticed} packets` },
      { what: "agent killed and started again: packets lost", figure: `${report.lost} of ${report.sent}` },
      { what: "longest gap in any flow meanwhile", figure: `${report.longestGapMs} ms` },
      { what: "routes to pods that changed meanwhile", figure: `none in ${Object.keys(told).length} kernels` },
    ];
  },
};

/** Across racks: what node1 loses shows, whether on its own machine or at a router that forgot it. */
async function traffic(tour: Tour, meanwhile: () => Promise<void>): Promise<TrafficReport> {
  const [web, batch] = await Promise.all([tour.lab.runtime.pod("web"), tour.lab.runtime.pod("batch")]);
  const [from, to] = [namespaceNamed(batch.namespace), namespaceNamed(web.namespace)];
  await using flowing = await startTraffic({ from, to, addresses: web.addresses });
  await meanwhile();
  return await flowing.finish();
}

async function torsKeepRoutes(tour: Tour): Promise<void> {
  const node = tour.lab.fabric.plan.nodes.find(({ name }) => name === "node1");
  const router = node?.routers[0]?.name ?? "";
  await tour.expect(`${router} keeps node1's routes by graceful restart`, true, async () =>
    (await tour.lab.fabric.router(router).routes("ipv4")).some(
      (route) => route.best && route.nextHops.includes(node?.ip ?? ""),
    ),
  );
}

async function torsEstablished(tour: Tour): Promise<void> {
  const node = tour.lab.fabric.plan.nodes.find(({ name }) => name === "node1");
  const router = node?.routers[0]?.name ?? "";
  await waitFor(
    async (saw) => {
      const sessions = await tour.lab.fabric.router(router).sessions();
      saw(sessions);
      return sessions.some(({ neighbor, established }) => neighbor === node?.ip && established);
    },
    { what: `${router} is Established with node1 again`, deadlineMs: 20_000 },
  );
}

/** When to stop looking, and no proof: the agent has read all, its peers have told it all, its kernel is as it should be. */
async function agentReady(tour: Tour): Promise<void> {
  await waitFor(
    async (saw) => {
      const { stdout } = await tour.lab.type("node1", "brindlectl status");
      saw(stdout);
      return /, ready$/m.test(stdout);
    },
    { what: "the agent of node1 calls itself ready", deadlineMs: 20_000 },
  );
}

export const etcdStep: Step = {
  title: "etcd stopped and started again",
  async run(tour) {
    const findings: Finding[] = [];
    const report = await traffic(tour, async () => {
      tour.say("mgmt# systemctl stop etcd");
      await tour.lab.etcd.stop();
      const startMs = performance.now();
      tour.say("node2# CNI_COMMAND=ADD … $CNI_PATH/brindle");
      const refused = await tour.lab.runtime.add({ name: "early", node: "node2", labels: {} }).then(
        () => "it was wired",
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      const answer = /^\{.*/ms.exec(refused)?.[0] ?? refused;
      tour.say(`  ${answer}`);
      await tour.expect("ADD answers 'try again later' (11) while etcd is away", true, async () =>
        /"code":\s*11\b/.test(answer),
      );
      const elapsedMs = Math.round(performance.now() - startMs);
      findings.push({ what: "ADD while etcd is away", figure: `code 11 after ${elapsedMs} ms` });
      tour.say("mgmt# systemctl start etcd");
      await tour.lab.etcd.start();
    });
    findings.push({ what: "packets lost while etcd was away", figure: `${report.lost} of ${report.sent}` });
    await tour.expect("pods keep their traffic without etcd", 0, async () => report.lost);
    await waitFor(() => addPod(tour, { name: "late", node: "node2", labels: {} }), {
      what: "a pod is wired after etcd came back, without a restart of any agent",
      deadlineMs: 20_000,
      intervalMs: 500,
    });
    findings.push({ what: "a pod added after etcd came back", figure: "no agent restarted" });
    return findings;
  },
};
