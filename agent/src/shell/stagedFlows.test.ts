import assert from "node:assert/strict";
import { apiVersion, type HostEndpoint, type Key, type WatchEvent, type WorkloadEndpoint } from "@brindle/api";
import { type Address, type Flow, type FlowTuple, parseAddress } from "@brindle/net";
import type { FlowEventsOptions } from "@brindle/net/shell";
import {
  ChainVerdicts,
  type HostInterfaces,
  type NodeNetwork,
  type Packet,
  PolicyGraph,
  type PolicyResource,
  type PolicyUpdate,
  quietSettings,
  type StagedPolicy,
  type StagedVerdict,
} from "@brindle/policy";
import { afterEach, describe, it, vi } from "vitest";
import { StagedFlows } from "./stagedFlows.ts";

function address(text: string): Address {
  return parseAddress(text) ?? assert.fail(`${text} is no address`);
}

const pod = (name: string, ip: string): WorkloadEndpoint => ({
  apiVersion,
  kind: "WorkloadEndpoint",
  metadata: { name, namespace: "shop", labels: { app: name } },
  spec: {
    orchestrator: "k8s",
    node: "node1",
    endpoint: "eth0",
    interfaceName: `cali${name}`,
    ipNetworks: [`${ip}/32`],
    profiles: ["all"],
  },
});
const all: PolicyResource = {
  apiVersion,
  kind: "Profile",
  metadata: { name: "all" },
  spec: { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] },
};
const uplink: HostEndpoint = {
  apiVersion,
  kind: "HostEndpoint",
  metadata: { name: "uplink", labels: { role: "uplink" } },
  spec: { node: "node1", expectedIPs: ["203.0.113.1"], profiles: ["all"] },
};
const stage = (kind: StagedPolicy["kind"], name: string, spec: object): StagedPolicy =>
  ({
    apiVersion,
    kind,
    metadata: { name, ...(kind === "StagedNetworkPolicy" && { namespace: "shop" }) },
    spec,
  }) as StagedPolicy;
const denyWeb = stage("StagedNetworkPolicy", "tighter", {
  selector: "app == 'db'",
  ingress: [{ action: "Deny", source: { selector: "app == 'web'" } }, { action: "Allow" }],
});

function keyOf({ kind, metadata: { name, namespace } }: PolicyResource | StagedPolicy): Key {
  return { kind, name, ...(namespace !== undefined && { namespace }) };
}

function tuple(source: string, destination: string): FlowTuple {
  return {
    source: address(source),
    destination: address(destination),
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 80,
  };
}

function flow(source: string, destination: string, more: Partial<Flow> = {}): Flow {
  const reply = { ...tuple(destination, source), sourcePort: 80, destinationPort: 40_000 };
  return { original: tuple(source, destination), reply, zone: 0, mark: 0, isExpected: false, ...more };
}

/** A node whose conntrack and datastore say what the test says. */
class Rig {
  readonly wouldDeny: { packet: Packet; staged: StagedVerdict }[] = [];
  readonly health: (string | null)[] = [];
  readonly flows: StagedFlows;
  nowMs = 0;
  opens = 0;
  closed = 0;
  stopped = 0;
  failure: Error | null = null;
  hostInterfaces: HostInterfaces = new Map();
  #listener: (event: WatchEvent) => void = () => {};
  #events: FlowEventsOptions | null = null;
  readonly #inForce = new PolicyGraph({ node: "node1" });
  readonly #told: PolicyUpdate[] = [];

  constructor(...resources: readonly PolicyResource[]) {
    for (const value of resources) this.tell(value);
    const network: NodeNetwork = {
      isOwn: ({ value }) => value === address("203.0.113.1").value,
      towards: () => ["eth0"],
    };
    this.flows = new StagedFlows("node1", {
      store: {
        watch: (_, listener) => {
          this.#listener = listener;
          return { stop: async () => void this.stopped++, stalenessMs: () => 0 };
        },
      },
      api: null,
      open: async (options) => {
        this.opens += 1;
        if (this.failure) throw this.failure;
        this.#events = options;
        const close = (): void => void this.closed++;
        return { close, [Symbol.dispose]: close };
      },
      nowMs: () => this.nowMs,
      told: () => this.#told,
      settings: () => quietSettings,
      verdicts: () => this.#verdicts(),
      policiesFor: (endpoint, direction) => this.#inForce.policiesFor(endpoint, direction),
      hostInterfaces: () => this.hostInterfaces,
      network: () => network,
      onWouldDeny: (packet, staged) => this.wouldDeny.push({ packet, staged }),
      onMissed: () => {},
      onHealth: (problem) => this.health.push(problem),
    });
  }

  tell(value: PolicyResource): void {
    const update = { key: keyOf(value) as PolicyUpdate["key"], value };
    this.#inForce.receive(update);
    this.#told.push(update);
    this.flows?.receive(update);
  }

  stage(value: StagedPolicy): void {
    this.#listener({ type: "changed", item: { key: keyOf(value), value, revision: "1" } } as WatchEvent);
  }

  event(event: WatchEvent): void {
    this.#listener(event);
  }

