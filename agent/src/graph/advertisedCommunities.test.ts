import assert from "node:assert/strict";
import type { BGPConfiguration } from "@brindle/api";
import { describe, it } from "vitest";
import { withCommunities } from "./advertisedCommunities.ts";

type Specs = Readonly<Record<string, BGPConfiguration["spec"]>>;

function told(specs: Specs, ...prefixes: string[]) {
  const configurations = new Map(
    Object.entries(specs).map(([name, spec]): [string, BGPConfiguration] => {
      return [name, { apiVersion: "projectcalico.org/v3", kind: "BGPConfiguration", metadata: { name }, spec }];
    }),
  );
  return withCommunities(prefixes, "node1", configurations);
}

const cluster: Specs = {
  default: {
    communities: [{ name: "pods", value: "64512:100" }],
    prefixAdvertisements: [
      { cidr: "10.244.0.0/16", communities: ["pods"] },
      { cidr: "10.244.3.0/24", communities: ["64512:7:7", "pods"] },
      { cidr: "fd00:244::/48", communities: ["64512:6"] },
    ],
  },
};

describe("prefixes of a node", () => {
  it("carry nothing where nothing is said", () => {
    assert.deepEqual(told({}, "10.244.3.0/26"), ["10.244.3.0/26"]);
    assert.deepEqual(told({ default: {} }, "10.244.3.0/26"), ["10.244.3.0/26"]);
  });

  it("carry what every network that holds them says, once", () => {
    assert.deepEqual(told(cluster, "10.244.3.0/26", "10.244.4.0/26", "10.0.0.0/8", "fd00:244::/122"), [
      { prefix: "10.244.3.0/26", communities: ["64512:100", "64512:7:7"] },
      { prefix: "10.244.4.0/26", communities: ["64512:100"] },
      "10.0.0.0/8",
      { prefix: "fd00:244::/122", communities: ["64512:6"] },
    ]);
  });

  it("carry what the node's own configuration says in place of the cluster's", () => {
    const own: Specs = {
      "node.node1": {
        communities: [{ name: "rack", value: "64512:1" }],
        prefixAdvertisements: [{ cidr: "10.244.0.0/16", communities: ["rack", "pods"] }],
      },
      "node.node2": { prefixAdvertisements: [{ cidr: "0.0.0.0/0", communities: ["64512:9"] }] },
    };
    assert.deepEqual(told({ ...cluster, ...own }, "10.244.3.0/26", "fd00:244::/122"), [
      { prefix: "10.244.3.0/26", communities: ["64512:1", "64512:100"] },
      "fd00:244::/122",
    ]);
  });
});
