import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type PoolRanges, rangesOfKubernetes, rangesWithoutKubernetes } from "./poolRanges.ts";

const rows: {
  name: string;
  asked?: string;
  podSubnets: readonly string[] | null;
  nodeCidrs?: readonly string[];
  cidrs: PoolRanges["cidrs"];
  problem?: RegExp;
}[] = [
  { name: "kubeadm's", podSubnets: ["10.244.0.0/16"], cidrs: { 4: "10.244.0.0/16" } },
  {
    name: "kubeadm's of both families",
    podSubnets: ["fd00:244::/48", "10.244.0.0/16"],
    cidrs: { 4: "10.244.0.0/16", 6: "fd00:244::/48" },
  },
  { name: "of IPv6 alone", podSubnets: ["fd00:244::/48"], cidrs: { 6: "fd00:244::/48" } },
  {
    name: "the operator's before kubeadm's",
    asked: "10.9.0.0/16",
    podSubnets: ["10.244.0.0/16"],
    cidrs: { 4: "10.9.0.0/16" },
  },
  {
    name: "the operator's where there is no kubeadm",
    asked: "10.9.0.0/16",
    podSubnets: null,
    cidrs: { 4: "10.9.0.0/16" },
  },
  {
    name: "none where kubeadm was given none",
    podSubnets: [],
    cidrs: {},
    problem: /PodCidrMissing no IPPool: .*--pod-network-cidr/,
  },
  {
    name: "none where there is no kubeadm, with what the node has of it as a hint",
    podSubnets: null,
    nodeCidrs: ["10.244.1.0/24"],
    cidrs: {},
    problem: /10\.244\.1\.0\/24, which this node has of it, is a part/,
  },
  {
    name: "none of what is no network",
    podSubnets: ["pods"],
    cidrs: {},
    problem: /PodCidrUnreadable .*podSubnet pods is no network/,
  },
];

describe("the first pools of a cluster of Kubernetes have ranges that are", () => {
  for (const { name, asked = null, podSubnets, nodeCidrs = [], cidrs, problem } of rows) {
    it(name, () => {
      const ranges = rangesOfKubernetes(asked, { podSubnets, nodeCidrs });
      assert.deepEqual(ranges.cidrs, cidrs);
      const said = ranges.problem ? `${ranges.problem.code} ${ranges.problem.text}` : "";
      assert.match(said, problem ?? /^$/);
    });
  }
});

describe("the first pools of a cluster without Kubernetes", () => {
  it("are of the families that its node has addresses of", () => {
    const random = Uint8Array.of(1, 2, 3, 4, 5);
    assert.deepEqual(rangesWithoutKubernetes(null, { families: [4], random }).cidrs, { 4: "192.168.0.0/16" });
    assert.deepEqual(rangesWithoutKubernetes("10.9.0.0/16", { families: [4, 6], random }).cidrs, {
      4: "10.9.0.0/16",
      6: "fd01:203:405::/48",
    });
  });
});
