import { formatPrefix, parsePrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { seededRandom, unpacked } from "../wire/testing.ts";
import { packTexts } from "./packed.ts";

describe("packTexts", () => {
  it("reads both families", () => {
    const packed = packTexts(["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "255.255.255.255/32", "::/0"]);
    expect(typeof packed !== "string" && unpacked(packed[4])).toEqual([
      "10.0.0.0/8",
      "0.0.0.0/0",
      "255.255.255.255/32",
    ]);
    expect(typeof packed !== "string" && unpacked(packed[6])).toEqual(["2001:db8::/32", "::/0"]);
  });

  const refused = ["10.0.0.1/8", "10.0.0.0/33", "010.0.0.0/8", "10.0.0.0", "10.0.0/24", "10.0.0.0.0/8", "256.0.0.0/8"];
  for (const text of [
    ...refused,
    "-1.0.0.0/8",
    "1e1.0.0.0/8",
    "10.0.0.0/08",
    "0.0.0.1/0",
    "fd00::1/64",
    " 10.0.0.0/8",
    "",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(packTexts(["10.0.0.0/8", text])).toBe(text));
  }

  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`agrees with parsePrefix about random texts (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const octet = (): number => [0, 0, 128, 255, 256, random(256)][random(6)] ?? 0;
    for (let i = 0; i < 5_000; i++) {
      const text = `${octet()}.${octet()}.${octet()}.${octet()}/${random(35)}`;
      const prefix = parsePrefix(text);
      const packed = packTexts([text]);
      expect(typeof packed === "string" ? null : unpacked(packed[4])[0]).toBe(prefix && formatPrefix(prefix));
    }
  });
});
