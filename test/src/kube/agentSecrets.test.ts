/** What an agent is told in secret: the passwords of its sessions, and its own token. Judged by the router and the server. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import type { AgentStatus } from "@brindle/api";
import type { PeerStatus } from "@brindle/bgp";
import { afterAll, beforeAll, describe, it } from "vitest";
import { field, list } from "../fixtures/json.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type NodeStand, nodeObject, ready, startNodeStand } from "./nodeStand.ts";

const node = "node1";
const account = "system:serviceaccount:brindle-system:brindle-agent";
const tokenFolder = "/run/secrets/kubernetes.io/serviceaccount";
const passwords = ["s3cret-of-the-first-day", "s3cret-of-the-second-day"] as const;
const deadlineMs = 60_000;

let stand: NodeStand;
beforeAll(async () => {
  stand = await startNodeStand();
  const networking = "networking:\n  podSubnet: 10.244.0.0/16\n";
  const metadata = { name: "kubeadm-config", namespace: "kube-system" };
  await stand.apply(
    nodeObject(node),
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { ClusterConfiguration: networking } },
    {
      apiVersion: "projectcalico.org/v3",
      kind: "BGPPeer",
      metadata: { name: "tor" },
      spec: { peerIP: torAddress(), asNumber: 65_001, password: { secretKeyRef: { name: "bgp", key: "tor" } } },
    },
  );
  await giveRouter(passwords[0]);
  await giveToken(3_600);
  launchInPod();
  await ready(stand, node);
}, 120_000);
afterAll(() => stand?.[Symbol.asyncDispose]());

function torAddress(): string {
  const address = /^(.*)\.\d+$/.exec(stand.fabric.plan.nodes[0]?.ip ?? "")?.[1];
  return `${address}.1`;
}

/** Its session with the node asks for the password from now on. */
async function giveRouter(password: string): Promise<void> {
  const router = stand.fabric.router("tor");
  const text = (await readFile(router.configFile, "utf8")).replaceAll(/\n {2}password "[^"]*";/g, "");
  await writeFile(router.configFile, text.replaceAll(/(protocol bgp [^{]*\{)/g, `$1\n  password "${password}";`));
  assert.match(await router.show("configure"), /Reconfigured|Reconfiguration/);
}

async function giveSecret(entries: Readonly<Record<string, string>>): Promise<void> {
  const metadata = { name: "bgp", namespace: "brindle-system" };
  await stand.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: entries });
}

async function status(): Promise<AgentStatus> {
  stand.agent(node).assertRunning();
  return stand.status(node);
}

async function mistake(says: RegExp | null): Promise<void> {
  await waitFor(
    async (saw) => {
      const found = (await status()).mistakes.find(({ code }) => code === "BgpPasswordMissing");
      saw(found?.text);
      return says === null ? found === undefined : says.test(found?.text ?? "");
    },
    { what: `of passwords is said ${says ?? "nothing"}`, deadlineMs },
  );
}

async function established(expected: boolean): Promise<void> {
  await waitFor(
    async (saw) => {
      const sessions = await stand.fabric.router("tor").sessions();
      saw(sessions);
      const ip = stand.fabric.plan.nodes.find(({ name }) => name === node)?.ip;
      return sessions.some((session) => session.neighbor === ip && session.established) === expected;
    },
    { what: `the router is ${expected ? "" : "not "}Established with the node`, deadlineMs },
  );
}

async function peer(): Promise<PeerStatus | undefined> {
  const peers = (await stand.call(node, "bgp.peers")) as readonly PeerStatus[];
  return peers.find(({ name }) => name === "peer/tor");
}

function launchInPod(): void {
  const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(stand.api.port) };
  stand.launch(node, { isInPod: true, environment });
}

/** Those that the server knew whose they were. */
async function ownRequests(): Promise<number> {
  return (await stand.api.requests()).filter(({ user }) => user === account).length;
}

async function moreThan(before: number): Promise<void> {
  await waitFor(async () => (await ownRequests()) > before, { what: "the agent asks", deadlineMs });
}

async function giveToken(lifetimeSeconds: number): Promise<void> {
  const identity = await stand.api.issueToken("brindle-system", "brindle-agent", { lifetimeSeconds });
  const machine = stand.fabric.machine(node);
  const write = async (name: string, content: string): Promise<void> => {
    const script = `mkdir -p ${tokenFolder} && umask 077 && cat >${tokenFolder}/next && mv ${tokenFolder}/next ${tokenFolder}/${name}`;
    await machine.exec("sh", ["-ec", script], { input: content });
  };
  await write("ca.crt", stand.api.authority);
  await write("token", "token" in identity ? identity.token : "");
}

