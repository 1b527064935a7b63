import { describe, expect, it } from "vitest";
import { ceaseNotification, shutdownText } from "./notification.ts";
import { describeNotification } from "./notificationText.ts";
import { hex } from "./testing.ts";
import { formatAsPath, formatCommunity, formatLargeCommunity } from "./text.ts";

describe("the shutdown communication of RFC 9003", () => {
  const texts = ["maintenance", "Wartung bis 18 Uhr: Ä Ö Ü", "メンテナンス"];
  for (const subcode of [2, 4]) {
    for (const text of texts) {
      it(`brings ${text} with subcode ${subcode}`, () => {
        expect(shutdownText(ceaseNotification(subcode, text))).toBe(text);
      });
    }
  }

  it("is cut at 255 bytes, never inside a character", () => {
    const { data } = ceaseNotification(2, "ä".repeat(200));
    expect(data[0]).toBe(254);
    expect(shutdownText(ceaseNotification(2, "ä".repeat(200)))).toBe("ä".repeat(127));
  });

  it("goes with no other subcode", () => expect(ceaseNotification(3, "gone").data).toHaveLength(0));
  it("is absent when the length is more than the data", () => {
    expect(shutdownText({ code: 6, subcode: 2, data: hex("05 6869") })).toBeNull();
  });
});

describe("describeNotification (RFC 4486 §3)", () => {
  const rows: { text: string; code: number; subcode: number; data?: string }[] = [
    { text: 'Cease/Administrative Shutdown: "maintenance"', code: 6, subcode: 2, data: "0b6d61696e74656e616e6365" },
    { text: "Cease/Administrative Shutdown", code: 6, subcode: 2 },
    { text: 'Cease/Administrative Shutdown: "\ufffd[2J"', code: 6, subcode: 2, data: "041b5b324a" },
    { text: "OPEN Message Error/Unsupported Version Number: it speaks version 3", code: 2, subcode: 1, data: "0003" },
    { text: "OPEN Message Error/subcode 99", code: 2, subcode: 99 },
    { text: "OPEN Message Error", code: 2, subcode: 0 },
    { text: "error code 99, subcode 1", code: 99, subcode: 1 },
  ];
  for (const { text, code, subcode, data = "" } of rows) {
    it(`writes ${text}`, () => expect(describeNotification(code, subcode, hex(data))).toBe(text));
  }

  const hinted: { code: number; subcode: number; hint: RegExp }[] = [
    { code: 2, subcode: 2, hint: /Bad Peer AS \(the AS number configured/ },
    { code: 2, subcode: 7, hint: /Unsupported Capability \(.*family in common/ },
    { code: 4, subcode: 0, hint: /^Hold Timer Expired \(nothing was heard/ },
    { code: 6, subcode: 5, hint: /Connection Rejected \(.*no neighbour configured/ },
  ];
  for (const { code, subcode, hint } of hinted) {
    it(`hints at the cause of ${code}/${subcode}`, () => expect(describeNotification(code, subcode)).toMatch(hint));
  }
});

describe("formatAsPath, formatCommunity, formatLargeCommunity", () => {
  it("write a path with a set and confederations", () => {
    const text = formatAsPath([
      { type: "confedSequence", asns: [64512, 64513] },
      { type: "confedSet", asns: [64514] },
      { type: "sequence", asns: [65001, 4_200_000_000] },
      { type: "set", asns: [1, 2] },
    ]);
    expect(text).toBe("(64512 64513) [64514] 65001 4200000000 {1,2}");
  });
  it("write an empty path as nothing", () => expect(formatAsPath([])).toBe(""));
  it("write a community by halves", () => expect(formatCommunity(0xfc000064)).toBe("64512:100"));
  it("write a well-known community by name", () => expect(formatCommunity(0xffffff01)).toBe("no-export"));
  it("write a large community", () => expect(formatLargeCommunity([64512, 1, 2])).toBe("64512:1:2"));
});
