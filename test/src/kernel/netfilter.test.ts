/** Logged packets, tracked flows and counters of rules: what the kernel says is what was sent. */
import { decodeIpPacket, type Family, formatAddress, type LoggedPacket } from "@brindle/net";
import { openFlowSocket, openLogSocket, openRuleCounters } from "@brindle/net/shell";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const here: Record<Family, string> = { 4: "192.0.2.1", 6: "2001:db8::1" };
const there: Record<Family, string> = { 4: "192.0.2.2", 6: "2001:db8::2" };
const families = [4, 6] as const;

let node: Namespace;
let peer: Namespace;

beforeAll(async () => {
  node = await createNamespace("nfnode");
  peer = await createNamespace("nfpeer");
  await linkNamespaces(
    { namespace: node, name: "eth0", addresses: [`${here[4]}/24`, `${here[6]}/64`] },
    { namespace: peer, name: "eth0", addresses: [`${there[4]}/24`, `${there[6]}/64`] },
  );
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await peer?.[Symbol.asyncDispose]();
});

function iptables(family: Family, backend: "nft" | "legacy", ...words: string[]): Promise<string> {
  return node.exec(`${family === 4 ? "iptables" : "ip6tables"}-${backend}`, words);
}

async function ping(family: Family, count: number): Promise<void> {
  await peer.exec("ping", ["-n", "-q", "-i", "0.01", "-c", String(count), "-W", "5", here[family]]);
}

/** A datagram to a port where nobody listens. */
async function datagram(family: Family, port: number): Promise<void> {
  await peer.exec("bash", ["--norc", "-c", `echo > /dev/udp/${here[family]}/${port}`]).catch(() => {});
}

describe("logged packets", () => {
  for (const family of families) {
    it(`come as they were sent, numbered, of IPv${family}`, async () => {
      const rule = [
        "INPUT",
        "-p",
        "udp",
        "--dport",
        "7777",
        "-j",
        "NFLOG",
        "--nflog-group",
        "7",
        "--nflog-prefix",
        "seen",
      ];
      await iptables(family, "nft", "-I", ...rule);
      const packets: LoggedPacket[] = [];
      using _socket = await openLogSocket({
        namespace: node.path,
        group: 7,
        copyBytes: 128,
        gatherMax: 1,
        gatherCentiseconds: 1,
        onPacket: (packet) => packets.push(packet),
      });
      await waitFor(() => datagram(family, 7777).then(() => packets.length >= 2), { what: "packets are logged" });
      const [packet] = packets;
      const decoded = decodeIpPacket(packet?.payload ?? new Uint8Array(0));
      expect(decoded).toMatchObject({ protocol: 17, destinationPort: 7777 });
      expect(decoded && [formatAddress(decoded.source), formatAddress(decoded.destination)]).toEqual([
        there[family],
        here[family],
      ]);
      expect(packet).toMatchObject({ group: 7, prefix: "seen", sequence: 0, outInterface: null });
      expect(packet?.inInterface).toBeGreaterThan(0);
      await iptables(family, "nft", "-D", ...rule);
    });
  }

  it("are heard by one alone", async () => {
    const options = {
      namespace: node.path,
      group: 9,
      copyBytes: 64,
      gatherMax: 1,
      gatherCentiseconds: 1,
      onPacket() {},
    };
    using _first = await openLogSocket(options);
    await expect(openLogSocket(options)).rejects.toMatchObject({ failure: { code: "DENIED" } });
  });
});

describe("flows", () => {
  for (const family of families) {
    it(`are listed and marked, bit by bit, of IPv${family}`, async () => {
      await iptables(family, "nft", "-I", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT");
      using flows = await openFlowSocket({ namespace: node.path });
      await datagram(family, 7000 + family);
      const found = async () =>
        (await flows.list()).filter(({ original }) => original.destinationPort === 7000 + family);
      await waitFor(async () => (await found()).length === 1, { what: "the flow is tracked" });
      const [flow] = await found();
      if (!flow) throw new Error("it was there");
      expect([flow.original, flow.reply].map(({ source }) => formatAddress(source))).toEqual([
        there[family],
        here[family],
      ]);
      expect(flow).toMatchObject({ mark: 0, zone: 0, isExpected: false, original: { protocol: 17 } });
      expect(await flows.mark([flow], { value: 0x5, mask: 0x5 })).toBe(1);
      expect(await flows.mark([flow], { value: 0x2, mask: 0x6 })).toBe(1);
      expect((await found())[0]?.mark).toBe(0x3);
      const gone = { ...flow, original: { ...flow.original, destinationPort: 1 } };
      expect(await flows.mark([gone], { value: 1, mask: 1 })).toBe(0);
    });
  }

  it("of echo requests are told apart by their number", async () => {
    using flows = await openFlowSocket({ namespace: node.path });
    await ping(4, 1);
    const [flow] = (await flows.list()).filter(({ original }) => original.protocol === 1);
    expect(flow?.original.icmp).toMatchObject({ type: 8, code: 0 });
    expect(await flows.mark(flow ? [flow] : [], { value: 1, mask: 1 })).toBe(1);
  });
});

describe("counters of rules", () => {
  for (const backend of ["nft", "legacy"] as const) {
    for (const family of families) {
      it(`are read of one chain and of all, ${backend}, IPv${family}`, async () => {
        const comment = (text: string) => ["-m", "comment", "--comment", text];
        await iptables(family, backend, "-N", "counted");
        await iptables(family, backend, "-I", "INPUT", ...comment("to counted"), "-j", "counted");
        await iptables(
          family,
          backend,
          "-A",
          "counted",
          "-p",
          family === 4 ? "icmp" : "icmpv6",
          ...comment("pings and more"),
        );
        await iptables(family, backend, "-A", "counted", "-p", "sctp", ...comment("nothing"));
        const counters = await openRuleCounters({ family, backend, namespace: node.path });
        await ping(family, 5);
        const [pings, nothing] = await counters.read(["counted", "none"]);
        expect(pings).toMatchObject({ chain: "counted", comment: "pings and more" });
        expect(pings?.packets).toBeGreaterThanOrEqual(5);
        expect(nothing).toEqual({ chain: "counted", comment: "nothing", packets: 0 });
        const all = await counters.read();
        expect(all.map(({ chain }) => chain)).toEqual(expect.arrayContaining(["INPUT", "counted"]));
        expect(all.filter(({ leadsTo }) => leadsTo === "counted").map(({ chain }) => chain)).toEqual(["INPUT"]);
        await iptables(family, backend, "-t", "mangle", "-N", "counted");
        await iptables(family, backend, "-t", "mangle", "-A", "POSTROUTING", "-j", "counted");
        expect(await counters.read(["POSTROUTING"], "mangle")).toMatchObject([{ leadsTo: "counted" }]);
        expect(await counters.read(["POSTROUTING"], "raw")).toEqual([]);
        counters.close();
      });
    }
  }
});
