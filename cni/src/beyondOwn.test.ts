import assert from "node:assert/strict";
import { formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import type { Attachment } from "./attachment.ts";
import { type Beyond, type BeyondOwn, nothingBeyond, requireAllowed, requireFitting } from "./beyondOwn.ts";
import { CniError } from "./error.ts";

const attachment: Attachment = {
  containerId: "c1",
  interfaceName: "eth0",
  netns: null,
  network: "pods",
  workload: { orchestrator: "k8s", namespace: "shop", pod: "web", podUid: null },
  hostInterface: "cali1",
  mac: "02:00:00:00:00:01",
};
const all: BeyondOwn = { ...nothingBeyond, maySpoof: () => true, mayFloat: () => true };

function beyond(sources: readonly string[], floating: readonly string[] = []): Beyond {
  return {
    sources: sources.flatMap((text) => parsePrefix(text) ?? []),
    floating: floating.flatMap((text) => parseAddress(text) ?? []),
  };
}

function failure(code: string, says: RegExp): (error: unknown) => true {
  return (error) => {
    assert(error instanceof CniError);
    assert.equal(error.failure.code, code);
    assert.match(error.message, says);
    return true;
  };
}

describe("what a pod asks for beyond its addresses", () => {
  it("is granted where the cluster allows it, and nothing is asked where nothing is wanted", async () => {
    await requireAllowed(beyond([]), attachment, nothingBeyond);
    await requireAllowed(beyond(["198.51.100.0/24"], ["192.0.2.1"]), attachment, all);
  });

  const refusing = (isFinal: boolean): BeyondOwn => ({
    ...all,
    refusal: async (address) =>
      formatAddress(address) === "192.0.2.2" ? { reason: "floats to the pod shop/other", isFinal } : null,
  });
  const refused: { name: string; of: Beyond; by: BeyondOwn; code: string; says: RegExp }[] = [
    {
      name: "networks, where workloadSourceSpoofing is not Any",
      of: beyond(["198.51.100.0/24"]),
      by: { ...all, maySpoof: () => false },
      code: "INVALID_CONFIG",
      says: /^cni\.projectcalico\.org\/allowedSourcePrefixes: .*workloadSourceSpoofing set to Any/,
    },
    {
      name: "floating addresses, where floatingIPs is not Enabled",
      of: beyond([], ["192.0.2.1"]),
      by: { ...all, mayFloat: () => false },
      code: "INVALID_CONFIG",
      says: /^cni\.projectcalico\.org\/floatingIPs: .*floatingIPs set to Enabled/,
    },
    {
      name: "a floating address that another pod has, for now",
      of: beyond([], ["192.0.2.1", "192.0.2.2"]),
      by: refusing(false),
      code: "TRY_AGAIN_LATER",
      says: /floatingIPs: 192\.0\.2\.2 floats to the pod shop\/other/,
    },
    {
      name: "a floating address that will never do",
      of: beyond([], ["192.0.2.2"]),
      by: refusing(true),
      code: "INVALID_CONFIG",
      says: /192\.0\.2\.2/,
    },
  ];
  for (const { name, of, by, code, says } of refused) {
    it(`is refused: ${name}`, () => assert.rejects(requireAllowed(of, attachment, by), failure(code, says)));
  }

  const given = [parseAddress("10.65.0.3")].filter((address) => address !== null);
  it("fits the families that the pod has", () => {
    const fitting = (of: Beyond) => () => requireFitting(of, given, { attachment, beyond: all });
    assert.doesNotThrow(fitting(beyond(["198.51.100.0/24"], ["192.0.2.1"])));
    assert.throws(fitting(beyond(["2001:db8::/64"])), failure("INVALID_CONFIG", /2001:db8::\/64: the pod has no IPv6/));
    assert.throws(fitting(beyond([], ["2001:db8::1"])), failure("INVALID_CONFIG", /2001:db8::1: the pod has no IPv6/));
  });

  it("is refused to who asks for an address that a pod has past address management, before and after", async () => {
    const past: BeyondOwn = { ...all, unmanagedBy: () => "shop/node2-k8s-other-eth0" };
    const says = /10\.65\.0\.3 cannot be given: the WorkloadEndpoint shop\/node2-k8s-other-eth0 has it past IPPools/;
    const refused = failure("TRY_AGAIN_LATER", says);
    assert.throws(() => requireFitting(beyond([]), given, { attachment, beyond: past }), refused);
    await assert.rejects(requireAllowed({ ...beyond([]), addresses: given }, attachment, past), refused);
  });

  it("is not given as an address of its own to somebody else meanwhile", () => {
    const floating: BeyondOwn = { ...all, floatsTo: () => "shop/other" };
    assert.throws(
      () => requireFitting(beyond([]), given, { attachment, beyond: floating }),
      failure("TRY_AGAIN_LATER", /10\.65\.0\.3 cannot be given: it floats to the pod shop\/other/),
    );
    const { floatsTo } = floating;
    const asking = requireAllowed({ ...beyond([]), addresses: given }, attachment, { ...all, floatsTo });
    return assert.rejects(asking, failure("TRY_AGAIN_LATER", /10\.65\.0\.3 cannot be given/));
  });
});
