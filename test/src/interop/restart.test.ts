import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { startExaBgp } from "../fixtures/routers/exabgp.ts";
import type { Router } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { unableTo } from "./everyDaemon.ts";
import { counterparts, createRack, nodeAddress, nodeConfig, routerAddress } from "./rack.ts";
import { holdsOfOurs, pods4, pods6, viaNode } from "./routes.ts";
import { NodeSpeaker } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const endings = [
  { how: "killed", end: (speaker: NodeSpeaker): Promise<unknown> => speaker.kill() },
  {
    how: "stopped in order",
    end: (speaker: NodeSpeaker): Promise<unknown> => speaker.stop({ keepForwarding: true, text: "update" }),
  },
];
const restarting = { deadlineSeconds: 20 };

describe.each(counterparts)("$name", ({ name, start, config, announces }) => {
  // RFC 8538: who knows the N bit hears a Cease and keeps the routes; others hear the connection close.
  it.each(endings)(
    "keeps our routes while our process is $how and replaced, and loses what we no longer announce",
    async ({ end }) => {
      await using rack = await createRack(`gr-${name.toLowerCase()}`);
      await using router = await start({ namespace: rack.router, config });
      const dying = await NodeSpeaker.start(rack.node, nodeConfig());
      await dying.originate(pods4, pods6, "10.244.9.0/26");
      await dying.established("tor");
      await holdsOfOurs(router, [...viaNode(pods4, pods6), ...viaNode("10.244.9.0/26")]);

      const watch = watchFor(router, [pods4, pods6]);
      await end(dying);
      await dying.kill();
      await waitFor(async () => !(await isEstablished(router)), { what: `${name} has noticed` });
      await using replacement = await NodeSpeaker.start(rack.node, nodeConfig({ restarting }));
      await replacement.originate(pods4, pods6);
      await replacement.established("tor");
      await holdsOfOurs(router, viaNode(pods4, pods6));
      const looks = await watch.end();
      expect(looks.missed).toEqual([]);
      expect(looks.count).toBeGreaterThan(5);

      await waitFor(() => replacement.isTableComplete, { what: "we know again what we knew" });
      for (const prefix of announces) expect(replacement.best.get(prefix)?.from, prefix).toBe("tor");
    },
  );
});

describe("with a router that keeps no routes", () => {
  const unable = unableTo("our own restart", counterparts, { ExaBGP: "it keeps no routes of ours" });
  it.each(unable)("$name cannot keep them, in version $version: $why", async ({ version, ask }) => {
    expect(await ask()).toContain(version);
  });
});

/** What is announced by those whose configuration announces nothing. */
const added = "198.51.100.0/24";

/** The same routers, told to offer that they restart gracefully: what says so in their configurations. */
const restarters: { name: string; words: readonly [usual: string, offering: string]; add?: string }[] = [
  { name: "BIRD", words: ["graceful restart aware", "graceful restart on"] },
  { name: "FRR", words: ["graceful-restart-helper", "graceful-restart"] },
  { name: "GoBGP", words: ["helper-only = true", "helper-only = false"], add: `global rib add -a ipv4 ${added}` },
];

describe("with a router that is killed", () => {
  it.each(restarters)(
    "keeps the routes of $name until it is back, where it offered to restart gracefully",
    async ({ name, words, add }) => {
      const counterpart = counterparts.find((each) => each.name === name);
      if (!counterpart) throw new Error(`no ${name}`);
      await using rack = await createRack("gr-helper");
      await using speaker = await NodeSpeaker.start(rack.node, nodeConfig());
      const config = counterpart.config.replaceAll(...words);
      await using router = await counterpart.start({ namespace: rack.router, config });
      const announce = async (): Promise<unknown> => add && router.show(add);
      await announce();
      const start = async (): Promise<void> => {
        await router.start();
        await announce();
      };
      await survives(speaker, add ? [added] : counterpart.announces, { kill: () => router.kill(), start });
    },
  );

  it("keeps the routes of ExaBGP until it is back", async () => {
    await using rack = await createRack("gr-helper");
    await using speaker = await NodeSpeaker.start(rack.node, nodeConfig());
    await using daemon = await startExaBgp(rack.router, exaBgpConfig);
    await survives(speaker, [added], { kill: () => daemon.kill(), start: async () => daemon.start() });
  });

  const tried = [...restarters, { name: "ExaBGP" }];
  const unable = unableTo("a router's own restart", tried, { OpenBGPD: "it offers End-of-RIB alone" });
  it.each(unable)("cannot with $name, in version $version: $why", async ({ version, ask }) => {
    expect(await ask()).toContain(version);
  });
});

const exaBgpConfig = `neighbor ${nodeAddress} {
  router-id ${routerAddress};
  local-address ${routerAddress};
  local-as 65001;
  peer-as 64512;
  hold-time 30;
  capability { asn4 enable; graceful-restart 60; }
  family { ipv4 unicast; }
  static { route ${added} next-hop self; }
}
`;

async function survives(
  speaker: NodeSpeaker,
  prefixes: readonly string[],
  router: { kill(): Promise<void>; start(): Promise<void> },
): Promise<void> {
  await speaker.established("tor");
  const isLearned = (): boolean => prefixes.every((prefix) => speaker.best.get(prefix)?.from === "tor");
  await waitFor(isLearned, { what: "we learn the rack's subnets" });

  const told = speaker.told.length;
  await router.kill();
  await waitFor(async () => (await speaker.peer("tor")).phase !== "established", { what: "we have noticed" });
  expect(speaker.told.slice(told)).toEqual([]);
  await router.start();
  await speaker.established("tor");
  await waitFor(isLearned, { what: "we learn the rack's subnets anew" });
}

async function isEstablished(router: Router): Promise<boolean> {
  return (await router.sessions()).some(({ neighbor, established }) => neighbor === "172.30.1.11" && established);
}

/** Looks at the router's table again and again; what was missing at any look is told at the end. */
function watchFor(
  router: Router,
  prefixes: readonly string[],
): { end(): Promise<{ readonly count: number; readonly missed: string[] }> } {
  const missed: string[] = [];
  let count = 0;
  let ends = false;
  const watching = (async () => {
    while (!ends) {
      const routes = [...(await router.routes("ipv4")), ...(await router.routes("ipv6"))];
      const present = new Set(routes.filter(({ best }) => best).map(({ prefix }) => prefix));
      missed.push(...prefixes.filter((prefix) => !present.has(prefix)));
      count += 1;
    }
  })();
  return {
    async end() {
      ends = true;
      await watching;
      return { count, missed };
    },
  };
}
