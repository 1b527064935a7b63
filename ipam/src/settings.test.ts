import assert from "node:assert/strict";
import type { IPAMConfiguration, IPReservation } from "@brindle/api";
import { formatPrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { defaultIpamSettings } from "./assign.ts";
import { type ConfiguredIpam, ipamSettings, reservedPrefixes } from "./settings.ts";

const apiVersion = "projectcalico.org/v3";

function configuration(spec: IPAMConfiguration["spec"]): IPAMConfiguration {
  return { apiVersion, kind: "IPAMConfiguration", metadata: { name: "default" }, spec };
}

const cases: { name: string; configured: ConfiguredIpam; settings: Partial<typeof defaultIpamSettings> }[] = [
  { name: "the defaults where nothing was written", configured: {}, settings: {} },
  { name: "a flag that is missing as false", configured: { config: {} }, settings: { autoAllocateBlocks: false } },
  {
    name: "what address management reads",
    configured: { config: { strict_affinity: true, auto_allocate_blocks: true, maxBlocksPerHost: 4 } },
    settings: { strictAffinity: true, blocksPerNodeMax: 4 },
  },
  {
    name: "no limit where it is zero",
    configured: { config: { auto_allocate_blocks: true, maxBlocksPerHost: 0 } },
    settings: {},
  },
  {
    name: "the resource where there is nothing else",
    configured: { configuration: configuration({ strictAffinity: true, maxBlocksPerHost: 2 }) },
    settings: { strictAffinity: true, blocksPerNodeMax: 2 },
  },
  {
    name: "the resource with its own defaults",
    configured: { configuration: configuration({}) },
    settings: {},
  },
  {
    name: "what address management reads before the resource",
    configured: { config: { auto_allocate_blocks: true }, configuration: configuration({ strictAffinity: true }) },
    settings: {},
  },
];

describe("ipamSettings", () => {
  for (const { name, configured, settings } of cases) {
    it(`takes ${name}`, () => assert.deepEqual(ipamSettings(configured), { ...defaultIpamSettings, ...settings }));
  }
});

describe("reservedPrefixes", () => {
  it("gathers the networks of all reservations, whole where host bits are set", () => {
    const reservation = (...reservedCIDRs: string[]): IPReservation => ({
      apiVersion,
      kind: "IPReservation",
      metadata: { name: "r" },
      spec: { reservedCIDRs },
    });
    const found = reservedPrefixes([
      reservation("10.0.0.5/30", "fd00::/64"),
      { ...reservation(), spec: {} },
      reservation("10.1.0.1/32"),
    ]);
    assert.deepEqual(found.map(formatPrefix), ["10.0.0.4/30", "fd00::/64", "10.1.0.1/32"]);
  });
});
