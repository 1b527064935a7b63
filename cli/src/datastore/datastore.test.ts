import assert from "node:assert/strict";
import { type AnyKindOfResource, apiVersion, brindleApiVersion, type IPAMBlock, type Node } from "@brindle/api";
import { describe, it } from "vitest";
import { pool, Rig } from "../testing.ts";
import type { Archive } from "./archive.ts";
import { formatArchive, parseArchive } from "./archiveText.ts";
import { renameNodes } from "./renameNodes.ts";

const node: Node = {
  kind: "Node",
  apiVersion,
  metadata: { name: "etcd-1" },
  spec: { bgp: { ipv4Address: "192.0.2.11/24" }, orchRefs: [{ nodeName: "kube-1", orchestrator: "k8s" }] },
};

const block: IPAMBlock = {
  cidr: "10.0.0.0/30",
  affinity: "host:etcd-1",
  allocations: [0, 1, null, null],
  unallocated: [2, 3],
  attributes: [
    { handle_id: "k8s-pod-network.c1", secondary: { node: "etcd-1", pod: "web-0", namespace: "prod" } },
    { handle_id: "vxlan-tunnel-addr-etcd-1", secondary: { node: "etcd-1", type: "vxlanTunnelAddress" } },
  ],
  sequenceNumber: 1_800_000_000_000_000_123n,
  sequenceNumberForAllocation: { "0": 1_800_000_000_000_000_001n },
  deleted: false,
};

const archive: Archive = {
  resources: [
    node,
    {
      kind: "BGPConfiguration",
      apiVersion,
      metadata: { name: "node.etcd-1" },
      spec: { asNumber: 65_001, aFieldOfTomorrow: { deep: [1, 2] } },
    } as unknown as AnyKindOfResource,
    { kind: "BGPPeer", apiVersion, metadata: { name: "tor" }, spec: { node: "etcd-1", peerIP: "192.0.2.1" } },
    {
      kind: "WorkloadEndpoint",
      apiVersion,
      metadata: { name: "etcd--1-k8s-web--0-eth0", namespace: "prod" },
      spec: { orchestrator: "k8s", node: "etcd-1", pod: "web-0", endpoint: "eth0" },
    },
    { kind: "Profile", apiVersion, metadata: { name: "kns.prod" }, spec: { ingress: [{ action: "Allow" }] } },
    {
      kind: "AgentConfiguration",
      apiVersion: brindleApiVersion,
      metadata: { name: "node.etcd-1" },
      spec: {},
    } as unknown as AnyKindOfResource,
  ],
  clusterInformation: {
    kind: "ClusterInformation",
    apiVersion,
    metadata: { name: "default" },
    spec: { clusterGUID: "0123", datastoreReady: false },
  },
  ipam: {
    affinities: [
      {
        key: { kind: "BlockAffinity", name: "host:etcd-1/10.0.0.0/30" },
        value: { state: "confirmed", deleted: false },
      },
    ],
    blocks: [{ key: { kind: "IPAMBlock", name: "10.0.0.0/30" }, value: block }],
    handles: [
      {
        key: { kind: "IPAMHandle", name: "vxlan-tunnel-addr-etcd-1" },
        value: { block: { "10.0.0.0/30": 1 }, deleted: false },
      },
    ],
    config: null,
  },
};

