import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { PeerStatus } from "@brindle/bgp";
import { afterAll, beforeAll, describe, it } from "vitest";
import { field } from "../fixtures/json.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { FabricPlan } from "../lab/topology/plan.ts";
import { established, resource, type Stand, says, sees, startStand } from "./stand.ts";

const rogue = { name: "rogue", address: "172.30.1.99" };
const rogueEntry = fileURLToPath(new URL("roguePeer.ts", import.meta.url));
const ofTor = "172.30.1.1";
const ofNode1 = "172.30.1.11";
const ofNode2 = "172.30.1.12";

describe("the peers of a node", () => {
  let stand: Stand;

  beforeAll(async () => {
    stand = await startStand({
      fabric: { racks: [{ number: 1, routers: ["tor"], nodes: ["node1", "node2"] }] },
      extend: withRogue,
    });
    await Promise.all(["node1", "node2"].map((node) => established(stand, node)));
    await sees("what node1 is connected with", () => connectedWith(stand, "node1"), [ofTor, ofNode2]);
  });
  afterAll(() => stand[Symbol.asyncDispose]());

  it("are none that the datastore describes in a way this version does not take", async () => {
    await using wild = stand.fabric.machine(rogue.name).spawn(process.execPath, [rogueEntry, rogue.address, ""]);
    await says(wild, "listening", "the rogue listens");
    const spec = { peerIP: rogue.address, asNumber: 65099, localWorkloadSelector: "all()" };
    await putRaw(stand, "bgppeers", resource("BGPPeer", "guarded", spec));

    const [problem] = await problemsOf(stand, 1);
    assert.match(problem ?? "", /^BGPPeer guarded: .*localWorkloadSelector/);
    assert.deepEqual(
      (await peers(stand)).map(({ name }) => name),
      ["peer/tor", "mesh/node2"],
    );
    await stand.remove("BGPPeer", "guarded");
    await problemsOf(stand, 0);
    assert.doesNotMatch(wild.output(), /heard/);
  });

  it("that send garbage hear why they are dropped, and no other peer is disturbed", async () => {
    const before = await connections(stand, "node1");
    const garbage = Buffer.from("GET / HTTP/1.1\r\nHost: node1\r\n\r\n").toString("hex");
    await using wild = stand.fabric.machine(rogue.name).spawn(process.execPath, [rogueEntry, rogue.address, garbage]);
    await says(wild, "listening", "the rogue listens");
    await stand.apply(resource("BGPPeer", "rogue", { node: "node1", peerIP: rogue.address, asNumber: 65099 }));
    await says(wild, "heard", "the rogue was dropped");
    // RFC 4271 §4.5: NOTIFICATION, Message Header Error, Connection Not Synchronized.
    assert.match(wild.output(), new RegExp(`heard .*${"ff".repeat(16)}0015030101\n`));

    const { lastFailure } = await waitFor(
      async () => {
        const peer = await stand.peer("node1", "peer/rogue");
        return peer.lastFailure?.notification && peer;
      },
      { what: "node1 shows why the peer is down" },
    );
    assert.deepEqual(lastFailure?.notification, { sentBy: "us", code: 1, subcode: 1 });
    assert.match(lastFailure?.text ?? "", /Message Header Error/);
    assert.deepEqual(await connections(stand, "node1"), before);
    await stand.remove("BGPPeer", "rogue");
  });

  it("follow the labels of the node, each without touching the others", async () => {
    const [others, before] = [await connections(stand, "node1"), await connections(stand, "node2")];
    const node = (await stand.get("Node", "node2")) as { metadata: object };
    const labelled = (rack: string): object => {
      return { ...node, metadata: { name: "node2", labels: { rack } } };
    };
    await stand.apply(labelled("elsewhere"));
    await sees("what node2 is connected with", () => connectedWith(stand, "node2"), [ofNode1]);
    assert.deepEqual(await connections(stand, "node1"), others);
    assert.deepEqual(await connections(stand, "node2"), withPeer(before, ofNode1));

    await stand.apply(labelled("rack-1"));
    await established(stand, "node2");
    assert.deepEqual(await connections(stand, "node1"), others);
  });

  it("are not the other nodes while the mesh is off", async () => {
    const tor = withPeer(await connections(stand, "node1"), ofTor);
    await configure(stand, { nodeToNodeMeshEnabled: false });
    await sees("what node1 is connected with", () => connectedWith(stand, "node1"), [ofTor]);
    await configure(stand, {});
    await sees("what node1 is connected with", () => connectedWith(stand, "node1"), [ofTor, ofNode2]);
    assert.deepEqual(withPeer(await connections(stand, "node1"), ofTor), tor);
  });

  it("find the node at the port that is configured", async () => {
    const listening = async (): Promise<string[]> => {
      const sockets = await stand.fabric.machine("node1").exec("ss", ["-Hltn"]);
      return [...sockets.matchAll(/172\.30\.1\.11:(\d+)/g)].map(([, port]) => port ?? "");
    };
    assert.deepEqual(await listening(), ["179"]);
    await configure(stand, { listenPort: 1790 });
    await sees("the ports that node1 listens at", listening, ["1790"]);
    await sees("what node1 is connected with", () => connectedWith(stand, "node1"), [ofTor, ofNode2]);
    await configure(stand, {});
    await sees("the ports that node1 listens at", listening, ["179"]);
  });

  it("are told the AS number that is configured", async () => {
    await configure(stand, { asNumber: 64999 });
    await waitFor(
      async (saw) => {
        const output = await stand.fabric.router("tor").show("show protocols all node1");
        saw(output);
        return /Last error:.*Bad peer AS/.test(output);
      },
      { what: "the router does not want the new AS" },
    );
    assert.equal((await stand.peer("node1", "peer/tor")).localAsn, 64999);
    await configure(stand, {});
    await established(stand, "node1");
    await established(stand, "node2");
  });

  it("stay as they are where the configuration is not understood, and the agent says so", async () => {
    await sees("what node1 is connected with", () => connectedWith(stand, "node1"), [ofTor, ofNode2]);
    const before = await connections(stand, "node1");
    const kept = await stand.get("BGPConfiguration", "default");
    // To take the rest of it would end the mesh, or move the node to another AS: the whole is not acted on.
    const spec = { nodeToNodeMeshEnabled: "no", asNumber: 64999 };
    await putRaw(stand, "bgpconfigurations", resource("BGPConfiguration", "default", spec));
    await problemsOf(stand, 1);
    const bgp = (await stand.status("node1")).health.find(({ part }) => part === "bgp");
    assert.match(bgp?.reason ?? "", /BGPConfiguration default is not understood: .*nodeToNodeMeshEnabled/);
    assert.deepEqual(await connections(stand, "node1"), before);

    await putRaw(stand, "bgpconfigurations", { ...(kept as object), metadata: { name: "default" } });
    await problemsOf(stand, 0);
    assert.deepEqual(await connections(stand, "node1"), before);
  });

  it("are logged as much as the node's configuration says", async () => {
    const agent = stand.agent("node1");
    const debugLines = (): number => agent.output().match(/reading back what the kernel has/g)?.length ?? 0;
    await stand.call("node1", "resync");
    assert.equal(debugLines(), 0);
    await stand.apply(resource("BGPConfiguration", "node.node1", { logSeverityScreen: "Debug" }));
    await sees(
      "whether node1 logs more",
      async () => {
        await stand.call("node1", "resync");
        return debugLines() > 0;
      },
      true,
    );
    await stand.remove("BGPConfiguration", "node.node1");
  });
});

