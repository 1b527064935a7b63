import { describe, expect, it } from "vitest";
import { bfdStates, type ControlPacket, decodeControlPacket, encodeControlPacket } from "./packet.ts";

const packet: ControlPacket = {
  state: "up",
  diagnostic: 3,
  poll: true,
  final: false,
  controlPlaneIndependent: true,
  demand: false,
  multiplier: 3,
  myDiscriminator: 0x01020304,
  yourDiscriminator: 0xf0f1f2f3,
  desiredMinTxMicros: 50_000,
  requiredMinRxMicros: 300_000,
  requiredMinEchoRxMicros: 7,
};
const bytes = encodeControlPacket(packet);

/** The packet with single bytes replaced. */
function patched(...patches: readonly (readonly [at: number, value: number])[]): Uint8Array {
  const copy = Uint8Array.from([...bytes, 0, 0]).subarray(0, bytes.length);
  for (const [at, value] of patches) copy[at] = value;
  return copy;
}

describe("RFC 5880 §4.1 the control packet", () => {
  it("is these bytes", () => expect(bytes.toHex()).toBe("23e8031801020304f0f1f2f30000c350000493e000000007"));

  it("comes back as it was sent, in each state and with each flag", () => {
    for (const state of bfdStates) {
      for (const flags of [{ poll: false, final: true }, { demand: true }, { controlPlaneIndependent: false }]) {
        const sent = { ...packet, state, ...flags };
        expect(decodeControlPacket(encodeControlPacket(sent))).toEqual({ kind: "packet", packet: sent });
      }
    }
  });

  it("may be followed by bytes that are none of it", () => {
    expect(decodeControlPacket(Uint8Array.of(...bytes, 1, 2, 3))).toEqual({ kind: "packet", packet });
  });
});

describe("RFC 5880 §6.8.6 what is refused of a packet by itself", () => {
  const rows: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["another version", patched([0, 0x43]), /^version 2/],
    ["a length below 24", patched([3, 23]), /^length 23 where 24/],
    ["a length below 26 with authentication", patched([1, 0xc4], [3, 24]), /^length 24 where 26/],
    ["a length beyond the datagram", patched([3, 25]), /^length 25 in a datagram of 24/],
    ["a multiplier of zero", patched([2, 0]), /multiplier 0/],
    ["the multipoint bit", patched([1, 0xc1]), /multipoint/],
    ["no discriminator of its own", patched([4, 0], [5, 0], [6, 0], [7, 0]), /own discriminator/],
    ["Up without our discriminator", patched([8, 0], [9, 0], [10, 0], [11, 0]), /^state up without/],
    ["Init without our discriminator", patched([1, 0x80], [8, 0], [9, 0], [10, 0], [11, 0]), /^state init without/],
    ["authentication", Uint8Array.of(...patched([1, 0xc4], [3, 26]), 1, 2), /authenticated/],
  ];
  for (const [name, given, says] of rows) {
    it(name, () =>
      expect(decodeControlPacket(given)).toMatchObject({ kind: "refused", reason: expect.stringMatching(says) }),
    );
  }

  it("anything that is cut off", () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeControlPacket(bytes.subarray(0, length)), `${length} bytes`).toMatchObject({ kind: "refused" });
    }
  });

  it("but not Down, nor AdminDown, without our discriminator", () => {
    for (const state of ["down", "adminDown"] as const) {
      const first = encodeControlPacket({ ...packet, state, yourDiscriminator: 0 });
      expect(decodeControlPacket(first)).toMatchObject({ kind: "packet", packet: { state } });
    }
  });

  it("answers any bytes with a value", () => {
    const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 0x7fffffff);
    let random = seed || 1;
    const next = (): number => {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
      return random >> 16;
    };
    for (let round = 0; round < 20_000; round += 1) {
      const noise = Uint8Array.from({ length: next() % 40 }, () => next() & 0xff);
      const given = round % 2 === 0 ? noise : patched([next() % 24, next() & 0xff], [next() % 24, next() & 0xff]);
      const decoded = decodeControlPacket(given);
      if (decoded.kind === "refused") continue;
      expect(decoded.packet.multiplier, `seed ${seed}`).toBeGreaterThan(0);
      expect(decoded.packet.myDiscriminator, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});
