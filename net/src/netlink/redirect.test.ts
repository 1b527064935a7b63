/** Filters as the kernel tells them. What each kind says of itself has numbers of its own. */
import { describe, expect, it } from "vitest";
import { decodeMessages, type NetlinkMessage } from "./message.ts";
import { addRedirect, decodeIngressFilter, isOurRedirect } from "./redirect.ts";

/** RTM_NEWTFILTER of an interface with index 3, of all protocols. */
const told = {
  "a priority of bpf filters":
    "340000002c00020001000000da070000000000000300000000000000f2ffffff00030900080001006270660008000b0000000000",
  "an eBPF filter, which has its name where a u32 has its actions":
    "700000002c00020001000000da070000000000000300000001000000f2ffffff00030900080001006270660008000b0000000000" +
    "3c0002001200070063696c5f66726f6d3a5b34325d00000008000b00640000000c000a0059f4a931744dcdc608000800010000000800090008000000",
  "a classic BPF filter":
    "5c0000002c00020001000000da070000000000000300000001000000f2ffffff00030600080001006270660008000b0000000000" +
    "28000200080003000100010006000400010000000c00050006000000ffffffff0800090008000000",
} as const;

function messageOf(hex: string): NetlinkMessage {
  const [message] = decodeMessages(Uint8Array.from(Buffer.from(hex, "hex"))) ?? [];
  if (!message) throw new Error("no message");
  return message;
}

describe("what comes in by an interface has", () => {
  it("filters of kinds that are not ours, whatever they say of themselves", () => {
    const found = Object.values(told).map((hex) => decodeIngressFilter(messageOf(hex)));
    const filter = { interfaceIndex: 3, kind: "bpf", handle: 1, isOfAllProtocols: true, redirectsTo: null };
    expect(found).toEqual([null, { ...filter, priority: 9 }, { ...filter, priority: 6 }]);
  });

  it("a u32 even where nobody can tell what it does", () => {
    const broken = told["an eBPF filter, which has its name where a u32 has its actions"].replace(
      "62706600",
      Buffer.from("u32\0").toString("hex"),
    );
    expect(decodeIngressFilter(messageOf(broken))).toMatchObject({ kind: "u32", priority: 9, redirectsTo: null });
  });

  it("our redirection, as it was asked for", () => {
    const { type, flags, body } = addRedirect({ interfaceIndex: 7, toIndex: 9 });
    const found = decodeIngressFilter({ type, flags, sequence: 0, port: 0, body });
    expect(found).toMatchObject({ interfaceIndex: 7, kind: "u32", redirectsTo: 9, isOfAllProtocols: true });
    expect(found && isOurRedirect(found)).toBe(true);
  });
});
