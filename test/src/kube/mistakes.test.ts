/** Mistakes that a cluster or a node can have: each is made, told of in Kubernetes and in the status, and mended. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AgentStatus } from "@brindle/api";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { field, list, text } from "../fixtures/json.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type LaunchOptions, type NodeStand, nodeObject, ready, startNodeStand } from "./nodeStand.ts";

const node = "node1";
const manifests = fileURLToPath(new URL("../../../manifests/", import.meta.url));
const deadlineMs = 40_000;

let stand: NodeStand;
beforeAll(async () => {
  stand = await startNodeStand();
  await stand.apply(nodeObject(node));
  await kubeadmConfig("10.244.0.0/16");
});
afterAll(() => stand?.[Symbol.asyncDispose]());
afterEach(async ({ task }) => {
  stand.agent(node).kill("SIGKILL");
  await stand.agent(node).exited;
  if (task.result?.state === "fail") await mendAll();
});

/** What any test of these breaks, which would be in the way of its next try and of all others. */
async function mendAll(): Promise<void> {
  const { kubectl } = stand.api;
  await kubeadmConfig("10.244.0.0/16");
  await kubectl(["delete", "ippool.projectcalico.org", "wrong", "--ignore-not-found"]).catch(() => {});
  await kubectl(["delete", "crd", "ippools.crd.projectcalico.org", "--ignore-not-found"]);
  await stand.apply(await role(), ...(await Promise.all(brokenCrds.map(crd))));
  await machine(
    [
      "for link in vxlan.calico flannel.1; do ip link del $link 2>/dev/null || true; done",
      "iptables-nft -X cali-FORWARD 2>/dev/null || true",
      "umount /run/sys 2>/dev/null || true",
      "rm -rf /run/net.d /run/lists /run/xtables",
    ].join("\n"),
  );
}

const brokenCrds = ["ipamhandles.projectcalico.org", "ipamblocks.projectcalico.org"];

async function kubeadmConfig(podSubnet: string | null): Promise<void> {
  const networking = `networking:\n  serviceSubnet: 10.96.0.0/12\n${podSubnet ? `  podSubnet: ${podSubnet}\n` : ""}`;
  const metadata = { name: "kubeadm-config", namespace: "kube-system" };
  await stand.apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { ClusterConfiguration: networking } });
}

function launch(options?: LaunchOptions): void {
  stand.launch(node, options);
}

async function machine(script: string): Promise<string> {
  return stand.fabric.machine(node).exec("sh", ["-ec", script]);
}

/** The agent says it, unready, with what to do. */
async function mistake(code: string, says: RegExp): Promise<AgentStatus["mistakes"][number]> {
  return waitFor(
    async (saw) => {
      stand.agent(node).assertRunning();
      const status = await stand.status(node).catch(() => null);
      saw(status?.mistakes);
      const found = status?.mistakes.find((each) => each.code === code && says.test(each.text));
      return found && status?.health.some(({ part, state }) => part === found.part && state === "failing")
        ? found
        : undefined;
    },
    { what: `the agent says ${code}`, deadlineMs },
  );
}

interface Event {
  readonly reason: string;
  readonly message: string;
  readonly type: string;
}

async function events(): Promise<readonly Event[]> {
  const all: unknown = JSON.parse(await stand.api.kubectl(["get", "events", "-n", "default", "-o", "json"]));
  return list(field(all, "items")) as readonly Event[];
}

async function told(reason: string): Promise<Event> {
  return waitFor(async () => (await events()).find((event) => event.reason === reason), {
    what: `an Event ${reason}`,
    deadlineMs,
  });
}

async function condition(): Promise<string> {
  const object: unknown = JSON.parse(await stand.api.kubectl(["get", "node", node, "-o", "json"]));
  const conditions = list(field(object, "status", "conditions") ?? []);
  const found = conditions.find((each) => field(each, "type") === "NetworkUnavailable");
  return found ? `${text(field(found, "status"))} ${text(field(found, "reason"))}` : "none";
}

async function conditionIs(expected: string): Promise<void> {
  await waitFor(
    async (saw) => {
      const seen = await condition();
      saw(seen);
      return seen === expected;
    },
    { what: `the condition is ${expected}`, deadlineMs },
  );
}

async function mended(): Promise<void> {
  await ready(stand, node);
  assert.deepEqual((await stand.status(node)).mistakes, []);
}

async function role(): Promise<{ rules: { resources: string[]; verbs: string[] }[] }> {
  const documents = parseAllDocuments(await readFile(`${manifests}rbac/agent.yaml`, "utf8"));
  const found = documents.map((document) => document.toJS()).find(({ kind }) => kind === "ClusterRole");
  return found;
}

async function crd(name: string): Promise<Record<string, unknown>> {
  const [plural, ...group] = name.split(".");
  const [document] = parseAllDocuments(await readFile(`${manifests}crds/${group.join(".")}_${plural}.yaml`, "utf8"));
  return document?.toJS();
}