describe("the text of an archive", () => {
  const text = formatArchive(archive);

  it("gives the archive back, 64-bit numbers and unknown fields included", () => {
    const { resources, ...rest } = parseArchive({ name: "a file", text });
    const inOrder = (list: readonly AnyKindOfResource[]) => [...list].sort((a, b) => (a.kind < b.kind ? -1 : 1));
    assert.deepEqual({ resources: inOrder(resources), ...rest }, { ...archive, resources: inOrder(archive.resources) });
  });

  it("gives back a text that ends as the lines between its parts do", () => {
    const metadata = { name: "tor", annotations: { note: "=== rack 1 ===\n===\nthe upper one ===" } };
    const spec = { node: "etcd-1", peerIP: "192.0.2.1" };
    const resources: AnyKindOfResource[] = [{ kind: "BGPPeer", apiVersion, metadata, spec }];
    const written = formatArchive({ ...archive, resources });
    assert.deepEqual(parseArchive({ name: "a file", text: written }).resources, resources);
  });

  it("has three parts, of which a reader that knows no comments sees Calico's kinds alone", () => {
    const [resources = "", cluster = "", ipam = ""] = text.split("===\n");
    const seen = resources.split("\n").filter((line) => !line.startsWith("#"));
    assert.equal(
      seen.some((line) => /WorkloadEndpoint|Profile|AgentConfiguration/.test(line)),
      false,
    );
    assert.ok(seen.includes("kind: BGPPeerList"));
    assert.match(cluster, /"clusterGUID": "0123"/);
    assert.match(ipam, /"Key": "\/calico\/ipam\/v2\/assignment\/ipv4\/block\/10\.0\.0\.0-30"/);
    assert.match(ipam, /"sequenceNumber": 1800000000000000123/);
  });

  for (const { name, broken, says } of [
    {
      name: "a part that is missing",
      broken: text.slice(0, text.indexOf("===")),
      says: /has 1 parts between lines of ===/,
    },
    { name: "JSON that is cut", broken: text.slice(0, -20), says: /should be JSON is not/ },
    {
      name: "a kind that nobody knows",
      broken: text.replaceAll("kind: BGPPeer\n", "kind: BGPPear\n"),
      says: /no kind "BGPPear"/,
    },
    {
      name: "a key of another tree",
      broken: text.replace("/calico/ipam/v2/handle/", "/calico/x/"),
      says: /is no key of an IPAMHandle/,
    },
    {
      name: "a value of the wrong type",
      broken: text.replace("peerIP: 192.0.2.1", "peerIP: [1]"),
      says: /BGPPeer tor: spec\.peerIP/,
    },
  ]) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => parseArchive({ name: "a file", text: broken }), says);
    });
  }
});

describe("nodes get the names that Kubernetes has for them", () => {
  const { archive: renamed, withoutReference } = renameNodes(archive);
  const text = formatArchive(renamed);

  it("wherever they are named", () => {
    assert.deepEqual(withoutReference, []);
    // What is left is the node's own record of where it came from: none.
    assert.equal(/etcd-1/.test(text), false, text);
    assert.match(text, /name: node\.kube-1/);
    assert.match(text, /name: kube--1-k8s-web--0-eth0/);
    assert.match(text, /"affinity": "host:kube-1"/);
    assert.match(text, /host\/kube-1\/ipv4\/block/);
    assert.match(text, /vxlan-tunnel-addr-kube-1/);
  });

  it("and keep their own where they name none", () => {
    const alone = { ...archive, resources: [{ ...node, spec: {} }] };
    assert.deepEqual(renameNodes(alone), { archive: alone, withoutReference: ["etcd-1"] });
  });
});

describe("brindlectl datastore", () => {
  it("exports only what is locked", async () => {
    const rig = new Rig();
    await rig.run("apply -f x", pool("pods", "10.0.0.0/16"));
    assert.match((await rig.run("datastore export")).err, /not locked; run `brindlectl datastore lock`/);
    assert.equal((await rig.run("datastore lock")).out, "the datastore is locked\n");
    assert.equal((await rig.run("datastore migrate lock")).out, "the datastore was locked before\n");
    const { exitCode, out } = await rig.run("datastore export");
    assert.equal(exitCode, 0);
    assert.match(out, /cidr: 10\.0\.0\.0\/16/);
  });

  it("imports into an empty datastore, again after an interruption, and never over something else", async () => {
    const source = new Rig();
    await source.run("apply -f x", pool("pods", "10.0.0.0/16"));
    await source.run("datastore lock");
    const { out: exported } = await source.run("datastore export");

    const target = new Rig();
    assert.match(
      (await target.run("datastore import -f x", exported)).out,
      /^1 objects imported, 0 were there already\n/,
    );
    assert.match(
      (await target.run("datastore migrate import -f x", exported)).out,
      /^0 objects imported, 1 were there/,
    );
    assert.match((await target.run("get clusterinfo -o yaml")).out, /datastoreReady: false/);
    assert.equal((await target.run("datastore unlock")).out, "the datastore is unlocked\n");

    const other = new Rig();
    await other.run("apply -f x", pool("pods", "10.9.0.0/16"));
    const refused = await other.run("datastore import -f x", exported);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.err, /IPPool\(pods\) is there already and differs\nnothing was changed/);
    assert.match((await other.run("get ippools")).out, /10\.9\.0\.0\/16/);
  });
});
