import assert from "node:assert/strict";
import { apiVersion, type WorkloadEndpoint } from "@brindle/api";
import { formatAddress, formatPrefix, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { ClusterState } from "./clusterState.ts";
import { floatingAddresses } from "./floatingAddresses.ts";

type Nat = readonly [floating: string, own: string];

function endpoint(pod: string, node: string, ownAddresses: readonly string[], nats: readonly Nat[]): WorkloadEndpoint {
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { namespace: "shop", name: `${node}-k8s-${pod}-eth0` },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0" },
      ipNetworks: ownAddresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
      ipNATs: nats.map(([externalIP, internalIP]) => ({ externalIP, internalIP })),
    },
  };
}

function receive(state: ClusterState, ...endpoints: readonly WorkloadEndpoint[]): void {
  for (const value of endpoints) {
    const { namespace = "", name } = value.metadata;
    state.receive({ kind: "WorkloadEndpoint", namespace, name }, value);
  }
}

function stateWith(floatingIPs: "Enabled" | "Disabled", ...endpoints: readonly WorkloadEndpoint[]): ClusterState {
  const state = new ClusterState();
  for (const [name, cidr] of [
    ["v4", "192.0.2.0/24"],
    ["v6", "2001:db8::/64"],
  ] as const) {
    state.receive({ kind: "IPPool", name }, { apiVersion, kind: "IPPool", metadata: { name }, spec: { cidr } });
  }
  state.receive(
    { kind: "FelixConfiguration", name: "default" },
    { apiVersion, kind: "FelixConfiguration", metadata: { name: "default" }, spec: { floatingIPs } },
  );
  receive(state, ...endpoints);
  return state;
}

function told(state: ClusterState): { here: string[]; problems: string[] } {
  const { here, problems } = floatingAddresses("n1", state);
  return {
    here: here.map(({ floating, own, pod }) => `${formatAddress(floating)} ${formatAddress(own)} ${pod}`),
    problems: [...problems].map((entry) => entry.join(" ")),
  };
}

const web = endpoint(
  "web",
  "n1",
  ["10.65.0.3", "fd65::3"],
  [
    ["192.0.2.9", "10.65.0.3"],
    ["2001:db8::9", "fd65::3"],
  ],
);
const ofWeb = ["192.0.2.9 10.65.0.3 shop/web", "2001:db8::9 fd65::3 shop/web"];

describe("floating addresses", () => {
  const cases: { name: string; endpoints: WorkloadEndpoint[]; enabled?: "Disabled"; here: string[]; says: RegExp[] }[] =
    [
      { name: "are those of the node's endpoints", endpoints: [web], here: ofWeb, says: [] },
      {
        name: "are none where the cluster does not have them, and it is said",
        endpoints: [web],
        enabled: "Disabled",
        here: [],
        says: [/^WorkloadEndpoint shop\/n1-k8s-web-eth0 spec\.ipNATs: 2001:db8::9 is without effect, as floatingIPs/],
      },
      {
        name: "of other nodes are theirs",
        endpoints: [endpoint("far", "n2", ["10.65.0.4"], [["192.0.2.9", "10.65.0.4"]])],
        here: [],
        says: [],
      },
      {
        name: "that two claim float to the first by name, wherever it is",
        endpoints: [web, endpoint("far", "n0", ["10.65.0.4"], [["192.0.2.9", "10.65.0.4"]])],
        here: ofWeb.slice(1),
        says: [/192\.0\.2\.9 floats to the pod shop\/far already$/],
      },
      {
        name: "are in an IPPool",
        endpoints: [endpoint("web", "n1", ["10.65.0.3"], [["203.0.113.9", "10.65.0.3"]])],
        here: [],
        says: [/203\.0\.113\.9 is in no IPPool$/],
      },
      {
        name: "are nobody's own",
        endpoints: [web, endpoint("victim", "n2", ["192.0.2.9"], [])],
        here: ofWeb.slice(1),
        says: [/192\.0\.2\.9 is the own address of the WorkloadEndpoint shop\/n2-k8s-victim-eth0$/],
      },
      {
        name: "stand for an address of their pod, of their family, and for another one than themselves",
        endpoints: [
          endpoint(
            "web",
            "n1",
            ["10.65.0.3"],
            [
              ["192.0.2.9", "10.65.0.4"],
              ["2001:db8::9", "10.65.0.3"],
              ["10.65.0.3", "10.65.0.3"],
            ],
          ),
        ],
        here: [],
        says: [],
      },
    ];
  for (const { name, endpoints, enabled = "Enabled", here, says } of cases) {
    it(name, () => {
      for (const order of [endpoints, endpoints.toReversed(), [...endpoints, ...endpoints]]) {
        const { here: found, problems } = told(stateWith(enabled, ...order));
        assert.deepEqual(found.toSorted(), here.toSorted());
        for (const [at, pattern] of says.entries()) assert.match(problems.toSorted().toReversed()[at] ?? "", pattern);
        if (says.length === 0) assert.deepEqual(problems, []);
      }
    });
  }

  it("float on to who comes next, and are claimed by nobody once all are gone", () => {
    const far = endpoint("far", "n0", ["10.65.0.4"], [["192.0.2.9", "10.65.0.4"]]);
    const state = stateWith("Enabled", web, far);
    assert.deepEqual(state.floating.claimed().map(formatPrefix).sort(), ["192.0.2.9/32", "2001:db8::9/128"]);
    const { namespace = "", name } = far.metadata;
    state.receive({ kind: "WorkloadEndpoint", namespace, name }, null);
    assert.deepEqual(told(state).here.toSorted(), ofWeb);
    receive(state, { ...web, spec: { ...web.spec, ipNATs: [] } });
    assert.deepEqual([told(state).here, state.floating.claimed()], [[], []]);
  });

  it("are heard to be somebody's own whenever that comes to be, and ceases", () => {
    const state = stateWith("Enabled", web);
    const address = parseAddress("192.0.2.9");
    assert(address);
    const victim = endpoint("victim", "n2", ["192.0.2.9"], []);
    receive(state, victim);
    assert.equal(state.floating.ownerOf(address), "shop/n2-k8s-victim-eth0");
    receive(state, { ...victim, spec: { ...victim.spec, ipNetworks: ["192.0.2.77/32"] } });
    assert.equal(state.floating.ownerOf(address), null);
    assert.deepEqual(told(state).here.toSorted(), ofWeb);
  });

  it("have no owner that went while nothing floated", () => {
    const state = stateWith("Enabled", web, endpoint("victim", "n2", ["192.0.2.9"], []));
    for (const name of ["n1-k8s-web-eth0", "n2-k8s-victim-eth0"])
      state.receive({ kind: "WorkloadEndpoint", namespace: "shop", name }, null);
    receive(state, web);
    assert.deepEqual(told(state), { here: ofWeb, problems: [] });
  });
});
