/** A link without a single configured address: both ends find each other by router advertisements (RFC 4861). */
import { afterAll, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces } from "../fixtures/namespace.ts";
import { startFrr } from "../fixtures/routers/frr.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { NodeSpeaker, openPeer } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const frrConfig = `frr version 8.4
frr defaults datacenter
hostname tor
router bgp 65001
 bgp router-id 172.30.1.1
 no bgp default ipv4-unicast
 no bgp network import-check
 no bgp ebgp-requires-policy
 neighbor rack interface remote-as 64512
 neighbor rack timers connect 2
 address-family ipv4 unicast
  network 198.51.100.0/24
  neighbor rack activate
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:1::/48
  neighbor rack activate
 exit-address-family
exit
`;

it("RFC 8950 §4: FRR and we carry both families over an unnumbered link, and FRR's kernel forwards", async () => {
  await using router = await createNamespace("u-router");
  await using node = await createNamespace("u-node");
  await linkNamespaces({ namespace: router, name: "rack" }, { namespace: node, name: "eth0" });
  const tor = openPeer({ name: "tor", address: "::", interface: "eth0", asn: 65001, extendedNextHop: true });
  const config = { asn: 64512, bgpId: "172.30.1.11", listen: [{ address: "::", port: 179 }], peers: [tor] };
  await using speaker = await NodeSpeaker.start(node, config);
  await speaker.originate("10.244.7.0/26", "fd00:244:0:7::/122");
  expect(await speaker.peer("tor")).toMatchObject({ phase: "idle", address: "::" });

  await using frr = await startFrr({ namespace: router, config: frrConfig });
  const { address } = await speaker.established("tor");
  expect(address).toMatch(/^fe80::/);
  expect(await frr.show("show bgp neighbors rack json")).toContain('"extendedNexthop":"advertisedAndReceived"');
  for (const prefix of ["198.51.100.0/24", "2001:db8:1::/48"]) {
    await waitFor(() => speaker.best.get(prefix)?.nextHops[0] === `${address}%eth0`, {
      what: `we learn ${prefix} by way of ${address}%eth0`,
    });
  }
  for (const [family, prefix] of [
    ["-4", "10.244.7.0/26"],
    ["-6", "fd00:244:0:7::/122"],
  ] as const) {
    const isHeld = async (saw: (seen: unknown) => void): Promise<boolean> => {
      const routes = await router.ip(`${family} route show ${prefix}`);
      saw(routes);
      return /via (inet6 )?fe80::\S+ dev rack/.test(routes);
    };
    await waitFor(isHeld, { what: `FRR's kernel sends ${prefix} to us` });
  }
});
