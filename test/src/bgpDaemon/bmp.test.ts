/** BMP (RFC 7854, 8671, 9069) as a collector of others understands it: pmacct's. */
import { afterAll, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces } from "../fixtures/namespace.ts";
import { type BmpLine, startPmbmpd } from "../fixtures/pmbmpd.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { BgpDaemon } from "./daemon.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const birdConfig = `router id 10.98.0.2;
protocol device {}
protocol static four { ipv4; route 198.51.100.0/24 unreachable; }
protocol static six { ipv6; route 2001:db8:1::/48 unreachable; }
protocol bgp server {
  local 10.98.0.2 as 65001;
  neighbor 10.98.0.1 as 65000;
  connect delay time 1;
  ipv4 { export where source = RTS_STATIC; import all; };
  ipv6 { export where source = RTS_STATIC; import all; next hop address fd00:98::2; };
}
`;

const speakerYaml = `asNumber: 65000
routerID: 10.98.0.1
hostName: rs1
listen: [{ address: 10.98.0.1 }]
controlSocket: /run/brindle/bgp.sock
metrics: { address: 127.0.0.1 }
bmp:
  - address: 10.98.0.2
    port: 1790
    monitor: [inPrePolicy, inPostPolicy, outPrePolicy, outPostPolicy, locRib]
    statisticsInterval: 1s
    connectRetryTime: 1s
peers:
  - name: tor
    peerIP: 10.98.0.2
    asNumber: 65001
    passive: true
    nextHop: { ipv6: "fd00:98::1" }
    importPolicy: [198.51.100.0/24]
    exportPolicy: ["2001:db8:99::/48"]
originate: [192.0.2.0/24, "2001:db8:99::/48"]
`;

/** `in post update 198.51.100.0/24` */
function routeOf({ is_loc, is_out, is_post, log_type, ip_prefix }: BmpLine): string {
  const table = is_loc ? "loc" : `${is_out ? "out" : "in"}${is_post ? " post" : ""}`;
  return `${table} ${log_type} ${ip_prefix}`;
}

it("RFC 7854 §3 to §4.10, RFC 8671, RFC 9069: pmacct understands all that we tell", async () => {
  await using router = await createNamespace("bmp-router");
  await using host = await createNamespace("bmp-host");
  await linkNamespaces(
    { namespace: router, name: "rack", addresses: ["10.98.0.2/24", "fd00:98::2/64"] },
    { namespace: host, name: "eth0", addresses: ["10.98.0.1/24", "fd00:98::1/64"] },
  );
  await using collector = await startPmbmpd(router, { port: 1790 });
  const told = async (type: BmpLine["bmp_msg_type"]): Promise<BmpLine[]> => {
    return (await collector.lines()).filter(({ bmp_msg_type }) => bmp_msg_type === type);
  };
  const routes = async (): Promise<string[]> => (await told("route_monitor")).map(routeOf);
  const hears = (lines: readonly string[]): Promise<unknown> => {
    const isHeard = async (saw: (seen: unknown) => void): Promise<boolean> => {
      const heard = await routes();
      saw(heard);
      return lines.every((line) => heard.includes(line));
    };
    return waitFor(isHeard, { what: `pmacct hears ${lines.join(", ")}`, deadlineMs: 30_000 });
  };

  await using bird = await startBird({ namespace: router, config: birdConfig });
  await using daemon = await BgpDaemon.start(host, speakerYaml);
  await daemon.established("tor");
  await hears([
    "in update 198.51.100.0/24",
    "in update 2001:db8:1::/48",
    "in post update 198.51.100.0/24",
    "out update 192.0.2.0/24",
    "out update 2001:db8:99::/48",
    "out post update 2001:db8:99::/48",
    "loc update 198.51.100.0/24",
    "loc update 192.0.2.0/24",
    "loc update 2001:db8:99::/48",
  ]);
  expect(await routes()).not.toContain("in post update 2001:db8:1::/48");
  expect(await routes()).not.toContain("out post update 192.0.2.0/24");
  expect(await told("init")).toMatchObject([{ bmp_init_info_sysname: "rs1" }]);
  expect((await told("peer_up")).toSorted((a, b) => Number(a.peer_type) - Number(b.peer_type))).toMatchObject([
    { peer_ip: "10.98.0.2", peer_asn: 65001, bgp_id: "10.98.0.2", local_ip: "10.98.0.1", local_port: 179 },
    { peer_asn: 65000, bgp_id: "10.98.0.1", is_loc: 1, bmp_peer_up_info_3: "67-6C-6F-62-61-6C" },
  ]);
  const learned = (await told("route_monitor")).find((line) => routeOf(line) === "in update 198.51.100.0/24");
  expect(learned).toMatchObject({ bgp_nexthop: "10.98.0.2", as_path: "65001", origin: "i" });
  await waitFor(async () => (await told("stats")).some((line) => line.counter_type === 7 && line.counter_value === 2), {
    what: "pmacct is told of two routes in Adj-RIB-In",
  });
  await waitFor(async () => (await told("stats")).some((line) => line.counter_type === 0 && line.counter_value === 1), {
    what: "pmacct is told of one that policy refused",
  });
  const summary = await daemon.brindlectl("bgp", "summary");
  expect(summary.stdout).toMatch(/10\.98\.0\.2:1790 +Up /);
  const ask = "fetch('http://127.0.0.1:9179/metrics').then((r) => r.text()).then((t) => process.stdout.write(t))";
  const page = await host.run(process.execPath, ["-e", ask]);
  expect(page.stdout).toContain('brindle_bgp_bmp_up{station="10.98.0.2:1790"} 1');
  expect(page.stdout).toContain("# TYPE brindle_bgp_bmp_messages_total counter");

  // A route ends, a session ends, the speaker ends: each is told.
  await daemon.write(speakerYaml.replace("[192.0.2.0/24, ", "["));
  expect((await daemon.brindlectl("bgp", "reload")).exitCode).toBe(0);
  await hears(["out withdraw 192.0.2.0/24", "loc withdraw 192.0.2.0/24"]);
  await bird.show("disable server");
  await waitFor(async () => (await told("peer_down")).length > 0, { what: "pmacct hears that the session ended" });
  expect(await told("peer_down")).toMatchObject([{ peer_ip: "10.98.0.2", reason_type: 3 }]);
  await daemon.process.stop({ graceMs: 30_000 });
  await waitFor(async () => (await told("term")).length > 0, { what: "pmacct hears that we end" });
  expect(await told("term")).toMatchObject([{ bmp_term_info_reason: "Session permanently administratively closed" }]);
});
