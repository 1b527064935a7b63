/** Calico's annotations of pods and namespaces: each is acted on, or refused in words. */
import assert from "node:assert/strict";
import { formatAddress } from "@brindle/net";
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
  { pod: calico({ ipAddrsNoIpam: '["10.0.0.1"]' }), says: /ipAddrsNoIpam: addresses come from IPPools alone/ },
  { pod: calico({ floatingIPs: '["192.0.2.1"]' }), says: /floatingIPs: floating addresses are not translated/ },
  { pod: calico({ allowedSourcePrefixes: '["10.0.0.0/8"]' }), says: /allowedSourcePrefixes: a pod sends with its own/ },
  { pod: { "qos.projectcalico.org/ingressBandwidth": "1G" }, says: /ingressBandwidth: it is not enforced/ },
  { pod: { "qos.projectcalico.org/dscp": "20" }, says: /dscp: it is not enforced/ },
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

  it("ask for an address of each family", () => {
    const { addresses } = requestedByAnnotations(calico({ ipAddrs: '["10.65.0.3","fd00::3"]' }), {});
    assert.deepEqual(addresses.map(formatAddress), ["10.65.0.3", "fd00::3"]);
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
