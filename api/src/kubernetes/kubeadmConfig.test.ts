import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { podSubnetsOf, serviceSubnetsOf } from "./kubeadmConfig.ts";

const written = (networking: string) => ({
  ClusterConfiguration: `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:${networking}\n`,
});

const rows: { name: string; data: unknown; subnets: readonly string[] }[] = [
  { name: "the one that it was given", data: written("\n  podSubnet: 10.244.0.0/16"), subnets: ["10.244.0.0/16"] },
  {
    name: "both of two families",
    data: written("\n  podSubnet: 10.244.0.0/16, fd00:244::/48"),
    subnets: ["10.244.0.0/16", "fd00:244::/48"],
  },
  { name: "none where it was given none", data: written("\n  serviceSubnet: 10.96.0.0/12"), subnets: [] },
  { name: "none of a network that is empty", data: written(" {}"), subnets: [] },
  { name: "none of what is no YAML", data: { ClusterConfiguration: "networking: [" }, subnets: [] },
  { name: "none of a ConfigMap without it", data: {}, subnets: [] },
  { name: "none of a ConfigMap without data", data: undefined, subnets: [] },
];

describe("kubeadm's range of pods", () => {
  for (const { name, data, subnets } of rows) {
    it(`is ${name}`, () => assert.deepEqual(podSubnetsOf({ metadata: { name: "kubeadm-config" }, data }), subnets));
  }
});

describe("kubeadm's range of Services", () => {
  it("is beside that of pods", () => {
    const data = written("\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12,fd00:96::/112");
    assert.deepEqual(serviceSubnetsOf({ metadata: { name: "kubeadm-config" }, data }), [
      "10.96.0.0/12",
      "fd00:96::/112",
    ]);
  });
});
