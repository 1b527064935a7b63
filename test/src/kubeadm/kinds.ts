/** Calico's kinds as an operator of Kubernetes meets them: applied, explained and listed by nothing but kubectl. */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { apply } from "./pods.ts";

interface Listed {
  readonly object: { readonly kind: string; readonly metadata: object; readonly spec: object };
  /** As `kubectl get` takes it. */
  readonly resource: string;
  /** A path in it, and a word that its explanation cannot do without. */
  readonly explained: readonly [path: string, word: RegExp];
  /** The header of its table, but the last two columns, which all have, and its row. */
  readonly columns: string;
  readonly row: string;
}

const listed: readonly Listed[] = [
  {
    object: { kind: "IPPool", metadata: { name: "spare" }, spec: { cidr: "10.99.0.0/24", disabled: true } },
    resource: "ippools/spare",
    explained: ["ippools.spec.blockSize", /length of a block/],
    columns: "NAME CIDR SELECTOR",
    row: "spare 10.99.0.0/24 all()",
  },
  {
    object: {
      kind: "BGPPeer",
      metadata: { name: "rack" },
      spec: { peerIP: "172.30.0.77", asNumber: 65001, node: "node77" },
    },
    resource: "bgppeers/rack",
    explained: ["bgppeers.spec.peerIP", /router: its address/],
    columns: "NAME PEERIP NODE ASN",
    row: "rack 172.30.0.77 node77 65001",
  },
  {
    object: {
      kind: "GlobalNetworkPolicy",
      metadata: { name: "idle" },
      spec: { order: 10, selector: "has(none)", types: ["Ingress"] },
    },
    resource: "globalnetworkpolicies/idle",
    explained: ["globalnetworkpolicies.spec.order", /lowest number/],
    columns: "NAME TIER",
    row: "idle default",
  },
  {
    object: { kind: "GlobalNetworkSet", metadata: { name: "partners" }, spec: { nets: ["203.0.113.0/24"] } },
    resource: "globalnetworksets/partners",
    explained: ["globalnetworksets.spec.nets", /Networks and addresses/],
    columns: "NAME",
    row: "partners",
  },
];

export function describeKinds(cluster: () => Cluster): void {
  describe("kubectl", () => {
    for (const { object, resource, explained, columns, row } of listed) {
      it(`applies, explains and lists ${object.kind}`, async () => {
        const { kubectl } = cluster();
        await apply(cluster(), { apiVersion: "projectcalico.org/v3", ...object });
        const [path, word] = explained;
        const explanation = await kubectl(["explain", path, "--api-version=projectcalico.org/v3"]);
        assert.match(explanation.slice(explanation.indexOf("DESCRIPTION:")), word);
        await kubectl(["wait", "--for=condition=Accepted", resource, "--timeout=10s"]);
        const [header = "", line = ""] = (await kubectl(["get", resource])).split("\n");
        assert.equal(cells(header).join(" "), `${columns} ACCEPTED AGE`);
        assert(cells(line).join(" ").startsWith(`${row} True `), line);
        await kubectl(["delete", resource]);
      });
    }

    it("says in words what is wrong with a resource, and stores none", async () => {
      const wrong = {
        apiVersion: "projectcalico.org/v3",
        kind: "IPPool",
        metadata: { name: "wrong" },
        spec: { cidr: "10.0.0.0/99" },
      };
      await assert.rejects(apply(cluster(), wrong), /IPPool "wrong" is invalid: spec\.cidr/);
      assert.equal(await cluster().kubectl(["get", "ippools", "wrong", "--ignore-not-found"]), "");
    });
  });
}

/** Between columns stand three blanks at least. */
function cells(line: string): string[] {
  return line.trim().split(/\s{2,}/);
}
