/** A link without a single configured address: both ends find each other by router advertisements (RFC 4861). */
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces } from "../fixtures/namespace.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import { startFrr } from "../fixtures/routers/frr.ts";
import type { Router, RouterOptions } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { unableTo } from "./everyDaemon.ts";
import { NodeSpeaker, openPeer } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

interface Subject {
  readonly name: string;
  readonly start: (options: RouterOptions) => Promise<Router>;
  readonly config: string;
  readonly question: string;
  /** What shows that it agreed on IPv4 by way of IPv6. */
  readonly isAgreed: RegExp;
}

const frr: Subject = {
  name: "FRR",
  start: startFrr,
  question: "show bgp neighbors rack json",
  isAgreed: /"extendedNexthop":"advertisedAndReceived"/,
  config: `frr version 8.4
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
`,
};

/** It dials nobody whom it knows by the link alone, and waits. */
const bird: Subject = {
  name: "BIRD",
  start: startBird,
  question: "show protocols all",
  isAgreed: /Neighbor capabilities[\s\S]*Extended next hop\n\s+IPv6 nexthop: ipv4/,
  config: `router id 172.30.1.1;
log stderr { warning, error, fatal, bug };
protocol device { scan time 1; }
protocol radv { interface "rack" { min ra interval 3; max ra interval 4; }; }
protocol kernel { ipv4 { export all; }; }
protocol kernel { ipv6 { export all; }; }
protocol static { ipv4; route 198.51.100.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:1::/48 blackhole; }
protocol bgp nodes {
  local as 65001;
  neighbor range fe80::/10 as 64512;
  interface "rack";
  direct;
  ipv4 { import all; export where source = RTS_STATIC; next hop self; extended next hop on; };
  ipv6 { import all; export where source = RTS_STATIC; next hop self; };
}
`,
};

describe("RFC 8950 §4, RFC 4861 §4.2", () => {
  it.each([frr, bird])(
    "$name and we carry both families over an unnumbered link, and its kernel forwards",
    async (subject) => {
      await using router = await createNamespace("u-router");
      await using node = await createNamespace("u-node");
      await linkNamespaces({ namespace: router, name: "rack" }, { namespace: node, name: "eth0" });
      const tor = openPeer({ name: "tor", address: "::", interface: "eth0", asn: 65001, extendedNextHop: true });
      const config = { asn: 64512, bgpId: "172.30.1.11", listen: [{ address: "::", port: 179 }], peers: [tor] };
      await using speaker = await NodeSpeaker.start(node, config);
      await speaker.originate("10.244.7.0/26", "fd00:244:0:7::/122");
      expect(await speaker.peer("tor")).toMatchObject({ phase: "idle", address: "::" });

      await using daemon = await subject.start({ namespace: router, config: subject.config });
      const { address } = await speaker.established("tor");
      expect(address).toMatch(/^fe80::/);
      expect(await daemon.show(subject.question)).toMatch(subject.isAgreed);
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
        await waitFor(isHeld, { what: `${subject.name}'s kernel sends ${prefix} to us` });
      }
    },
  );

  const unable = unableTo("unnumbered peers", [frr, bird], {
    GoBGP: "it sends no router advertisements",
    OpenBGPD: "it has no next hops of another family",
    ExaBGP: "its neighbours are addresses",
  });
  it.each(unable)("$name cannot do it, in version $version: $why", async ({ version, ask }) => {
    expect(await ask()).toContain(version);
  });
});
