import assert from "node:assert/strict";
import type { IPPool, Node } from "@brindle/api";
import { parseCidr } from "@brindle/net";
import { describe, it } from "vitest";
import type { Candidate } from "./addresses.ts";
import { ownRangeMistakes, poolMistakes } from "./rangeMistakes.ts";

function on(interfaceName: string, text: string): Candidate {
  const cidr = parseCidr(text);
  assert(cidr);
  return { interfaceName, cidr };
}

const candidates = [
  on("lo", "127.0.0.1/8"),
  on("eth0", "172.30.1.11/24"),
  on("eth0", "fd00:30:1::11/64"),
  on("eth0", "fe80::1/64"),
  on("vxlan.calico", "10.244.3.0/32"),
];
const serviceCidrs = ["10.96.0.0/12", "fd00:96::/112"];

const rows: { name: string; cidr: string; disabled?: boolean; says: RegExp | null }[] = [
  { name: "nothing of a range that nobody has", cidr: "10.244.0.0/16", says: null },
  { name: "nothing of one beside the node's", cidr: "172.30.2.0/24", says: null },
  {
    name: "one around the node's network",
    cidr: "172.16.0.0/12",
    says: /^PodCidrOverlapsNodes IPPool pods: 172\.16\.0\.0\/12 overlaps with the network 172\.30\.1\.11\/24 of eth0$/,
  },
  { name: "one within it", cidr: "172.30.1.128/26", says: /^PodCidrOverlapsNodes/ },
  { name: "one of IPv6", cidr: "fd00:30::/32", says: /^PodCidrOverlapsNodes/ },
  { name: "nothing of what is said of link-local addresses", cidr: "fe80::/64", says: null },
  {
    name: "one that Services have",
    cidr: "10.100.0.0/16",
    says: /^PodCidrOverlapsServices IPPool pods: 10\.100\.0\.0\/16 overlaps with the range of Services, 10\.96\.0\.0\/12$/,
  },
  { name: "one around all Services of IPv6", cidr: "fd00::/16", says: /^PodCidrOverlapsNodes/ },
  { name: "nothing of one that gives no addresses any more", cidr: "172.16.0.0/12", disabled: true, says: null },
];

describe("pools that overlap with what is there already", () => {
  for (const { name, cidr, disabled, says } of rows) {
    it(`are told of: ${name}`, () => {
      const pool: IPPool = {
        apiVersion: "projectcalico.org/v3",
        kind: "IPPool",
        metadata: { name: "pods" },
        spec: { cidr, ...(disabled && { disabled }) },
      };
      const found = poolMistakes([pool], { candidates, serviceCidrs }).map(({ code, text }) => `${code} ${text}`);
      assert.equal(found.length, says ? 1 : 0);
      if (says) assert.match(found[0] ?? "", says);
    });
  }
});

describe("a node that is to use its podCIDR", () => {
  const node = (podCIDRs: readonly string[]): Node => ({
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name: "node1" },
    spec: {},
    status: { podCIDRs },
  });

  it("is told of where it has none, and not before it is known", () => {
    const missing = [{ code: "NodeRangeMissing", text: "the Node node1 has no podCIDRs" }];
    assert.deepEqual(ownRangeMistakes(node([]), true), missing);
    assert.deepEqual(ownRangeMistakes(node(["10.244.3.0/24"]), true), []);
    assert.deepEqual(ownRangeMistakes(node([]), false), []);
    assert.deepEqual(ownRangeMistakes(undefined, true), []);
  });
});