describe("a mistake is named, told to Kubernetes, and over when it is mended, without a restart:", () => {
  it("kubeadm without a range of pods", async () => {
    await kubeadmConfig(null);
    launch();
    const { remedy } = await mistake("PodCidrMissing", /kubeadm was given no range of pods/);
    assert.match(remedy, /IPPool/);
    const { type, message } = await told("PodCidrMissing");
    assert.equal(type, "Warning");
    assert(message.endsWith(remedy));
    await conditionIs("True PodCidrMissing");
    assert.match(await stand.api.kubectl(["describe", "node", node]), /PodCidrMissing.*no IPPool: kubeadm was given/);
    await kubeadmConfig("10.244.0.0/16");
    await mended();
    await conditionIs("False BrindleIsUp");
    await told("BrindleIsUp");
  });

  it("a range of pods that is the nodes'", async () => {
    launch();
    await mended();
    const pool = (cidr: string) => ({
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "wrong" },
      spec: { cidr },
    });
    await stand.apply(pool("172.30.0.0/16"));
    await mistake(
      "PodCidrOverlapsNodes",
      /^IPPool wrong: 172\.30\.0\.0\/16 overlaps with the network 172\.30\.1\.11\/24/,
    );
    await told("PodCidrOverlapsNodes");
    await stand.api.kubectl(["delete", "ippool.projectcalico.org", "wrong"]);
    await mended();
  });

  it("a range of pods that Services have", async () => {
    await stand.apply({
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "wrong" },
      // The test's API server gives Services addresses of it.
      spec: { cidr: await serviceRange() },
    });
    launch();
    await mistake("PodCidrOverlapsServices", /^IPPool wrong: .* overlaps with the range of Services/);
    await stand.api.kubectl(["delete", "ippool.projectcalico.org", "wrong"]);
    await mended();
  });

  it("a right that is missing, before it is needed", async () => {
    const { rules, ...rest } = await role();
    const less = rules.map((rule) =>
      rule.resources.includes("ipamblocks") ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== "create") } : rule,
    );
    await stand.apply({ ...rest, rules: less });
    launch();
    await mistake("RightMissing", /^the agent may not create on ipamblocks\.projectcalico\.org$/);
    await told("RightMissing");
    await stand.apply({ ...rest, rules });
    await mended();
  });

  it("a right to watch what it must, named by verb and resource", async () => {
    const { rules, ...rest } = await role();
    await stand.apply({ ...rest, rules: rules.filter(({ resources }) => !resources.includes("networkpolicies")) });
    launch();
    await mistake("RightMissing", /list, watch on networkpolicies\.networking\.k8s\.io/);
    const { health } = await stand.status(node);
    assert.notEqual(health.find(({ part }) => part === "policy")?.state, "ready");
    await stand.apply({ ...rest, rules });
    await mended();
  });

  it("a CRD that is missing", async () => {
    const name = "ipamhandles.projectcalico.org";
    await stand.api.kubectl(["delete", "crd", name]);
    launch();
    await mistake("CrdMissing", new RegExp(`^not installed: ${name.replaceAll(".", "\\.")}$`));
    await told("CrdMissing");
    await stand.apply(await crd(name));
    await mended();
  });

  it("a CRD that would drop a field", async () => {
    const name = "ipamblocks.projectcalico.org";
    const current = await crd(name);
    const old = structuredClone(current) as { spec: { versions: { schema: { openAPIV3Schema: OpenApi } }[] } };
    for (const { schema } of old.spec.versions) {
      const { spec } = schema.openAPIV3Schema.properties;
      delete spec?.["x-kubernetes-preserve-unknown-fields"];
      delete spec?.properties.sequenceNumber;
    }
    await stand.apply(old);
    launch();
    await mistake("CrdOutdated", /^ipamblocks\.projectcalico\.org does not know spec\.sequenceNumber$/);
    await stand.apply(current);
    await mended();
  });

  it("Calico's older CRDs, left behind", async () => {
    await stand.apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "ippools.crd.projectcalico.org" },
      spec: {
        group: "crd.projectcalico.org",
        names: { kind: "IPPool", listKind: "IPPoolList", plural: "ippools", singular: "ippool" },
        scope: "Cluster",
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    });
    await stand.api.kubectl(["wait", "--for=condition=Established", "crd/ippools.crd.projectcalico.org"]);
    launch();
    const { remedy } = await mistake("OlderCrds", /crd\.projectcalico\.org/);
    assert.match(remedy, /CALICO_API_GROUP=projectcalico\.org\/v3/);
    stand.agent(node).kill("SIGKILL");
    await stand.agent(node).exited;
    launch({ environment: { CALICO_API_GROUP: "projectcalico.org/v3" } });
    await mended();
    await stand.api.kubectl(["delete", "crd", "ippools.crd.projectcalico.org"]);
  });

  it("another network's list before ours, with ours held back", async () => {
    await machine("mkdir -p /run/net.d; echo '{}' >/run/net.d/05-other.conflist");
    const source = `${manifests}10-brindle.conflist`;
    launch({ args: ["--cni-config-directory", "/run/net.d", "--network-list", source] });
    await mistake("OtherNetworkList", /^\/run\/net\.d\/05-other\.conflist comes before 10-brindle\.conflist$/);
    assert.equal(await machine("ls /run/net.d"), "05-other.conflist\n");
    await machine("rm /run/net.d/05-other.conflist");
    await mended();
    await waitFor(async () => (await machine("ls /run/net.d")) === "10-brindle.conflist\n", {
      what: "the list is there",
    });
    assert.deepEqual((await stand.status(node)).networkList, {
      path: "/run/net.d/10-brindle.conflist",
      isInPlace: true,
    });
  });

  it("what another network left in the kernel", async () => {
    await machine("ip link add vxlan.calico type bridge; iptables-nft -N cali-FORWARD");
    launch();
    await mistake("OtherNetwork", /^there is of Calico the interface vxlan\.calico, the chain cali-FORWARD$/);
    await machine("ip link del vxlan.calico; iptables-nft -X cali-FORWARD");
    await mended();
  });

  it("settings of the node that cannot be written", async () => {
    await machine(
      "mkdir -p /run/sys && mount -t tmpfs sys /run/sys && mkdir -p /run/sys/net/ipv4 && echo 0 >/run/sys/net/ipv4/ip_forward",
    );
    await machine("mount -o remount,ro /run/sys");
    launch({ environment: { BRINDLE_SYSCTL_ROOT: "/run/sys" } });
    await mistake("ForwardingNotWritable", /ip_forward.*read-only file system/);
    await machine("mount -o remount,rw /run/sys");
    await mended();
    assert.equal((await machine("cat /run/sys/net/ipv4/ip_forward")).trim(), "1");
  });

  it("a match that iptables does not have, with the node kept from its network", async () => {
    const extensions = "/run/xtables";
    await machine(
      `mkdir -p ${extensions} && ln -s $(dirname $(find /usr/lib -name libxt_comment.so | head -1))/*.so ${extensions} && rm ${extensions}/libxt_comment.so`,
    );
    // What earlier tests left is as it should be: a node that was started anew has to write all of it.
    await machine("for table in filter nat mangle raw; do iptables-nft -t $table -F; iptables-nft -t $table -X; done");
    const lists = ["--cni-config-directory", "/run/lists", "--network-list", `${manifests}10-brindle.conflist`];
    await machine("mkdir /run/lists");
    launch({ environment: { XTABLES_LIBDIR: extensions }, args: lists });
    await mistake("KernelFeatureMissing", /xt_comment/);
    await told("KernelFeatureMissing");
    const status = await stand.status(node);
    assert.equal(status.health.find(({ part }) => part === "policy")?.state, "failing");
    assert.equal(await machine("ls /run/lists"), "");
    await conditionIs("True KernelFeatureMissing");
    assert.equal(await machine("ls /run/lists"), "");
    await machine(`ln -s $(find /usr/lib -name libxt_comment.so | head -1) ${extensions}`);
    await mended();
  });

  it("a port of the probes that another program has", async () => {
    await using other = stand.fabric
      .machine(node)
      .spawn("socat", ["TCP-LISTEN:9099,bind=127.0.0.1,fork,reuseaddr", "SYSTEM:true"]);
    await waitFor(async () => (await machine("ss -Hltn sport = :9099")) !== "", { what: "the port is taken" });
    launch({ args: ["--health-port", "9099"] });
    await mistake("HealthPortTaken", /another program has port 9099/);
    await other.stop();
    await mended();
    assert.equal(await machine("curl -s http://127.0.0.1:9099/readiness"), "ready\n");
  });

  it("says all of it at /readiness, a line each", async () => {
    await machine("ip link add flannel.1 type bridge");
    await stand.apply({
      ...(await role()),
      rules: (await role()).rules.filter(({ resources }) => !resources.includes("tiers")),
    });
    launch({ args: ["--health-port", "9099"] });
    await mistake("OtherNetwork", /Flannel/);
    await mistake("RightMissing", /tiers/);
    const answer = await machine("curl -s -w '%{http_code}' http://127.0.0.1:9099/readiness");
    assert.match(answer, /^store is failing: the agent may not .*tiers.*$/m);
    assert.match(answer, /^policy is failing: there is of Flannel the interface flannel\.1$/m);
    assert.match(answer, /503$/);
    await stand.apply(await role());
    await machine("ip link del flannel.1");
    await mended();
  });
});

interface OpenApi {
  readonly properties: Record<string, OpenApi & { properties: Record<string, unknown> }>;
  "x-kubernetes-preserve-unknown-fields"?: true;
}

async function serviceRange(): Promise<string> {
  const object: unknown = JSON.parse(await stand.api.kubectl(["get", "servicecidr", "kubernetes", "-o", "json"]));
  return text(list(field(object, "spec", "cidrs"))[0]);
}
