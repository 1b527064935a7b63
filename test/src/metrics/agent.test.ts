/** Metrics of an agent, asked for as Prometheus does. */
import assert from "node:assert/strict";
import { agentMetrics } from "@brindle/agent";
import { afterAll, beforeAll, describe, it } from "vitest";
import { removePodsOfFailedTests } from "../agent/failedTests.ts";
import { established, ready, resource, type Stand, sees, startStand } from "../agent/stand.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Exposition, parseExposition } from "./exposition.ts";

describe("the metrics of an agent", () => {
  let stand: Stand;

  beforeAll(async () => {
    stand = await startStand();
    await established(stand, "node1");
  });
  afterAll(() => stand[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  const configure = (settings: object): Promise<void> =>
    stand.apply(resource("FelixConfiguration", "default", settings));
  /** An agent answers a runtime before all that follows is counted. */
  const scrapedOnce = (what: string, isSo: (now: Exposition) => boolean): Promise<Exposition> =>
    waitFor(
      async () => {
        const now = await scraped(stand, { port: 9091 });
        return isSo(now) && now;
      },
      { what },
    );

  it("are served nowhere unless somebody asks: BGP alone listens", async () => {
    assert.deepEqual(await listeningPorts(stand), [179]);
  });

  it("are served once FelixConfiguration says so, and follow what the node does", async () => {
    await configure({ prometheusMetricsEnabled: true });
    const before = await served(stand, { port: 9091 });
    assert.deepEqual(await listeningPorts(stand), [179, 9091]);
    assert.deepEqual(await listeners(stand, 9091), ["*:9091"]);
    for (const { name } of agentMetrics) assert(before.types.has(name), name);
    for (const part of ["store", "bgp", "routes", "policy", "ipam", "cni"]) {
      assert.equal(before.value(`brindle_part_ready{part="${part}"}`), 1, part);
    }
    assert.equal(before.value("brindle_datastore_connected"), 1);
    assert(before.value("brindle_datastore_staleness_seconds") < 60);
    assert.equal(before.value("brindle_pods"), 0);
    assert.equal(before.value("brindle_policy_problems"), 0);
    assert.equal(before.samples.get(added), undefined);

    const pod = await stand.runtime.add({ name: "counted", node: "node1", labels: {} });
    // The blocks that the pod brought are blackholes of the kernel, and known to the router.
    const after = await scrapedOnce("the pod's blocks have routes", (now) => now.value("brindle_routes") >= 2);
    assert.equal(after.value("brindle_pods"), 1);
    assert.equal(after.value(added), 1);
    assert.equal(after.value('brindle_cni_request_duration_seconds_count{command="ADD"}'), 1);
    assert.equal(after.value('brindle_cni_request_duration_seconds_bucket{command="ADD",le="+Inf"}'), 1);
    assert(after.value('brindle_cni_request_duration_seconds_sum{command="ADD"}') > 0);
    for (const grown of ["policy_endpoints", "policy_applies_total", 'policy_chains{family="ipv4"}']) {
      assert(after.value(`brindle_${grown}`) > before.value(`brindle_${grown}`), grown);
    }
    const agoSeconds = Date.now() / 1000 - after.value("brindle_policy_last_apply_timestamp_seconds");
    assert(agoSeconds >= 0 && agoSeconds < 60, `${agoSeconds}`);
    const peer = after.samples.entries().find(([name]) => name.startsWith("brindle_bgp_peer_established{"));
    assert.equal(peer?.[1], 1);
    assert(after.value("nodejs_eventloop_lag_p99_seconds") > 0);
    for (const [name] of after.samples) assert(!name.includes("counted"), `${name} names a pod`);

    await stand.runtime.remove(pod);
    const last = await scrapedOnce("the pod is counted no more", (now) => now.value("brindle_pods") === 0);
    assert.equal(last.value('brindle_cni_requests_total{command="DEL",result="ok"}'), 1);
  });

  it("count no commit of tables for a pod whose policies another one has, or had a moment ago", async () => {
    const add = (name: string) => stand.runtime.add({ name, node: "node1", labels: {} });
    const commits = async () => (await scraped(stand, { port: 9091 })).value("brindle_policy_table_commits_total");
    const first = await add("first");
    const before = await commits();
    for (const pod of [first, await add("second")]) await stand.runtime.remove(pod);
    const third = await add("third");
    assert.equal(await commits(), before);
    await stand.runtime.remove(third);
  });

  it("count what a policy brings", async () => {
    const before = await scraped(stand, { port: 9091 });
    await stand.apply(
      resource("GlobalNetworkSet", "friends", { nets: ["10.1.0.0/24", "10.2.0.0/24"] }, { labels: { role: "friend" } }),
      resource("GlobalNetworkPolicy", "friendly", {
        selector: "all()",
        ingress: [{ action: "Allow", source: { selector: "role == 'friend'" } }],
      }),
    );
    const pod = await stand.runtime.add({ name: "friendly", node: "node1", labels: {} });
    const after = await scraped(stand, { port: 9091 });
    for (const grown of ["chains", "rules", "sets", "set_members"]) {
      const sample = `brindle_policy_${grown}{family="ipv4"}`;
      assert(after.value(sample) > before.value(sample), sample);
    }
    await stand.runtime.remove(pod);
  });

  it("leave the port that is another program's, say so, and move where they are told to", async () => {
    // BGP's own: nobody can have it.
    await configure({ prometheusMetricsEnabled: true, prometheusMetricsPort: 179 });
    await waitFor(
      async (saw) => {
        const { mistakes } = await stand.status("node1");
        saw(mistakes);
        return mistakes.some(
          ({ code, text }) => code === "MetricsNotServed" && /port 179 .*another program/.test(text),
        );
      },
      { what: "the agent says that it cannot serve metrics" },
    );
    assert((await stand.status("node1")).health.every(({ state }) => state === "ready"));
    assert.deepEqual(await listeningPorts(stand), [179]);

    await configure({
      prometheusMetricsEnabled: true,
      prometheusMetricsHost: "127.0.0.1",
      prometheusMetricsPort: 9200,
    });
    await served(stand, { port: 9200 });
    assert.deepEqual(await listeners(stand, 9200), ["127.0.0.1:9200"]);
    await sees("what is wrong", async () => (await stand.status("node1")).mistakes, []);
  });

  it("are served to nobody where certificates are asked for, and when they are turned off", async () => {
    await configure({ prometheusMetricsEnabled: true, prometheusMetricsCertFile: "/etc/metrics.crt" });
    await waitFor(async () => (await listeningPorts(stand)).length === 1, { what: "nothing but BGP listens" });
    const { mistakes } = await stand.status("node1");
    assert.match(mistakes.map(({ text }) => text).join(), /prometheusMetricsCertFile asks for TLS/);
    await configure({ prometheusMetricsEnabled: true });
    await served(stand, { port: 9091 });
    await stand.remove("FelixConfiguration", "default");
    await waitFor(async () => (await listeningPorts(stand)).length === 1, { what: "nothing but BGP listens" });
  });

  it("are served from the start where the agent itself was told to, whatever FelixConfiguration says", async () => {
    await stand.runtime.add({ name: "stays", node: "node1", labels: {} });
    stand.agent("node1").kill("SIGTERM");
    await stand.agent("node1").exited;
    await stand.etcd.stop();
    stand.launch("node1", ["--metrics-address", "127.0.0.1:9300"]);
    const early = await served(stand, { port: 9300 });
    assert.equal(early.value("brindle_datastore_connected"), 0);
    assert.equal(early.value('brindle_part_ready{part="cni"}'), 0);

    await stand.etcd.start();
    await ready(stand, "node1");
    await configure({ prometheusMetricsEnabled: true });
    // One of each family, of the pod that stayed.
    const ofIpam = async () => {
      const { value } = await scraped(stand, { port: 9300 });
      const addresses = ["in_use", "free"].map((state) => value(`brindle_ipam_addresses{state="${state}"}`));
      return [value("brindle_ipam_blocks"), ...addresses];
    };
    await sees("blocks, addresses in use, and free ones", ofIpam, [2, 2, 126]);
    assert.deepEqual(await listeningPorts(stand), [179, 9300]);

    await stand.etcd.kill();
    await waitFor(
      async (saw) => {
        const now = await scraped(stand, { port: 9300 });
        saw([...now.samples].filter(([name]) => /datastore|mistakes/.test(name)));
        return (
          now.value("brindle_datastore_connected") === 0 && now.value('brindle_mistakes{code="DatastoreAway"}') === 1
        );
      },
      { what: "the metrics say that the datastore is away", intervalMs: 200 },
    );
    const once = (await scraped(stand, { port: 9300 })).value("brindle_datastore_staleness_seconds");
    const later = (await scraped(stand, { port: 9300 })).value("brindle_datastore_staleness_seconds");
    assert(later > once, `${once} s, then ${later} s`);
  });

  it("answer nothing but /metrics", async () => {
    const status = (path: string, method = "GET") => fetched(stand, { port: 9300, path, method });
    assert.match(await status("/"), /^404 text\/plain/);
    assert.match(await status("/metrics", "POST"), /^404 text\/plain/);
    assert.match(await status("/metrics"), /^200 text\/plain; version=0\.0\.4; charset=utf-8\n# HELP /);
  });
});

const added = 'brindle_cni_requests_total{command="ADD",result="ok"}';

interface Question {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
}

/** Status, content type, and on the next line the answer: by a program on the node. */
function fetched(stand: Stand, { port, path = "/metrics", method = "GET" }: Question): Promise<string> {
  const program = `const r = await fetch("http://127.0.0.1:${port}${path}", { method: "${method}" });
    process.stdout.write(r.status + " " + r.headers.get("content-type") + "\\n" + await r.text());`;
  return stand.fabric.machine("node1").exec(process.execPath, ["--input-type=module", "-e", program]);
}

async function scraped(stand: Stand, question: Question): Promise<Exposition> {
  const answer = await fetched(stand, question);
  assert.match(answer, /^200 /);
  return parseExposition(answer.slice(answer.indexOf("\n") + 1));
}

function served(stand: Stand, question: Question): Promise<Exposition> {
  return waitFor(() => scraped(stand, question), { what: "metrics are served" });
}

/** At which TCP and UDP ports anything of the node listens. */
async function listeningPorts(stand: Stand): Promise<number[]> {
  return [...new Set((await listeners(stand)).map((at) => Number(at.split(":").at(-1))))].sort((a, b) => a - b);
}

async function listeners(stand: Stand, port?: number): Promise<string[]> {
  const { exec } = stand.fabric.machine("node1");
  const [tcp, udp] = await Promise.all([exec("ss", ["-Htln"]), exec("ss", ["-Huln"])]);
  const lines = `${tcp}\n${udp}`.split("\n").filter((line) => line.trim() !== "");
  const all = lines.flatMap((line) => line.trim().split(/\s+/)[3] ?? []);
  return port === undefined ? all : all.filter((at) => at.endsWith(`:${port}`));
}
