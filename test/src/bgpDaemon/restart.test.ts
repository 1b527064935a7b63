/** `brindle-bgp` is killed, or ends in order, and is started again: with traffic to what it announces. */
import { watch } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces } from "../fixtures/namespace.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { watchPodRoutes } from "../lab/routeMonitor.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import { BgpDaemon } from "./daemon.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const service = "10.244.5.5";

const speaker = `asNumber: 65000
routerID: 10.99.0.1
listen: [{ address: 10.99.0.1 }]
controlSocket: /run/brindle/bgp.sock
gracefulRestart: { restartTime: 2m, forwardingKept: true }
peers: [{ peerIP: 10.99.0.2, asNumber: 65001, name: tor, importPolicy: accept, exportPolicy: accept }]
originate: [{ prefix: ${service}/32 }]
`;

const router = `router id 10.99.0.2;
log stderr { warning, error, fatal, bug };
protocol device {}
protocol kernel { ipv4 { export all; }; merge paths off; }
protocol bgp host {
  local 10.99.0.2 as 65001;
  neighbor 10.99.0.1 as 65000;
  graceful restart aware;
  hold time 30; connect delay time 1; connect retry time 2; error wait time 1, 3;
  ipv4 { import all; export none; };
}
`;

describe("brindle-bgp that is started again", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)(
    "by %s: the router's kernel keeps its routes, and no packet is lost",
    async (signal) => {
      await using tor = await createNamespace("t-again");
      await using host = await createNamespace("h-again");
      await linkNamespaces(
        { namespace: tor, name: "rack", addresses: ["10.99.0.2/24"] },
        { namespace: host, name: "eth0", addresses: ["10.99.0.1/24"] },
      );
      await host.ip("link set lo up");
      await host.ip(`address add ${service}/32 dev lo`);
      await using bird = await startBird({ namespace: tor, config: router });
      await using first = await BgpDaemon.start(host, speaker);
      await first.established("tor");
      await waitFor(async () => (await tor.ip(`route show ${service}`)).includes("10.99.0.1"), {
        what: "the router forwards",
      });

      await using monitors = await watchPodRoutes([tor]);
      await using traffic = await startTraffic({ from: tor, to: host, addresses: [service], packetsPerSecond: 200 });
      first.process.kill(signal);
      await first.process.exited;
      await waitFor(async () => !(await bird.sessions()).some(({ established }) => established), {
        what: "the router has noticed",
      });
      await using second = await first.successor();
      await second.established("tor");
      // The end of its table is what the router waits for, and then lets go of the rest.
      await waitFor(
        async () => /Restart time:[\s\S]*Routes:\s+1 imported/.test(await bird.show("show protocols all host")),
        {
          what: "the router has one route of ours",
        },
      );
      expect(await monitors.finish()).toEqual({ [tor.name]: [] });
      const { lost, sent } = await traffic.finish();
      expect(sent).toBeGreaterThan(100);
      expect(lost).toBe(0);
    },
  );

  it("keeps a caller who connects at the first moment and says nothing, and starts all the same", async () => {
    await using host = await createNamespace("h-caller");
    await host.ip("link set lo up");
    await using first = await BgpDaemon.start(host, speaker.replace(/^listen: .*$/m, "listen: []"));
    await first.process.stop();
    const changed: (string | null)[] = [];
    const watcher = watch(first.folder, (_, name) => void changed.push(name));
    const connecting = connected(first.socket);
    await using second = await first.successor();
    const caller = await connecting;
    caller.destroy();
    watcher.close();
    // It came, and went not again: nobody was sent away.
    expect(changed.filter((name) => name === "bgp.sock")).toHaveLength(1);
    expect((await second.summary()).peers).toHaveLength(1);
  });
});

/** As soon as somebody listens there. */
async function connected(path: string): Promise<Socket> {
  const deadlineMs = Date.now() + 30_000;
  while (Date.now() < deadlineMs) {
    const socket = connect(path);
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isThere) return socket;
    await delay(1);
  }
  throw new Error(`nobody listens at ${path}`);
}
