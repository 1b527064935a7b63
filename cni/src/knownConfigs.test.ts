import { describe, expect, it } from "vitest";
import { KnownConfigs } from "./knownConfigs.ts";

function stdin(more: object = {}): string {
  const ipam = { type: "brindle-ipam" };
  return JSON.stringify({ cniVersion: "1.0.0", name: "k8s-pod-network", type: "brindle", ipam, ...more });
}

describe("KnownConfigs", () => {
  it("has the same for the same text, and another for another", () => {
    const configs = new KnownConfigs();
    const first = configs.ofAdd(stdin());
    expect(configs.ofAdd(stdin())).toBe(first);
    expect(configs.ofAdd(stdin({ mtu: 1400 }))).toMatchObject({ network: "k8s-pod-network", mtu: 1400 });
    expect(configs.ofAdd(stdin())).toBe(first);
  });

  it("refuses what is refused each time, as what an earlier plugin has answered", () => {
    const configs = new KnownConfigs();
    for (const refused of ["{", stdin({ cniVersion: "9.9.9" }), stdin({ prevResult: {} }), stdin({ password: "x" })])
      for (let times = 0; times < 2; times++) expect(() => configs.ofAdd(refused)).toThrow();
  });

  it("keeps some and no more, and nothing that is long", () => {
    const configs = new KnownConfigs();
    const texts = Array.from({ length: 9 }, (_, n) => stdin({ mtu: 1400 + n }));
    const parsed = texts.map((text) => configs.ofAdd(text));
    expect(configs.ofAdd(texts[8] ?? "")).toBe(parsed[8]);
    expect(configs.ofAdd(texts[0] ?? "")).not.toBe(parsed[0]);
    const long = stdin({ "cni.dev/note": "x".repeat(20_000) });
    expect(configs.ofAdd(long)).not.toBe(configs.ofAdd(long));
  });
});
