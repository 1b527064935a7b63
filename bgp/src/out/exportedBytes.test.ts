import { describe, expect, it } from "vitest";
import { emptySummary, summarizeAttributes } from "../wire/attributeSummary.ts";
import { encodeAttributes } from "../wire/attributesEncoder.ts";
import type { PathAttributes } from "../wire/message.ts";
import { address, seededRandom } from "../wire/testing.ts";
import { canExportBytes, exportBytes } from "./exportedBytes.ts";
import { exportedAttributes } from "./exportView.ts";

const context = { fourOctetAs: true };

describe("exportBytes", () => {
  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`makes the bytes that values would give, or leaves it to them (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    let made = 0;
    for (let i = 0; i < 5_000; i++) {
      const attributes = randomAttributes(random);
      const terms = { external: random(2) === 0, localAsn: 64512 + random(100_000) };
      const keepsMed = random(2) === 0;
      const marks = { originator: 1 + random(9), clusterId: random(9) };
      const isReflected = !terms.external && random(2) === 0;
      const nextHop = random(4) === 0 ? null : address(`192.0.2.${random(255)}`);
      const bytes = encodeAttributes(attributes, null, context);
      const { flags } = summaryOf(bytes);
      if (!canExportBytes(flags, terms)) continue;
      const into = new Uint8Array(bytes.length + 64);
      const to = { ...terms, keepsMed, nextHop4: nextHop === null ? null : Number(nextHop.value) };
      const toClient = { ...to, ...(isReflected && { reflected: marks }) };
      const length = exportBytes(bytes, flags, toClient, into);
      const reflection = { clusterId: marks.clusterId, toClient: true };
      const told = { keepsMed, originator: isReflected ? marks.originator : null };
      const value = exportedAttributes(attributes, { ...terms, reflection }, told);
      const byValues = encodeAttributes(value, nextHop, context);
      expect(into.subarray(0, length)).toEqual(byValues);
      made += 1;
    }
    expect(made).toBeGreaterThan(1_000);
  });

  it("leaves to values a path with no room in its first segment", () => {
    for (const asns of [[], Array.from({ length: 255 }, () => 7)]) {
      const asPath = asns.length > 0 ? [{ type: "sequence" as const, asns }] : [];
      const { flags } = summaryOf(encodeAttributes({ origin: "igp", asPath }, null, context));
      expect([canExportBytes(flags, { external: true }), canExportBytes(flags, { external: false })]).toEqual([
        false,
        true,
      ]);
    }
  });
});

function summaryOf(bytes: Uint8Array): { readonly flags: number } {
  const summary = emptySummary();
  summarizeAttributes(bytes, bytes.length, summary);
  return summary;
}

function randomAttributes(random: (limit: number) => number): PathAttributes {
  const asns = Array.from({ length: random(90) }, () => 1 + random(100_000));
  const has = (): boolean => random(3) === 0;
  return {
    origin: (["igp", "egp", "incomplete"] as const)[random(3)] ?? "igp",
    asPath: asns.length > 0 ? [{ type: random(9) === 0 ? "set" : "sequence", asns }] : [],
    ...(has() && { med: random(1000) }),
    ...(has() && { localPref: random(1000) }),
    ...(has() && { atomicAggregate: true }),
    ...(has() && { aggregator: { asn: 1 + random(100_000), address: random(2 ** 31) } }),
    ...(has() && { communities: Array.from({ length: 1 + random(70) }, () => random(2 ** 31)) }),
    ...(has() && { originatorId: 1 + random(9) }),
    ...(has() && { clusterList: [random(9), random(9)] }),
    ...(random(9) === 0 && { extendedCommunities: ["0002fde800000001"] }),
    ...(has() && { largeCommunities: [[1, 2, random(9)] as const] }),
    ...(random(9) === 0 && { unknown: [{ code: 99, flags: 0xe0, value: Uint8Array.of(1, 2) }] }),
  };
}