  async listening(): Promise<void> {
    await vi.waitFor(() => assert.notEqual(this.#events, null));
  }

  opened(...flows: readonly Flow[]): string[] {
    this.wouldDeny.length = 0;
    for (const one of flows) this.#events?.onFlow(one);
    return this.wouldDeny.map(({ staged }) => staged.by);
  }

  #verdicts(): ChainVerdicts {
    this.#inForce.setHostInterfaces(this.hostInterfaces);
    return new ChainVerdicts(this.#inForce.desired());
  }
}

const webToDb = flow("10.0.0.1", "10.0.0.2");
const pods = [all, pod("web", "10.0.0.1"), pod("db", "10.0.0.2")];

describe("flows and what is staged", () => {
  let rig: Rig;
  afterEach(() => rig.flows.end());

  it("are not listened to while nobody watches, or nothing is staged", async () => {
    rig = new Rig(...pods);
    rig.stage(denyWeb);
    assert.equal(rig.opens, 0);
    rig.flows.setOn(true);
    assert.equal(
      rig.flows.of((verdicts) => verdicts.of({ packet: tuple("10.0.0.1", "10.0.0.2") })),
      null,
    );
    assert.equal(rig.opens, 0);
    rig.stage(denyWeb);
    await rig.listening();
    assert.equal(rig.opens, 1);
  });

  it("are told where they would be denied, and were allowed", async () => {
    rig = new Rig(...pods);
    rig.flows.setOn(true);
    rig.stage(denyWeb);
    await rig.listening();
    const by = "StagedNetworkPolicy shop/tighter, ingress rule 0";
    assert.deepEqual(rig.opened(webToDb, flow("10.0.0.2", "10.0.0.1")), [by]);
    assert.deepEqual(rig.wouldDeny[0]?.staged.endpoint, "shop/db");
    assert.deepEqual(rig.opened({ ...webToDb, isExpected: true }), []);
    // By now policy denies it anyway.
    rig.tell({
      apiVersion,
      kind: "NetworkPolicy",
      metadata: { name: "closed", namespace: "shop" },
      spec: { selector: "app == 'db'", order: 0, ingress: [{ action: "Deny" }] },
    });
    rig.nowMs += 1_000;
    assert.deepEqual(rig.opened(webToDb), []);
  });

  it("are judged by what is told meanwhile, no oftener than each second", async () => {
    rig = new Rig(...pods);
    rig.flows.setOn(true);
    rig.stage(stage("StagedNetworkPolicy", "other", { selector: "app == 'none'" }));
    await rig.listening();
    assert.equal(rig.opened(webToDb).length, 0);
    rig.stage(denyWeb);
    rig.nowMs = 999;
    assert.equal(rig.opened(webToDb).length, 0);
    rig.nowMs = 1_000;
    assert.equal(rig.opened(webToDb).length, 1);
    rig.stage({ ...denyWeb, spec: { ...denyWeb.spec, stagedAction: "Ignore" } } as StagedPolicy);
    rig.nowMs = 2_000;
    assert.equal(rig.opened(webToDb).length, 0);
  });

  it("are judged at host endpoints, whose interfaces are found by their addresses", async () => {
    rig = new Rig(...pods, uplink);
    rig.hostInterfaces = new Map([["eth0", [address("203.0.113.1")]]]);
    rig.flows.setOn(true);
    rig.stage(stage("StagedGlobalNetworkPolicy", "nodes", { selector: "role == 'uplink'", types: ["Ingress"] }));
    await rig.listening();
    const fromAfar = flow("198.51.100.9", "203.0.113.1");
    assert.deepEqual(rig.opened(fromAfar), ["StagedGlobalNetworkPolicy nodes: no policy allows it"]);
    assert.equal(rig.wouldDeny[0]?.staged.endpoint, "HostEndpoint uplink");
    rig.hostInterfaces = new Map([["eth1", [address("203.0.113.1")]]]);
    rig.nowMs = 1_000;
    assert.deepEqual(rig.opened(fromAfar), [], "it is for the other interface by now");
  });

  it("are looked at no oftener than a thousand times a second", async () => {
    rig = new Rig(...pods);
    rig.flows.setOn(true);
    rig.stage(denyWeb);
    await rig.listening();
    assert.equal(rig.opened(...Array<Flow>(1_500).fill(webToDb)).length, 1_000);
    rig.nowMs = 500;
    assert.equal(rig.opened(...Array<Flow>(1_500).fill(webToDb)).length, 500);
  });

  it("are forgotten with the last who watches", async () => {
    rig = new Rig(...pods);
    rig.flows.setOn(true);
    rig.stage(denyWeb);
    await rig.listening();
    rig.flows.setOn(false);
    await rig.flows.end();
    assert.deepEqual([rig.closed, rig.stopped], [1, 1]);
    assert.equal(rig.health.at(-1), null);
    assert.deepEqual(rig.opened(webToDb), []);
  });

  it("say why they are not told", async () => {
    rig = new Rig(...pods);
    rig.failure = new Error("no such group");
    rig.flows.setOn(true);
    rig.event({ type: "undecodable", key: keyOf(denyWeb), reason: "is no JSON" } as WatchEvent);
    assert.match(
      rig.health.at(-1) ?? "",
      /^StagedNetworkPolicy.*tighter.* cannot be read, and counts for nothing: is no JSON$/,
    );
    rig.stage(denyWeb);
    await vi.waitFor(() =>
      assert.match(rig.health.at(-1) ?? "", /staged policies would deny are not told: no such group$/),
    );
  });
});
