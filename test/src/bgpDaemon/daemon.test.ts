import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { encodeMrt, readMrt, replay } from "@brindle/bgp";
import { callControl } from "@brindle/net/shell";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brindlectl } from "../cli/brindlectl.ts";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { birdConfig, startBird } from "../fixtures/routers/bird.ts";
import { startExaBgp } from "../fixtures/routers/exabgp.ts";
import { frrConfig, startFrr } from "../fixtures/routers/frr.ts";
import { goBgpConfig, startGoBgp } from "../fixtures/routers/gobgp.ts";
import { openBgpdConfig, startOpenBgpd } from "../fixtures/routers/openbgpd.ts";
import type { Router, RouterSpec } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { BgpDaemon, readmeExample } from "./daemon.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const ours = ["192.0.2.0/24", "2001:db8:99::/48"];

/** The router that the README's example has for tor-a. */
const spec: RouterSpec = {
  name: "tor-a",
  asn: 65001,
  routerId: "10.99.0.2",
  announces: ["10.99.0.0/24", "fd00:99::/64"],
  podRanges: ours,
  neighbors: [
    {
      name: "brindle",
      address: "10.99.0.1",
      localAddress: "10.99.0.2",
      asn: 65000,
      role: "node",
      families: ["ipv4", "ipv6"],
    },
  ],
};

