/** `ipam check --report` and `ipam release --from-report`: reports of ours, and of calicoctl's. */
import assert from "node:assert/strict";
import { type IPAMBlock, MemoryStore } from "@brindle/api";
import { beforeEach, describe, it } from "vitest";
import { pool, Rig } from "../testing.ts";
import { endpoint, owner } from "./testing.ts";

const cidr = "10.1.0.0/30";
const numbers = [1790000000000000001n, 1790000000000000002n, 1790000000000000004n] as const;
const block: IPAMBlock = {
  cidr,
  affinity: "host:node1",
  allocations: [0, 1, 2, null],
  unallocated: [3],
  attributes: [owner("web"), owner("gone"), { handle_id: "by-hand", secondary: { note: "router" } }],
  sequenceNumber: 1790000000000000005n,
  sequenceNumberForAllocation: { 0: numbers[0], 1: numbers[1], 2: numbers[2] },
  deleted: false,
};

let rig: Rig;
let store: MemoryStore;

beforeEach(async () => {
  rig = new Rig();
  await rig.run("apply -f -", pool("pods", "10.1.0.0/24"));
  store = new MemoryStore({ data: rig.data });
  const cluster = {
    apiVersion: "projectcalico.org/v3",
    kind: "ClusterInformation",
    metadata: { name: "default" },
  } as const;
  const node = { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name: "node1" }, spec: {} } as const;
  const handles = ["k8s-pod-network.web", "k8s-pod-network.gone", "by-hand", "k8s-pod-network.orphan"];
  await store.commit([
    { op: "create", key: { kind: "IPAMBlock", name: cidr }, value: block },
    {
      op: "create",
      key: { kind: "BlockAffinity", name: `host:node1/${cidr}` },
      value: { state: "confirmed", deleted: false },
    },
    ...handles.map((name) => ({
      op: "create" as const,
      key: { kind: "IPAMHandle" as const, name },
      value: { block: { [cidr]: 1 }, deleted: false },
    })),
    {
      op: "create",
      key: { kind: "WorkloadEndpoint", namespace: "shop", name: endpoint.metadata.name },
      value: endpoint,
    },
    { op: "create", key: { kind: "Node", name: "node1" }, value: node },
    {
      op: "create",
      key: { kind: "ClusterInformation", name: "default" },
      value: { ...cluster, spec: { clusterGUID: "guid", clusterType: "bgp", datastoreReady: true } },
    },
  ]);
});

/** What calicoctl says: only endpoints and nodes' tunnels have addresses. */
function calicos(of: { readonly number?: bigint; readonly guid?: string; readonly revision?: string } = {}): string {
  const sequence = (number: bigint | undefined) => `"sequenceNumber": ${number}`;
  return `{
    "version": "v3.31.0", "clusterGUID": "${of.guid ?? "guid"}", "datastoreLocked": true,
    "clusterInformationRevision": "9", "clusterType": "k8s",
    "allocations": {
      "10.1.0.0": [{"ip": "10.1.0.0", "handle": "k8s-pod-network.web", ${sequence(numbers[0])}, "inUse": true, "owners": ["Workload(shop/web)"]}],
      "10.1.0.1": [{"ip": "10.1.0.1", "handle": "k8s-pod-network.gone", ${sequence(of.number ?? numbers[1])}, "inUse": false, "owners": null}],
      "10.1.0.2": [{"ip": "10.1.0.2", "handle": "by-hand", ${sequence(numbers[2])}, "inUse": false, "owners": null}]
    },
    "leakedHandles": [{"ID": "k8s-pod-network.orphan", "UID": null, "Revision": "${of.revision ?? "none"}"}]
  }`;
}

async function allocations(): Promise<unknown> {
  return (await store.get({ kind: "IPAMBlock", name: cidr }))?.value.allocations;
}

describe("ipam release --from-report", () => {
  it("frees what its own check reported, and nothing else", async () => {
    const checked = await rig.run("ipam check --report /tmp/report.json");
    assert.equal(checked.exitCode, 1, checked.err);
    const text = new TextDecoder().decode(rig.files.get("/tmp/report.json"));
    assert.match(text, /"sequenceNumber": 1790000000000000002,/);
    const { out } = await rig.run("ipam release --from-report /tmp/report.json", text);
    assert.equal(out, "Released 1 IPs successfully\nReleased 1 handles; 0 skipped\n");
    assert.deepEqual(await allocations(), [0, null, 1, null]);
    assert.equal(await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.orphan" }), null);
    assert(await store.get({ kind: "IPAMHandle", name: "by-hand" }));
  });

  it("frees of calicoctl's reports what all of them have, and keeps what may be somebody's", async () => {
    const both = { "a.json": calicos(), "b.json": calicos() };
    const { out } = await rig.run("ipam release --from-report a.json b.json", both);
    assert.match(out, /^Released 1 IPs successfully\n1 of the reported may be in use, or are free already\n/);
    assert.match(out, /Released 0 handles; 1 skipped/);
    assert.deepEqual(await allocations(), [0, null, 1, null]);
  });

  it("keeps what was given anew since, or in but one of them", async () => {
    const newer = { "a.json": calicos(), "b.json": calicos({ number: numbers[1] + 1n }) };
    assert.match((await rig.run("ipam release --from-report a.json b.json", newer)).out, /^Released 0 IPs/);
    const older = calicos({ number: numbers[1] - 1n });
    assert.match((await rig.run("ipam release --from-report a.json", older)).out, /^Released 0 IPs/);
    assert.deepEqual(await allocations(), [0, 1, 2, null]);
  });

  it("forced frees what is of no pod, and never what an endpoint has", async () => {
    const { out } = await rig.run(
      "ipam release --from-report a.json --force",
      calicos().replace('true, "owners"', 'false, "owners"'),
    );
    assert.match(out, /^Released 2 IPs successfully\n1 of the reported may be in use/);
    assert.deepEqual(await allocations(), [0, null, null, null]);
  });

  it("forced frees nothing that an endpoint may have whose addresses cannot be read", async () => {
    const key = `/calico/resources/v3/projectcalico.org/workloadendpoints/shop/${endpoint.metadata.name}`;
    const { entries, revision } = rig.data.snapshot();
    const torn = entries.map((each) => (each.key === key ? { ...each, text: "{" } : each));
    rig.data.restore({ entries: torn, revision });
    const report = calicos().replace('true, "owners"', 'false, "owners"');
    const { out, err } = await rig.run("ipam release --from-report a.json --force", report);
    assert.match(err, /the addresses of shop\/node1-k8s-web-eth0 cannot be read/);
    assert.match(out, /^Released 1 IPs successfully\n2 of the reported may be in use/);
    assert.deepEqual(await allocations(), [0, null, 1, null]);
  });

  const refused: [line: string, input: string, err: RegExp][] = [
    ["ipam release", "", /either --ip or --from-report/],
    ["ipam release --ip 10.1.0.1 --from-report a.json", "", /either --ip or --from-report/],
    ["ipam release --from-report a.json", "{}", /no report of ipam check/],
    ["ipam release --from-report a.json", "ip: 1", /no report of ipam check/],
    [
      "ipam release --from-report a.json --force",
      calicos({ guid: "other" }),
      /report of another cluster: its clusterGUID is not guid/,
    ],
  ];
  it.each(refused)("refuses: %s (%#)", async (line, input, err) => {
    const ended = await rig.run(line, input);
    assert.notEqual(ended.exitCode, 0);
    assert.match(ended.err, err);
    assert.deepEqual(await allocations(), [0, 1, 2, null]);
  });
});
