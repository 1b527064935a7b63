import { describe, expect, it } from "vitest";
import type { ControlPacket } from "./packet.ts";
import { Demultiplexer, pathKey, zonedAddress } from "./paths.ts";

const first = { discriminator: 11, key: pathKey("192.0.2.1", false) };
const second = { discriminator: 12, key: pathKey("192.0.2.1", true) };
const sessions = new Demultiplexer<{ readonly discriminator: number; readonly key: string }>();
sessions.add(first);
sessions.add(second);

function packet(yourDiscriminator: number): ControlPacket {
  return { yourDiscriminator } as ControlPacket;
}

describe("RFC 5880 §6.3 whose a packet is", () => {
  it("is found by our discriminator", () => expect(sessions.find(packet(11), first.key)).toBe(first));
  it("is nobody's by one that we do not have", () => expect(sessions.find(packet(13), first.key)).toBeNull());
  it("is nobody's by ours from elsewhere", () => {
    expect(sessions.find(packet(11), pathKey("192.0.2.9", false))).toBeNull();
  });
  it("RFC 5881 §3: is found by its source without one", () => {
    expect(sessions.find(packet(0), first.key)).toBe(first);
    expect(sessions.find(packet(0), pathKey("192.0.2.9", false))).toBeNull();
  });
  it("RFC 5883 §5: is another one's by the port of multihop", () => {
    expect(sessions.find(packet(0), second.key)).toBe(second);
    expect(sessions.find(packet(11), second.key)).toBeNull();
  });
  it("is nobody's once the session is gone", () => {
    const gone = { discriminator: 14, key: pathKey("192.0.2.3", false) };
    sessions.add(gone);
    sessions.remove(gone);
    expect(sessions.find(packet(14), gone.key)).toBeNull();
    expect(sessions.find(packet(0), gone.key)).toBeNull();
    expect(sessions.isTaken(14)).toBe(false);
  });
});

describe("the address of a path", () => {
  it("has its link where it has a meaning there alone, and one spelling", () => {
    expect(zonedAddress({ address: "FE80::0001", interface: "eth0" })).toBe("fe80::1%eth0");
    expect(zonedAddress({ address: "2001:DB8:0::1", interface: "eth0" })).toBe("2001:db8::1");
  });
});