describe("the password of a session", () => {
  it("that is missing is told, and the peer not dialled without it, while the agent is ready", async () => {
    await mistake(/^peer\/tor: there is no Secret bgp$/);
    await waitFor(async () => (await peer())?.lastFailure?.text === "there is no Secret bgp", {
      what: "the list of peers says why there is no session",
      deadlineMs,
    });
    assert.equal((await peer())?.phase, "idle");
    assert((await status()).health.every(({ state }) => state === "ready"));
    const events: unknown = JSON.parse(await stand.api.kubectl(["get", "events", "-o", "json"]));
    assert(list(field(events, "items")).some((event) => field(event, "reason") === "BgpPasswordMissing"));
  });

  it("is missing as well where the Secret has it under another key", async () => {
    await giveSecret({ other: passwords[0] });
    await mistake(/^peer\/tor: Secret bgp has no entry tor$/);
    await giveSecret({ tor: `${passwords[0]}\n` });
    await mistake(/ends with a line break/);
  });

  it("makes the session once the Secret is there", async () => {
    await giveSecret({ tor: passwords[0] });
    await mistake(null);
    await established(true);
  });

  it("that the router has not is told in words, and taken up when the Secret changes", async () => {
    await giveRouter(passwords[1]);
    await established(false);
    await waitFor(async () => /password/.test((await peer())?.lastFailure?.text ?? ""), {
      what: "the failure speaks of the password",
      deadlineMs,
    });
    await giveSecret({ tor: passwords[1] });
    await established(true);
  });

  it("that is taken away ends the session", async () => {
    await stand.api.kubectl(["delete", "secret", "bgp", "-n", "brindle-system"]);
    await established(false);
    await mistake(/there is no Secret bgp/);
    await giveSecret({ tor: passwords[1] });
    await established(true);
  });

  it("is of the mesh, too", async () => {
    const spec = { nodeMeshPassword: { secretKeyRef: { name: "mesh", key: "all" } } };
    await stand.apply(nodeObject("node2"), {
      apiVersion: "projectcalico.org/v3",
      kind: "BGPConfiguration",
      metadata: { name: "default" },
      spec,
    });
    stand.launch("node2");
    await ready(stand, "node2");
    await mistake(/^mesh\/node2: there is no Secret mesh$/);
    const metadata = { name: "mesh", namespace: "brindle-system" };
    await stand.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: { all: "of-the-mesh" } });
    await waitFor(
      async (saw) => {
        const peers = (await stand.call(node, "bgp.peers")) as readonly PeerStatus[];
        saw(peers);
        return peers.some(({ name, phase }) => name === "mesh/node2" && phase === "established");
      },
      { what: "the mesh is Established", deadlineMs },
    );
  });

  it("may not be read where the right is missing, which is said", async () => {
    await stand.api.kubectl(["delete", "rolebinding", "agent", "-n", "brindle-system"]);
    const first = stand.agent("node2");
    first.kill("SIGKILL");
    await first.exited;
    stand.launch("node2");
    await waitFor(
      async (saw) => {
        const { mistakes } = await stand.status("node2").catch(() => ({ mistakes: [] }));
        saw(mistakes);
        return mistakes.some(({ text }) =>
          /Secret mesh cannot be read: a role with the verb \w+ on secrets/.test(text),
        );
      },
      { what: "the missing right is told", deadlineMs },
    );
  });

  it("was never written anywhere", async () => {
    const said = [
      stand.agent(node).output(),
      JSON.stringify(await status()),
      JSON.stringify(await stand.call(node, "bgp.peers")),
      await stand.api.kubectl(["get", "events,bgppeers.projectcalico.org,nodes", "-A", "-o", "json"]),
    ].join("\n");
    for (const password of [...passwords, "of-the-mesh"]) assert(!said.includes(password));
  });
});

/** The server forgives a token ten seconds more. */
async function untilRefused(lifetimeSeconds: number): Promise<void> {
  const refusedMs = Date.now() + (lifetimeSeconds + 10) * 1_000;
  await waitFor(() => Date.now() > refusedMs, { what: "the first token has run out", deadlineMs, intervalMs: 250 });
}

describe("the token of an agent's pod", () => {
  it("is replaced while the agent runs, which goes on by the new one", async () => {
    const former = stand.agent(node);
    former.kill("SIGTERM");
    await former.exited;
    const beforeFirst = await ownRequests();
    const lifetimeSeconds = 20;
    await giveToken(lifetimeSeconds);
    launchInPod();
    await moreThan(beforeFirst);
    await giveToken(600);
    await untilRefused(lifetimeSeconds);
    const before = await ownRequests();
    await stand.apply({
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "later" },
      spec: { cidr: "10.245.0.0/16" },
    });
    await stand.api.restart();
    await moreThan(before);
    await ready(stand, node);
    const pod = await stand.addPod("after", node);
    assert.equal(pod.addresses.length > 0, true);
    await stand.removePod(pod);
  });
});
