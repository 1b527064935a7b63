import { MemoryStore } from "@brindle/api";
import {
  addressBits,
  addToAddress,
  containsAddress,
  containsPrefix,
  type Family,
  formatPrefix,
  hostPrefix,
  networkOf,
  type Prefix,
  parsePrefix,
} from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignResult } from "./allocator.ts";
import { defaultIpamSettings } from "./assign.ts";
import { fnv32 } from "./claim.ts";
import { ReservedRanges, reservedTest } from "./reservedRanges.ts";

/** Sixteen addresses of each family, in which prefixes nest and collide. */
const spaces = ["10.0.0.0/28", "fd00::/124"].flatMap((text) => parsePrefix(text) ?? []);
const addresses = spaces.flatMap(({ address }) =>
  Array.from({ length: 16 }, (_, i) => addToAddress(address, BigInt(i))),
);

function randomPrefix(random: (below: number) => number): Prefix {
  const address = addresses[random(addresses.length)] ?? expect.unreachable();
  return networkOf({ address, length: addressBits[address.family] - random(6) });
}

describe("ReservedRanges", () => {
  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`agrees with a look at each prefix (BRINDLE_SEED=${seed})`, () => {
    let asked = 0;
    const random = (below: number) => fnv32(`${seed}/${asked++}`) % below;
    for (let round = 0; round < 300; round++) {
      const reserved = Array.from({ length: random(8) }, () => randomPrefix(random));
      const ranges = new ReservedRanges(reserved);
      const test = reservedTest(reserved);
      const isReserved = (address: Prefix["address"]) => reserved.some((prefix) => containsAddress(prefix, address));
      for (const address of addresses)
        expect([ranges.has(address), test(address)]).toEqual([isReserved(address), isReserved(address)]);
      const whole = randomPrefix(random);
      const around = reserved.filter((prefix) => containsPrefix(prefix, whole)).toSorted((a, b) => a.length - b.length);
      expect(ranges.around(whole) && formatPrefix(ranges.around(whole) ?? whole)).toBe(
        around[0] ? formatPrefix(around[0]) : null,
      );
      const inside = spaces.some((space) => containsPrefix(space, whole));
      const within = addresses.filter((address) => containsAddress(whole, address) && isReserved(address)).length;
      if (inside) expect(ranges.countWithin(whole)).toBe(BigInt(within));
    }
  });

  it("does not look at each for each other one when a pool is full of what is reserved", async () => {
    let looks = 0;
    const base = parsePrefix("10.0.0.0/21") ?? expect.unreachable();
    const reserved = Array.from({ length: 2_048 }, (_, i): Prefix => {
      const { address, length } = hostPrefix(addToAddress(base.address, BigInt((i * 5) % 2_048)));
      return {
        length,
        get address() {
          looks += 1;
          return address;
        },
      };
    });
    const family: Family = 4;
    const spec = { cidr: "10.0.0.0/21", blockSize: 26 };
    const pool = { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name: "pods" }, spec } as const;
    const settings = { ...defaultIpamSettings, blocksPerNodeMax: 64 };
    const store = new MemoryStore();
    const ask = (handleId: string, kept: readonly Prefix[]): Promise<AssignResult> => {
      const view = { pools: [pool], nodeLabels: {}, reserved: kept, settings };
      const allocator = new Allocator({ node: "node1" }, { store, now: () => 1n, view: () => view });
      return allocator.assign({ handleId, attributes: {}, families: [family] });
    };
    // One of each block is in use, and reserved since.
    for (let i = 0; i < 32; i++) {
      const blocks = (await store.list("IPAMBlock")).items.flatMap(({ key }) => parsePrefix(key.name) ?? []);
      expect((await ask(`net.${i}`, blocks)).kind).toBe("assigned");
    }
    const pools = [{ pool: "pods", addresses: 2_048n, inUse: 32n, resting: 0n, reserved: 2_016n }];
    expect(await ask("net.full", reserved)).toMatchObject({ kind: "poolExhausted", pools });
    expect(looks).toBeLessThan(2_048 * 128);
  });
});
