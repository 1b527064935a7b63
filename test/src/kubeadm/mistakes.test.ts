/** A cluster that was made without what a network needs: what its operator hears of it, and that mending is enough. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { run } from "../fixtures/command.ts";
import { field, list, text } from "../fixtures/json.ts";
import { nodeOf } from "../fixtures/kubeadm/cluster.ts";
import type { OwnCluster } from "../fixtures/kubeadm/startCluster.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { manifest, namespace, requestsOfBrindle, startClusterWithImage } from "./brindle.ts";
import { apply } from "./pods.ts";

const node = "node1";
const deadlineMs = 60_000;
const agent = ["exec", "-n", namespace, "daemonset/brindle-agent", "-c", "agent", "--"];

let cluster: OwnCluster;
beforeAll(async () => {
  cluster = await startClusterWithImage({ nodes: 1, podSubnets: [], audit: true });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

async function read(...args: readonly string[]): Promise<unknown> {
  return JSON.parse(await cluster.kubectl(["get", ...args, "-o", "json"]));
}

/** `True reason`, by the type of the condition. */
async function conditions(): Promise<Readonly<Record<string, string>>> {
  const all = list(field(await read("node", node), "status", "conditions"));
  return Object.fromEntries(
    all.map((each) => [text(field(each, "type")), `${text(field(each, "status"))} ${text(field(each, "reason"))}`]),
  );
}

async function untilCondition(type: string, expected: RegExp): Promise<void> {
  await waitFor(
    async (saw) => {
      const seen = (await conditions())[type] ?? "none";
      saw(seen);
      return expected.test(seen);
    },
    { what: `${type} is ${expected}`, deadlineMs, intervalMs: 500 },
  );
}

async function eventsOf(kind: string): Promise<readonly string[]> {
  const events = list(field(await read("events", "-A"), "items"));
  return events
    .filter((event) => field(event, "involvedObject", "kind") === kind)
    .map((event) => `${text(field(event, "reason"))}: ${text(field(event, "message"))}`);
}

/** The agent keeps running: a restart would mend nothing. */
async function restarts(): Promise<number> {
  const pods = list(field(await read("pods", "-n", namespace, "-l", "app.kubernetes.io/component=agent"), "items"));
  return pods.reduce<number>((sum, pod) => {
    const statuses = list(field(pod, "status", "containerStatuses"));
    return sum + statuses.reduce<number>((each, status) => each + Number(field(status, "restartCount")), 0);
  }, 0);
}

async function status(): Promise<string> {
  const args = [`--kubeconfig=${cluster.kubeconfig}`, ...agent, "brindlectl", "status"];
  return (await run(cluster.kubectlPath, args)).stdout; // It fails while the agent is not ready.
}

describe("a cluster that kubeadm made without a range of pods", () => {
  it("has a node without a network, which says why, where people look", async () => {
    await cluster.kubectl(["apply", "-f", manifest], { deadlineMs: 60_000 });
    await untilCondition("NetworkUnavailable", /^True PodCidrMissing$/);
    assert.match((await conditions()).Ready ?? "", /^False/);
    const said = /^PodCidrMissing: no IPPool: kubeadm was given no range of pods.*Make an IPPool/;
    assert((await eventsOf("Node")).some((event) => said.test(event)));
    assert((await eventsOf("Pod")).some((event) => said.test(event)));
    const described = await cluster.kubectl([
      "describe",
      "pod",
      "-n",
      namespace,
      "-l",
      "app.kubernetes.io/component=agent",
    ]);
    assert.match(described, /Warning +PodCidrMissing .* no IPPool: kubeadm was given no range of pods/);
  });

  it("has an agent that is unready, and tells brindlectl what to do", async () => {
    const ask = "exec 3<>/dev/tcp/127.0.0.1/9099; printf 'GET /readiness HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    const answer = await nodeOf(cluster, 1).exec("bash", ["--norc", "-c", ask]);
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, /^ipam is failing: no IPPool: kubeadm was given no range of pods/m);
    assert.match(await status(), /PodCidrMissing: no IPPool.*\n {4}Make an IPPool/);
  });

  it("is Ready when a pool is made, and nothing was restarted", async () => {
    await apply(cluster, {
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "pods" },
      spec: { cidr: "10.244.0.0/16", natOutgoing: true },
    });
    await untilCondition("Ready", /^True/);
    await untilCondition("NetworkUnavailable", /^False BrindleIsUp$/);
    assert.match(await status(), /^Agent: .* ready$/m);
    assert.equal(await restarts(), 0);
  });

  it("says that another network's list comes before its own, and goes on when that is gone", async () => {
    const place = nodeOf(cluster, 1);
    await place.exec("sh", ["-ec", "echo '{}' >/etc/cni/net.d/05-other.conflist"]);
    await untilCondition("NetworkUnavailable", /^True OtherNetworkList$/);
    assert.match(
      await status(),
      /OtherNetworkList: \/etc\/cni\/net\.d\/05-other\.conflist comes before 10-brindle\.conflist/,
    );
    await place.exec("rm", ["/etc/cni/net.d/05-other.conflist"]);
    await untilCondition("NetworkUnavailable", /^False BrindleIsUp$/);
  });

  it("says so of a range that is its Services'", async () => {
    const pool = (spec: object) => ({
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "second" },
      spec: { cidr: "10.96.128.0/20", ...spec },
    });
    await apply(cluster, pool({}));
    await untilCondition("NetworkUnavailable", /^True PodCidrOverlapsServices$/);
    await apply(cluster, pool({ disabled: true }));
    await untilCondition("NetworkUnavailable", /^False BrindleIsUp$/);
  });

  it("was told what it may not by nobody, and wrote little", async () => {
    const requests = await requestsOfBrindle(cluster);
    assert.deepEqual(
      requests.filter(({ status }) => status === 401 || status === 403),
      [],
    );
    const events = requests.filter(({ uri, verb }) => uri.includes("/events") && verb !== "get");
    assert(events.length <= 20, `${events.length} writes of Events`);
    assert.equal(await restarts(), 0);
  });
});