async function createRack(
  label: string,
  torAddresses: readonly string[] = ["10.99.0.2/24", "fd00:99::2/64"],
): Promise<AsyncDisposable & { tor: Namespace; host: Namespace }> {
  const stack = new AsyncDisposableStack();
  const tor = stack.use(await createNamespace(`t-${label}`));
  const host = stack.use(await createNamespace(`h-${label}`));
  await linkNamespaces(
    { namespace: tor, name: "rack", addresses: [...torAddresses] },
    { namespace: host, name: "eth0", addresses: ["10.99.0.1/24", "fd00:99::1/64"] },
  );
  return { tor, host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** What the router holds with our AS in its path. */
async function holds(router: Router, wanted: readonly string[]): Promise<void> {
  await waitFor(
    async (saw) => {
      const routes = [...(await router.routes("ipv4")), ...(await router.routes("ipv6"))];
      const held = routes.filter(({ asPath }) => asPath.includes(65000)).map(({ prefix }) => prefix);
      saw(held);
      return isDeepStrictEqual(held.sort(), [...wanted].sort());
    },
    { what: `${router.kind} holds of ours exactly ${wanted.join(", ") || "nothing"}` },
  );
}

const counterparts = [
  { name: "BIRD", start: startBird, config: birdConfig(spec), told: "10.99.0.0/24" },
  { name: "FRR", start: startFrr, config: frrConfig(spec), told: "10.99.0.0/24" },
  { name: "GoBGP", start: startGoBgp, config: goBgpConfig(spec), told: null },
  { name: "OpenBGPD", start: startOpenBgpd, config: openBgpdConfig(spec), told: "10.99.0.0/24" },
];

describe.each(counterparts)("by the README's example alone, brindle-bgp and $name", ({ name, start, config, told }) => {
  it("exchange routes of both families, which the example's filter marks", async () => {
    await using rack = await createRack(name.toLowerCase());
    await using router = await start({ namespace: rack.tor, config });
    await using daemon = await BgpDaemon.start(rack.host, await readmeExample());
    await daemon.established("tor-a");
    await holds(router, ours);
    if (told !== null) {
      await waitFor(async () => (await daemon.route(told)).length === 1, { what: `${told} is learned` });
      expect(await daemon.route(told)).toMatchObject([{ best: true, from: "tor-a", communities: ["65000:100"] }]);
    }
    const { peers, rib } = await daemon.summary();
    const tor = peers.find((peer) => peer.name === "tor-a");
    expect(tor).toMatchObject({ state: "established", advertised: 2 });
    expect((tor?.accepted ?? 0) + (tor?.filtered ?? 0)).toBe(tor?.received); // FRR tells us what it has of us.
    expect(rib.prefixes).toBe((await daemon.routes()).length);
    expect(peers.find((peer) => peer.name === "tor-b")).toMatchObject({ state: "active", accepted: null });
  });
});

/** The router that the example has for tor-b: it keeps no table, so its log is asked what it heard. */
const exaBgpConfig = `neighbor 10.99.0.1 {
  router-id 10.99.0.3;
  local-address 10.99.0.3;
  local-as 65002;
  peer-as 65000;
  hold-time 30;
  family { ipv4 unicast; ipv6 unicast; }
  static { route 10.77.0.0/24 next-hop 10.99.0.3 large-community 65002:1:2; }
}
`;

describe("by the README's example alone, brindle-bgp and ExaBGP", () => {
  it("exchange routes with their attributes, as tor-b, which dials", async () => {
    await using rack = await createRack("exabgp", ["10.99.0.3/24"]);
    await using daemon = await BgpDaemon.start(rack.host, await readmeExample());
    await using exaBgp = await startExaBgp(rack.tor, exaBgpConfig);
    await daemon.established("tor-b");
    await waitFor(async () => (await daemon.route("10.77.0.0/24")).length === 1, { what: "10.77.0.0/24 is learned" });
    expect(await daemon.route("10.77.0.0/24")).toMatchObject([
      { best: true, from: "tor-b", asPath: "65002", largeCommunities: ["65002:1:2"] },
    ]);
    await waitFor(
      (saw) => {
        const heard = exaBgp.log().match(/decoded UPDATE .*/g) ?? [];
        saw(heard);
        const has = (...parts: readonly string[]): boolean =>
          heard.some((line) => parts.every((part) => line.includes(part)));
        return has('"192.0.2.0/24"') && has('"2001:db8:99::/48"', '"med": 50', "[ 65000, 1 , 2 ]");
      },
      { what: "ExaBGP hears our prefixes of both families", deadlineMs: 30_000 },
    );
  });
});

describe("brindle-bgp", () => {
  let rack: Awaited<ReturnType<typeof createRack>>;
  let router: Router;
  let example: string;

  beforeAll(async () => {
    rack = await createRack("reload");
    router = await startBird({ namespace: rack.tor, config: birdConfig(spec) });
    example = await readmeExample();
  });
  afterAll(async () => {
    await router[Symbol.asyncDispose]();
    await rack[Symbol.asyncDispose]();
  });

  async function start(text = example): Promise<BgpDaemon> {
    const daemon = await BgpDaemon.start(rack.host, text);
    await daemon.established("tor-a");
    await holds(router, ours);
    return daemon;
  }

  it("tells what another file would cost, and does nothing", async () => {
    await using daemon = await start();
    const before = await daemon.peer("tor-a");
    const { stdout, exitCode } = await daemon.check(example.replace("holdTime: 30s", "holdTime: 60s"));
    expect([exitCode, stdout.split("\n")]).toEqual([
      0,
      [
        "peer tor-a holdTime: 30s -> 60s: reset (the session ends and comes back)",
        "peer tor-b holdTime: 30s -> 60s: reset (the session ends and comes back)",
        "peers reset: 2, of which Established now: 1",
        "",
      ],
    ]);
    expect((await daemon.peer("tor-a")).sinceMs).toBe(before.sinceMs);
  });

  it("looks for a password beside the file that names it, wherever the daemon runs", async () => {
    await using daemon = await start();
    await writeFile(join(daemon.folder, "tor.password"), "secret");
    const { stdout, stderr } = await daemon.check(
      example.replace("asNumber: 65001", "asNumber: 65001, passwordFile: tor.password"),
    );
    expect([stdout, stderr].join("")).toContain("peer tor-a passwordFile: (a secret) -> (another secret): reset (");
  });

  it("resets nobody for what a refresh does, and says so before it acts", async () => {
    await using daemon = await start();
    const before = await daemon.peer("tor-a");
    await daemon.write(
      example.replace("exportPolicy: accept", "exportPolicy: [192.0.2.0/24]").replace("med: 50", "med: 60"),
    );
    const { stdout } = await daemon.brindlectl("bgp", "reload");
    expect(stdout).toContain("peer tor-a exportPolicy: accept -> a list of 1: refresh (");
    expect(stdout).toContain("originate: 2 -> 2: nothing (1 new or changed, 0 withdrawn)");
    await holds(router, ["192.0.2.0/24"]);
    await daemon.write(example);
    daemon.process.kill("SIGHUP");
    await holds(router, ours);
    expect(await daemon.peer("tor-a")).toMatchObject({ sinceMs: before.sinceMs, flaps: 0 });
  });

  it("changes nothing for a file with mistakes, and tells all of them", async () => {
    await using daemon = await start();
    const before = await daemon.peer("tor-a");
    await daemon.write(example.replace("holdTime: 30s", "holdTime: 30").replace("med: 50", "med: -1"));
    const { stderr, exitCode } = await daemon.brindlectl("bgp", "reload");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("templates.tor.holdTime: 30 is no duration like 90s or 1m30s");
    expect(stderr).toContain("originate[1].med: -1 is no whole number from 0 to 4294967295");
    expect(stderr).toContain("nothing has changed");
    daemon.process.kill("SIGHUP");
    await waitFor(() => daemon.process.output().includes("nothing has changed"), { what: "SIGHUP is answered" });
    expect((await daemon.peer("tor-a")).sinceMs).toBe(before.sinceMs);
    await holds(router, ours);
  });

  it("resets a peer where it must, which comes back", async () => {
    await using daemon = await start();
    await daemon.write(example.replace("holdTime: 30s", "holdTime: 60s"));
    await daemon.brindlectl("bgp", "reload");
    await waitFor(
      async () => {
        const { phase, journal, negotiated } = await daemon.peer("tor-a");
        const left = journal.some(
          ({ from, reason }) => from === "established" && reason === "its configuration changed",
        );
        return phase === "established" && left && negotiated !== null;
      },
      { what: "the session came back", deadlineMs: 40_000 },
    );
    await holds(router, ours);
  });

  it("answers elsewhere after a reload that says so, and as before where that cannot be had", async () => {
    await using daemon = await start();
    const moved = join(daemon.folder, "moved.sock");
    const text = await readFile(daemon.file, "utf8");
    const ask = `fetch("http://127.0.0.1:9180/metrics").then((r) => r.text()).then((t) => process.stdout.write(t))`;
    const metrics = "metrics: { address: 127.0.0.1, port: 9180 }\n";
    await writeFile(daemon.file, `${text.replace(daemon.socket, join(daemon.file, "no.sock"))}${metrics}`);
    const refused = await daemon.brindlectl("bgp", "reload");
    expect(refused.exitCode).toBe(1);
    expect((await daemon.summary()).peers.length).toBeGreaterThan(0);
    expect((await rack.host.run(process.execPath, ["-e", ask])).exitCode).not.toBe(0);

    await writeFile(daemon.file, `${text.replace(daemon.socket, moved)}${metrics}`);
    const { stdout, exitCode } = await daemon.brindlectl("bgp", "reload");
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`controlSocket: ${daemon.socket} -> ${moved}: nothing (answers there from now on)`);
    expect(stdout).toContain("metrics: (none) -> 127.0.0.1 9180: nothing");
    expect((await brindlectl(["bgp", "summary", "--socket", moved])).exitCode).toBe(0);
    await waitFor(async () => (await daemon.brindlectl("bgp", "summary")).exitCode !== 0, {
      what: "the old one is gone",
    });
    expect(await rack.host.exec(process.execPath, ["-e", ask])).toContain("brindle_bgp_rib_prefixes");
    expect(daemon.process.output()).not.toContain("lost");
  });

  it("ends on SIGTERM, with its socket", async () => {
    await using daemon = await start(example.replace(/^gracefulRestart: .*$/m, ""));
    daemon.process.kill("SIGTERM");
    expect(await daemon.process.exited).toMatchObject({ exitCode: 0 });
    await holds(router, []);
    const { stderr } = await daemon.brindlectl("bgp", "summary");
    expect(stderr).toContain(`nothing listens at ${daemon.socket}`);
  });

  it("shows Prometheus what brindlectl shows", async () => {
    await using daemon = await start(`${example}metrics: { address: 127.0.0.1 }\n`);
    const program = "fetch('http://127.0.0.1:9179/metrics').then((r) => r.text()).then((t) => process.stdout.write(t))";
    const text = await rack.host.exec(process.execPath, ["-e", program]);
    expect(text).toContain('brindle_bgp_peer_established{peer="tor-a",asn="65001"} 1');
    expect(text).toContain('brindle_bgp_peer_established{peer="tor-b",asn="65002"} 0');
    expect(text).toMatch(/brindle_bgp_peer_routes\{peer="tor-a",family="ipv4",kind="advertised"\} 1\n/);
    expect(text).toContain(`brindle_bgp_rib_prefixes ${(await daemon.summary()).rib.prefixes}\n`);
  });

  it("writes down what it does, to be played again", async () => {
    const instance = await processInstance();
    const path = join(await instance.createDirectory("recording"), "run.jsonl");
    await using daemon = await BgpDaemon.start(rack.host, example, ["--record", path]);
    await daemon.established("tor-a");
    await holds(router, ours);
    await daemon.write(example.replace("med: 50", "med: 60"));
    await daemon.brindlectl("bgp", "reload");
    await daemon.process.stop();
    const lines = (await readFile(path, "utf8")).split("\n");
    expect(lines.length).toBeGreaterThan(10);
    expect(replay(lines)).toBeNull();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    { who: "restart gracefully with it", without: /$^/ },
    { who: "do not", without: /^gracefulRestart: .*$/m },
  ])("begins anew for a recording that is played again, with peers that $who", async ({ without }) => {
    // For tor-b, which is not there, a speaker that takes over would wait.
    await using daemon = await start(example.replace(without, "").replace(/^ {2}- \{ name: tor-b,.*$/m, ""));
    const lines: string[] = [];
    const fetchMore = async (query: object): Promise<number> => {
      const piece = await callControl(daemon.socket, "bgp.record", query, { timeoutMs: 30_000 });
      const { id, lines: more, ended } = piece as { id: number; lines: string[]; ended: string | null };
      expect(ended).toBeNull();
      lines.push(...more);
      return id;
    };
    const id = await fetchMore({ afresh: true });
    await waitFor(
      async () => {
        await fetchMore({ id });
        return lines.some((line) => line.includes('"type":"bestChanged"') && line.includes('"from":"tor-a"'));
      },
      { what: "the recording has what tor-a tells" },
    );
    expect(replay(lines)).toBeNull();
    await holds(router, ours);
    expect(await daemon.brindlectl("bgp", "reload")).toMatchObject({ exitCode: 0 });
    await holds(router, ours);
  });

  it("rehearses another policy on what it has", async () => {
    await using daemon = await start();
    const path = join(daemon.folder, "rehearsed.yaml");
    await writeFile(path, example.replace("exportPolicy: accept", "exportPolicy: [192.0.2.0/24]"));
    const { stdout } = await daemon.brindlectl("bgp", "advertised", "tor-a", "-f", path);
    expect(stdout).toMatch(/^gone +2001:db8:99::\/48 +fd00:99::1 +65000 +- +50 +65000:1 65000:1:2 +policy$/m);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    await holds(router, ours);
  });

  it("dumps its table so that GoBGP takes it over", async () => {
    await using daemon = await start();
    const path = join(daemon.folder, "table.mrt");
    expect(await daemon.brindlectl("bgp", "dump", "--mrt", path)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await daemon.brindlectl("bgp", "dump", "--mrt", path)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("there is such a file"),
    });
    await using empty = await createNamespace("mrt");
    await using reader = await startGoBgp({
      namespace: empty,
      config: goBgpConfig({ ...spec, asn: 64999, neighbors: [] }),
    });
    // GoBGP 3.10 ends at the first MP_REACH_NLRI in the form of RFC 6396 §4.3.4: it takes it for that of an UPDATE.
    const all = [...readMrt(await readFile(path))].filter((record) => record.kind !== "fault");
    expect(all.map(({ kind }) => kind)).toEqual(["peerIndex", "rib", "rib", "rib", "rib"]);
    const plain = all.filter((record) => record.kind !== "rib" || record.prefix.address.family === 4);
    await writeFile(path, Buffer.concat(plain.map(encodeMrt)));
    await waitFor(
      async (saw) => {
        await reader.show(`mrt inject global ${path}`);
        const routes = await reader.routes("ipv4");
        const found = routes.map(({ prefix, asPath }) => `${prefix} ${asPath.join(" ")}`.trim()).sort();
        saw(found);
        return found.includes("192.0.2.0/24"); // Of the last routes of a file it may lose some.
      },
      { what: "GoBGP holds what brindle-bgp announces" },
    );
  });

  it("does not start with a file that is wrong, and says where", async () => {
    await expect(BgpDaemon.start(rack.host, example.replace("65000", "0"))).rejects.toMatchObject({
      failure: { output: expect.stringContaining("asNumber: 0 is no AS number") },
    });
  });
});
