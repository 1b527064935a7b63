import { isDeepStrictEqual } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { startExaBgp } from "../fixtures/routers/exabgp.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { unableTo } from "./everyDaemon.ts";
import { counterparts, createRack, nodeAddress, nodeConfig, nodeConfigOverV6, routerAddress } from "./rack.ts";
import { holdsOfOurs, pods4, pods6, viaNode } from "./routes.ts";
import { NodeSpeaker } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const ways = [
  { name: "when it dials", ours: { passive: true }, theirs: "config" },
  { name: "when we dial", ours: { passive: false }, theirs: "passiveConfig" },
  { name: "when both dial at once", ours: { passive: false }, theirs: "config" },
] as const;

describe.each(counterparts)("$name", ({ name, start, announces, ...configs }) => {
  it.each(ways)("exchanges routes of both families over one session $name", async ({ ours, theirs }) => {
    await using rack = await createRack(`${name.toLowerCase()}`);
    await using speaker = await NodeSpeaker.start(rack.node, nodeConfig(ours));
    await using router = await start({ namespace: rack.router, config: configs[theirs] });

    await speaker.originate(pods4, pods6, "192.0.2.0/24");
    await speaker.established("tor");
    await holdsOfOurs(router, viaNode(pods4, pods6));
    for (const prefix of announces) {
      const nextHop = prefix.includes(":") ? "fd00:30:1::1" : routerAddress;
      await waitFor(() => isDeepStrictEqual(speaker.best.get(prefix)?.nextHops, [nextHop]), {
        what: `we learn ${prefix} by way of ${nextHop}`,
      });
    }

    await speaker.originate(pods6);
    await holdsOfOurs(router, viaNode(pods6));
    await speaker.originate(pods4);
    await holdsOfOurs(router, viaNode(pods4));

    expect(await speaker.peer("tor")).toMatchObject({ phase: "established", flaps: 0 });
    const sessions = (await router.sessions()).filter(({ neighbor }) => neighbor === nodeAddress);
    expect(sessions).toMatchObject([{ established: true, received: expect.any(Number) }]);
  });

  it("takes routes of both families over a session of IPv6", async () => {
    await using rack = await createRack(`v6-${name.toLowerCase()}`);
    await using speaker = await NodeSpeaker.start(rack.node, nodeConfigOverV6());
    await using router = await start({ namespace: rack.router, config: configs.configOverV6 });
    await speaker.originate(pods4, pods6);
    await speaker.established("tor");
    await holdsOfOurs(router, viaNode(pods4, pods6));
  });

  it("hears why we go", async () => {
    await using rack = await createRack(`${name.toLowerCase()}`);
    await using speaker = await NodeSpeaker.start(rack.node, nodeConfig());
    await using router = await start({ namespace: rack.router, config: configs.config });
    await speaker.originate(pods4);
    await speaker.established("tor");
    await holdsOfOurs(router, viaNode(pods4));
    await speaker.stop({ text: "node drained" });
    await holdsOfOurs(router, []);
  });
});

const exaBgpConfig = `neighbor ${nodeAddress} {
  router-id ${routerAddress};
  local-address ${routerAddress};
  local-as 65001;
  peer-as 64512;
  hold-time 30;
  family { ipv4 unicast; ipv6 unicast; }
  static { route 198.51.100.0/24 next-hop self; route 2001:db8:1::/48 next-hop fd00:30:1::1; }
}
`;

/** It keeps no table: what it was told stands in its log. */
describe("ExaBGP", () => {
  unableTo("who dials", [...counterparts, { name: "ExaBGP" }], {});

  it.each(ways.slice(0, 2))("exchanges routes of both families over one session $name", async ({ ours, theirs }) => {
    await using rack = await createRack("exabgp");
    await using speaker = await NodeSpeaker.start(rack.node, nodeConfig(ours));
    const isDialled = theirs === "passiveConfig";
    const config = isDialled ? exaBgpConfig.replace("hold-time", "passive true;\n  hold-time") : exaBgpConfig;
    await using daemon = await startExaBgp(rack.router, config, isDialled ? { listensAt: routerAddress } : {});
    await speaker.originate(pods4, pods6);
    await speaker.established("tor");
    for (const prefix of [pods4, pods6]) {
      await waitFor(() => daemon.log().includes(`"nlri": "${prefix}"`), { what: `ExaBGP hears ${prefix}` });
    }
    for (const [prefix, nextHop] of [
      ["198.51.100.0/24", routerAddress],
      ["2001:db8:1::/48", "fd00:30:1::1"],
    ] as const) {
      await waitFor(() => isDeepStrictEqual(speaker.best.get(prefix)?.nextHops, [nextHop]), {
        what: `we learn ${prefix} by way of ${nextHop}`,
      });
    }
  });
});
