/** Calico's annotations of pods and namespaces: each is acted on, or refused in words. */
import assert from "node:assert/strict";
import { formatAddress, formatPrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { CniError } from "./error.ts";
import { type Annotations, nothingRequested, type Requested, requestedByAnnotations } from "./requested.ts";

const calico = (annotations: Annotations): Annotations =>
  Object.fromEntries(Object.entries(annotations).map(([name, text]) => [`cni.projectcalico.org/${name}`, text]));

const accepted: { name: string; pod?: Annotations; namespace?: Annotations; asks: Partial<Requested> }[] = [
  { name: "none", asks: {} },
  { name: "others'", pod: { "example.org/x": "1" }, asks: {} },
  { name: "a hardware address", pod: calico({ hwAddr: "1C:0c:0a:c0:ff:ee" }), asks: { mac: "1c:0c:0a:c0:ff:ee" } },
  { name: "families in any case", pod: calico({ ipFamilies: '["IPv4","ipv6"]' }), asks: { families: [4, 6] } },
  {
    name: "pools of both families",
    pod: calico({ ipv4pools: '["east", "10.9.0.0/16"]', ipv6pools: '["v6"]' }),
    asks: { pools: { 4: ["east", "10.9.0.0/16"], 6: ["v6"] } },
  },
  { name: "the namespace's pools", namespace: calico({ ipv4pools: '["east"]' }), asks: { pools: { 4: ["east"] } } },
  {
    name: "the pod's pools before the namespace's",
    pod: calico({ ipv4pools: '["west"]' }),
    namespace: calico({ ipv4pools: '["east"]', ipv6pools: '["v6"]' }),
    asks: { pools: { 4: ["west"], 6: ["v6"] } },
  },
  {
    name: "the namespace's families, and not its addresses, which one pod alone can have",
    namespace: calico({ ipFamilies: '["IPv6"]', ipAddrs: '["10.65.0.3"]', hwAddr: "02:00:00:00:00:01" }),
    asks: { families: [6] },
  },
];

const refused: { pod: Annotations; says: RegExp }[] = [
  { pod: calico({ ipAddrsNoIpam: '["10.0.0.1","10.0.0.2"]' }), says: /ipAddrsNoIpam: has 10\.0\.0\.1 and 10\.0\.0\.2/ },
  { pod: calico({ ipAddrsNoIpam: "10.0.0.1" }), says: /ipAddrsNoIpam: "10\.0\.0\.1" is no list of texts in JSON/ },
  ...["0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "ff02::1"].map(
    (address) => ({
      pod: calico({ ipAddrsNoIpam: JSON.stringify([address]) }),
      says: /ipAddrsNoIpam: [0-9a-f.:]+ is no address that one host has and others reach/,
    }),
  ),
  { pod: calico({ floatingIPs: "192.0.2.1" }), says: /floatingIPs: "192\.0\.2\.1" is no list of texts in JSON/ },
  { pod: calico({ floatingIPs: '["192.0.2.0/24"]' }), says: /floatingIPs: "192\.0\.2\.0\/24" is no address/ },
  { pod: calico({ allowedSourcePrefixes: '["10.0.0.0/33"]' }), says: /"10\.0\.0\.0\/33" is no network, such as/ },
  { pod: calico({ ipAddrs: "10.65.0.3" }), says: /ipAddrs: "10.65.0.3" is no list of texts in JSON/ },
  { pod: calico({ ipAddrs: '["10.65.0.3","10.65.0.4"]' }), says: /10\.65\.0\.3 and 10\.65\.0\.4: a pod has one IPv4/ },
  { pod: calico({ ipAddrs: '["10.65.0.300"]' }), says: /"10\.65\.0\.300" is no address/ },
  { pod: calico({ hwAddr: "ff:ff:ff:ff:ff:ff" }), says: /of no single interface/ },
  { pod: calico({ ipFamilies: '["IPv5"]' }), says: /"IPv5" is neither/ },
  { pod: calico({ ipFamilies: "[]" }), says: /is empty/ },
];

describe("annotations", () => {
  for (const { name, pod = {}, namespace = {}, asks } of accepted) {
    it(`ask for ${name}`, () => {
      assert.deepEqual(requestedByAnnotations(pod, namespace), { ...nothingRequested, ...asks });
    });
  }

  it("ask for addresses that no pool gives, which those of the namespace do not", () => {
    const asks = calico({ ipAddrsNoIpam: '["192.0.2.9","2001:db8::9"]' });
    assert.deepEqual(requestedByAnnotations(asks, {}).unmanaged.map(formatAddress), ["192.0.2.9", "2001:db8::9"]);
    assert.deepEqual(requestedByAnnotations({}, asks), nothingRequested);
  });

  it("ask for an address of each family", () => {
    const { addresses } = requestedByAnnotations(calico({ ipAddrs: '["10.65.0.3","fd00::3"]' }), {});
    assert.deepEqual(addresses.map(formatAddress), ["10.65.0.3", "fd00::3"]);
  });

  it("ask for networks to send from, with or without host bits, and for floating addresses, more than one of a family", () => {
    const { sources, floating } = requestedByAnnotations(
      calico({
        allowedSourcePrefixes: '["198.51.100.7/24","2001:db8::7"]',
        floatingIPs: '["192.0.2.1","192.0.2.2","2001:db8::1"]',
      }),
      calico({ allowedSourcePrefixes: '["10.0.0.0/8"]', floatingIPs: '["192.0.2.9"]' }),
    );
    assert.deepEqual(sources.map(formatPrefix), ["198.51.100.0/24", "2001:db8::7/128"]);
    assert.deepEqual(floating.map(formatAddress), ["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  });

  for (const { pod, says } of refused) {
    it(`${JSON.stringify(pod)} are refused in words`, () => {
      assert.throws(
        () => requestedByAnnotations(pod, {}),
        (error) => {
          assert(error instanceof CniError);
          assert.equal(error.failure.code, "INVALID_CONFIG");
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }
});
