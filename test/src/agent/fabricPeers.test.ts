/** What an operator says in FabricPeers, an agent does, and the routers at the other ends see: a leaf by its link alone, a range, the gateway. */
import assert from "node:assert/strict";
import { brindleApiVersion, type FabricPeerSpec } from "@brindle/api";
import type { PeerDetail } from "@brindle/bgp";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startBird } from "../fixtures/routers/bird.ts";
import type { Router } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { FabricPlan } from "../lab/topology/plan.ts";
import { established, kernelRoutes, type Stand, sees, startStand } from "./stand.ts";

/** In the pods' range, so that a node takes it. */
const ofLeaf = "10.244.250.0/24";

const leafConfig = `router id 10.255.0.1;
log stderr { warning, error, fatal, bug };
protocol device { scan time 1; }
protocol radv { interface "down0" { min ra interval 3; max ra interval 4; }; }
protocol bfd { interface "down0" { interval 100 ms; multiplier 3; }; }
protocol static { ipv4; route ${ofLeaf} blackhole; }
protocol bgp unnumbered {
  local as 65010;
  neighbor range fe80::/10 external;
  interface "down0";
  direct;
  bfd on;
  ipv4 { import all; export where source = RTS_STATIC; next hop self; extended next hop on; };
  ipv6 { import all; export where source = RTS_STATIC; next hop self; };
}
protocol bgp dialling {
  local 172.31.0.1 as 65010;
  neighbor 172.30.1.11 as 64999;
  multihop;
  connect delay time 1; connect retry time 2; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; next hop self; };
}
`;

let stand: Stand;
let leaf: Router;

beforeAll(async () => {
  stand = await startStand({ extend: withLeaf });
  await established(stand, "node1");
  await stand.runtime.add({ name: "first", node: "node1", labels: {} });
  const { namespace, exec } = stand.fabric.machine("leaf");
  await exec("ip", ["route", "add", "172.30.1.11/32", "via", "172.31.0.11"]);
  leaf = await startBird({ namespace, config: leafConfig, instance: stand.instance });
});
afterAll(() => stand?.[Symbol.asyncDispose]());

describe("a FabricPeer", () => {
  it("by its interface is found, watched by BFD, and told and heard as it says", async () => {
    await stand.apply(
      fabricPeer("leaf", {
        node: "node1",
        interface: "up0",
        peerType: "External",
        holdTime: "240s",
        bfd: { transmitInterval: "100ms", receiveInterval: "100ms" },
        announced: { communities: ["64512:7"], prependASPath: [64512] },
        accepted: { localPreference: 150 },
        maxPrefixes: { limit: 10, action: "Warn" },
      }),
    );
    const peer = await peerIs("fabric/leaf", "is Established, with BFD up", (seen) => {
      return seen.phase === "established" && seen.bfd?.state === "up";
    });
    assert.deepEqual([peer.asn, peer.session?.holdSeconds], [65010, 240]);
    assert.match(await leaf.show("show bfd sessions"), /fe80::\S+\s+down0\s+Up\s+\S+\s+0\.100\s+0\.300/);
    await waitFor(
      async (saw) => {
        const told = await leaf.show("show route all");
        saw(told);
        return /BGP\.as_path: 64512 64512\n/.test(told) && /BGP\.community: \(64512,7\)/.test(told);
      },
      { what: "the leaf holds the node's block as the resource has it told", deadlineMs: 30_000 },
    );
    const [route] = (await stand.call("node1", "bgp.routes", { prefix: ofLeaf })) as { localPref: number }[];
    assert.equal(route?.localPref, 150);
    await sees("what the node's kernel has of the leaf's", async () => wayTo(ofLeaf), {
      dev: "up0",
      isLinkLocal: true,
    });
  });

  it("beside another has equal ways used side by side, each as it is", async () => {
    const accepted = { localPreference: 150 };
    await stand.apply(
      fabricPeer("second", {
        range: "172.31.0.0/24",
        asNumber: 65010,
        localASNumber: 64999,
        families: ["IPv4"],
        accepted,
      }),
    );
    const hops = async (): Promise<unknown> => {
      const route = (await kernelRoutes(stand, "node1")).find(({ dst }) => dst === ofLeaf) as Ways | undefined;
      return route?.nexthops
        ?.map(({ dev, gateway, via }) => `${gateway ?? via?.host.replace(/::.*/, "::")} ${dev}`)
        .sort();
    };
    await sees("the ways to the leaf", hops, ["172.31.0.1 up1", "fe80:: up0"]);
    await stand.remove("FabricPeer", "second");
    await sees("the way to the leaf", async () => wayTo(ofLeaf), { dev: "up0", isLinkLocal: true });
  });

  it("that falls silent is lost by BFD, long before its hold time", async () => {
    const sinceMs = Date.now();
    await stand.fabric.machine("leaf").exec("ip", ["link", "set", "down0", "down"]);
    const { journal } = await peerIs("fabric/leaf", "has lost its session", ({ phase }) => phase !== "established");
    const lost = journal.findLast(({ from, atMs }) => from === "established" && atMs >= sinceMs);
    assert.match(lost?.reason ?? "", /BFD/, JSON.stringify(journal));
    await sees("the way to the leaf", async () => wayTo(ofLeaf), null);
    await stand.remove("FabricPeer", "leaf");
    await sees("the peers", names, ["peer/tor"]);
  });

  it("of a range may dial, is who its resource says, and sees the AS that it says", async () => {
    await stand.apply(
      fabricPeer("dialling", {
        range: "172.31.0.0/24",
        asNumber: 65010,
        localASNumber: 64999,
        gracefulRestart: { mode: "Helper" },
        families: ["IPv4"],
      }),
    );
    const { localAsn } = await peerIs(
      "fabric/dialling/172.31.0.1",
      "is Established",
      ({ phase }) => phase === "established",
    );
    assert.equal(localAsn, 64999);
    const told = await leaf.show("show protocols all dialling");
    assert.match(told, /Neighbor AS:\s+64999/);
    assert.match(
      told,
      /Neighbor capabilities[\s\S]*Graceful restart\n(?!\s+Restart time: [^\n]*\n\s+AF supported: ipv4)/,
    );
    await stand.remove("FabricPeer", "dialling");
    await sees("the peers", names, ["peer/tor"]);
  });

  it("may be the gateway, whichever that is, and says what is missing where there is none", async () => {
    const { exec } = stand.fabric.machine("node1");
    const others = (await exec("ip", ["route", "show", "default"])).split("\n").filter(Boolean);
    for (const other of others) await exec("ip", ["route", "delete", ...other.trim().split(/\s+/)]);
    await stand.apply(fabricPeer("gateway", { defaultGateway: "IPv4", asNumber: 65010, localASNumber: 64999 }));
    await peerIs("fabric/gateway", "is told of as missing", ({ lastFailure }) => {
      return lastFailure?.text.includes("no default route of IPv4") === true;
    });
    await exec("ip", ["route", "add", "default", "via", "172.31.0.1", "metric", "50"]);
    const { address } = await peerIs("fabric/gateway", "is Established", ({ phase }) => phase === "established");
    assert.equal(address, "172.31.0.1");
    await exec("ip", ["route", "delete", "default", "via", "172.31.0.1"]);
    await peerIs("fabric/gateway", "is lost with the route", ({ phase }) => phase !== "established");
    await stand.remove("FabricPeer", "gateway");
    await sees("the peers", names, ["peer/tor"]);
  });

  it("has the way to it that its resource names", async () => {
    await stand.apply(fabricPeer("far", { peerIP: "10.255.0.1", asNumber: 65010, reachableBy: "172.31.0.1" }));
    await sees("the way to the router", async () => wayTo("10.255.0.1"), { dev: "up1", isLinkLocal: false });
    await stand.remove("FabricPeer", "far");
    await sees("the way to the router", async () => wayTo("10.255.0.1"), null);
  });
});

