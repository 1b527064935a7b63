import assert from "node:assert/strict";
import type { ApiObject, IPAMBlock } from "@brindle/api";
import { type Address, formatAddress, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { isTold, missing, readService, type ServiceWish, serviceHoldings, unwanted } from "./serviceAddresses.ts";

function service(spec: object, annotations: object = {}, ingress: object[] = []): ApiObject {
  const metadata = { namespace: "shop", name: "web", uid: "u1", annotations };
  return {
    metadata,
    spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ...spec },
    status: { loadBalancer: { ingress } },
  };
}

function wishOf(spec: object = {}, annotations: object = {}, ingress: object[] = []): ServiceWish {
  return readService(service(spec, annotations, ingress)) ?? assert.fail("it wants none");
}

function addresses(...texts: string[]): Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

const asked = { "projectcalico.org/loadBalancerIPs": '["10.5.0.9"]' };

describe("a Service", () => {
  it("of another type, or another controller's, wants nothing", () => {
    assert.equal(readService(service({ type: "ClusterIP" })), null);
    assert.equal(readService(service({ loadBalancerClass: "cloud.example/lb" })), null);
    assert.notEqual(readService(service({ loadBalancerClass: "calico" })), null);
  });

  const faults: [annotations: object, fault: RegExp][] = [
    [{ "projectcalico.org/loadBalancerIPs": "10.5.0.9" }, /is no list of texts in JSON/],
    [{ "projectcalico.org/loadBalancerIPs": '["there"]' }, /"there" is no address/],
    [{ "projectcalico.org/loadBalancerIPs": '["10.5.0.1","10.5.0.2"]' }, /more than one address of a family/],
    [{ "projectcalico.org/ipv4pools": "{}" }, /is no list of texts in JSON/],
  ];
  it.each(faults)("that asks wrongly is told so: %o", (annotations, fault) => {
    assert.match(wishOf({}, annotations).fault ?? "", fault);
  });

  const cases: { name: string; wish: ServiceWish; held: string[]; wants: string[]; letsGo: string[] }[] = [
    { name: "one of its family", wish: wishOf(), held: [], wants: ["4"], letsGo: [] },
    { name: "nothing more than it has", wish: wishOf(), held: ["10.5.0.1"], wants: [], letsGo: [] },
    {
      name: "one of each",
      wish: wishOf({ ipFamilies: ["IPv6", "IPv4"] }),
      held: ["10.5.0.1"],
      wants: ["6"],
      letsGo: [],
    },
    { name: "the one that it asks for", wish: wishOf({}, asked), held: [], wants: ["10.5.0.9"], letsGo: [] },
    {
      name: "the one that it asks for by now, and no other",
      wish: wishOf({}, asked),
      held: ["10.5.0.1"],
      wants: ["10.5.0.9"],
      letsGo: ["10.5.0.1"],
    },
    {
      name: "none of a family that it has no more",
      wish: wishOf(),
      held: ["10.5.0.1", "fd00::1"],
      wants: [],
      letsGo: ["fd00::1"],
    },
  ];
  for (const { name, wish, held, wants, letsGo } of cases)
    it(`wants ${name}`, () => {
      const given = missing(wish, addresses(...held));
      assert.deepEqual(
        given.map(({ family, address }) => (address ? formatAddress(address) : String(family))),
        wants,
      );
      assert.deepEqual(unwanted(wish, addresses(...held)).map(formatAddress), letsGo);
    });

  it("is told of what it has, and not twice", () => {
    const wish = wishOf({}, {}, [{ ip: "10.5.0.1" }]);
    assert(isTold(wish, addresses("10.5.0.1")));
    assert(!isTold(wish, addresses("10.5.0.2")));
  });
});

describe("what Services hold", () => {
  const block = (affinity: string): IPAMBlock => ({
    ...{ cidr: "10.5.0.0/30", affinity, unallocated: [2, 3], sequenceNumber: 5n, deleted: false },
    allocations: [0, 1, null, null],
    attributes: [
      { handle_id: "lb-1", secondary: { service: "web", namespace: "shop", type: "LoadBalancer" } },
      { handle_id: "k8s-pod-network.c", secondary: { pod: "p", namespace: "shop" } },
    ],
  });

  it("is in blocks of theirs, under whichever handle", () => {
    const found = serviceHoldings([block("virtual:load-balancer")]);
    assert.deepEqual([...found], [["shop/web", { handle: "lb-1", addresses: addresses("10.5.0.0") }]]);
    assert.equal(serviceHoldings([block("host:node1")]).size, 0);
  });
});