/** A machine in the rack that speaks something else than BGP. */
function withRogue(plan: FabricPlan): FabricPlan {
  const { name, address } = rogue;
  return {
    ...plan,
    machines: [...plan.machines, { name, forwarding: false, bridges: [], loopback: [], routes: [] }],
    links: [
      ...plan.links,
      {
        ends: [
          { machine: name, name: "eth0", addresses: [`${address}/24`] },
          { machine: "tor", name, addresses: [], bridge: "rack1" },
        ],
      },
    ],
  };
}

/** The cluster's BGPConfiguration, with what is different for now. */
function configure(stand: Stand, change: object): Promise<void> {
  const spec = { asNumber: 64512, nodeToNodeMeshEnabled: true, ...change };
  return stand.apply(resource("BGPConfiguration", "default", spec));
}

/** As a client of another version writes it, past our validation. */
async function putRaw(stand: Stand, plural: string, document: object): Promise<void> {
  const name = String(field(document, "metadata", "name"));
  await stand.etcd.etcdctl("put", `/calico/resources/v3/projectcalico.org/${plural}/${name}`, JSON.stringify(document));
}

async function problemsOf(stand: Stand, count: number): Promise<readonly string[]> {
  return waitFor(
    async (saw) => {
      const { problems } = await stand.status("node1");
      saw(problems);
      return problems.length === count && problems;
    },
    { what: `node1 names ${count} objects that it does not act on` },
  );
}

async function peers(stand: Stand): Promise<readonly PeerStatus[]> {
  return (await stand.call("node1", "bgp.peers")) as readonly PeerStatus[];
}

/** The node's BGP connections as its sockets show them; one that was made anew has another port at one end. */
async function connections(stand: Stand, node: string): Promise<string[]> {
  const sockets = await stand.fabric.machine(node).exec("ss", ["-Htn", "state", "established"]);
  return sockets
    .split("\n")
    .filter((line) => /:(179|1790)\b/.test(line))
    .map((line) => line.trim().split(/\s+/).slice(2).join(" "))
    .sort();
}

function withPeer(all: readonly string[], address: string): string[] {
  return all.filter((connection) => connection.split(" ")[1]?.startsWith(`${address}:`));
}

async function connectedWith(stand: Stand, node: string): Promise<string[]> {
  const all = await connections(stand, node);
  return all.map((connection) => connection.split(" ")[1]?.replace(/:\d+$/, "") ?? "").sort();
}