/** Of a route with several, as iproute2 prints it. */
interface Ways {
  readonly nexthops?: readonly {
    readonly dev: string;
    readonly gateway?: string;
    readonly via?: { readonly host: string };
  }[];
}

function fabricPeer(name: string, spec: FabricPeerSpec): object {
  return { apiVersion: brindleApiVersion, kind: "FabricPeer", metadata: { name }, spec };
}

async function names(): Promise<string[]> {
  const peers = (await stand.call("node1", "bgp.peers")) as { name: string }[];
  return peers.map(({ name }) => name);
}

/** Of the agent's own routes. */
async function wayTo(destination: string): Promise<{ dev: string; isLinkLocal: boolean } | null> {
  const route = (await kernelRoutes(stand, "node1")).find(
    ({ dst, protocol }) => dst === destination && protocol === "214",
  );
  if (!route) return null;
  const { via } = route as { via?: { host?: string } };
  return { dev: route.dev ?? "", isLinkLocal: via?.host?.startsWith("fe80::") === true };
}

async function peerIs(name: string, what: string, is: (peer: PeerDetail) => boolean): Promise<PeerDetail> {
  return waitFor(
    async (saw) => {
      const present = await names();
      saw([present, await stand.status("node1")]);
      if (!present.includes(name)) return false;
      const peer = (await stand.call("node1", "bgp.peer", { name })) as PeerDetail;
      saw(peer);
      return is(peer) && peer;
    },
    { what: `${name} ${what}`, deadlineMs: 30_000 },
  );
}

/** A router at two more links of the node: one without addresses, one with. */
function withLeaf(plan: FabricPlan): FabricPlan {
  const link = (node: readonly string[], leafs: readonly string[], index: number): FabricPlan["links"][number] => {
    return {
      ends: [
        { machine: "node1", name: `up${index}`, addresses: node },
        { machine: "leaf", name: `down${index}`, addresses: leafs },
      ],
    };
  };
  return {
    ...plan,
    machines: [
      ...plan.machines,
      { name: "leaf", forwarding: true, bridges: [], loopback: ["10.255.0.1/32"], routes: [] },
    ],
    links: [...plan.links, link([], [], 0), link(["172.31.0.11/24"], ["172.31.0.1/24"], 1)],
  };
}
