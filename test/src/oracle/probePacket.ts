/** Packets as bytes, with a number inside by which whoever receives one knows it again. */
import { Buffer } from "node:buffer";
import { addressBytes } from "@brindle/net";
import type { Packet } from "@brindle/policy";

/** What marks a probe; its number follows. */
const magic = 0x42_72_6e_70;

/** Protocols that carry ports, and ICMP, are made whole: conntrack checks sums and chunks before it calls a flow new. */
export function encodeProbe(packet: Packet, number: number): Uint8Array {
  const content = new DataView(new ArrayBuffer(8));
  content.setUint32(0, magic);
  content.setUint32(4, number);
  const payload = payloadOf(packet, number, Buffer.from(content.buffer));
  return packet.source.family === 4 ? withHeader4(packet, payload) : withHeader6(packet, payload);
}

/** The number of the probe in the payload of an IP packet; `null` for what is none, as a reply. */
export function probeIn(protocol: number, payload: Buffer): number | null {
  const isReply = (protocol === 1 && payload[0] === 0) || (protocol === 58 && payload[0] === 129);
  const at = contentOffset(protocol);
  if (isReply || payload.length < at + 8 || payload.readUInt32BE(at) !== magic) return null;
  return payload.readUInt32BE(at + 4);
}

/** The protocols that probes may have; the last two are for experiments (RFC 3692). */
export const probedProtocols: readonly number[] = [1, 4, 6, 17, 58, 132, 253, 254];

function contentOffset(protocol: number): number {
  if (protocol === 6) return 20;
  if (protocol === 132) return 20; // Behind the tag of the INIT chunk.
  return protocol >= 253 || protocol === 4 ? 0 : 8;
}

function payloadOf(packet: Packet, number: number, content: Buffer): Buffer {
  const { protocol, sourcePort = 0, destinationPort = 0 } = packet;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(destinationPort, 2);
  switch (protocol) {
    case 6: {
      const rest = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
      return summed(packet, Buffer.concat([ports, rest, content]), 16);
    }
    case 17: {
      const rest = Buffer.from([0, 16, 0, 0]);
      return summed(packet, Buffer.concat([ports, rest, content]), 6);
    }
    case 1:
    case 58: {
      const { type = 0, code = 0 } = packet.icmp ?? {};
      // The identifier makes it a flow of its own.
      const header = Buffer.from([type, code, 0, 0, (number >> 8) & 0xff, number & 0xff, (number >> 16) & 0xff, 1]);
      return summed(packet, Buffer.concat([header, content]), 2);
    }
    case 132:
      return sctpInit(ports, content);
    default:
      return content;
  }
}

/** INIT (RFC 9260 §3.3.2), the content in place of its window and numbers of streams. */
function sctpInit(ports: Buffer, content: Buffer): Buffer {
  const header = Buffer.concat([ports, Buffer.alloc(8)]);
  const chunk = Buffer.concat([Buffer.from([1, 0, 0, 20, 0, 0, 0, 1]), content, Buffer.alloc(4)]);
  const packet = Buffer.concat([header, chunk]);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

function withHeader4({ source, destination, protocol }: Packet, payload: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header[8] = 64;
  header[9] = protocol;
  header.set(addressBytes(source), 12);
  header.set(addressBytes(destination), 16);
  return Buffer.concat([header, payload]); // The kernel fills in the sum of the header.
}

function withHeader6({ source, destination, protocol }: Packet, payload: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload.length, 4);
  header[6] = protocol;
  header[7] = 64;
  header.set(addressBytes(source), 8);
  header.set(addressBytes(destination), 24);
  return Buffer.concat([header, payload]);
}

/** With the sum of RFC 1071 over the pseudo header too, which ICMP of IPv4 alone has not. */
function summed({ source, destination, protocol }: Packet, payload: Buffer, at: number): Buffer {
  const pseudo = Buffer.alloc(4);
  pseudo[1] = protocol;
  pseudo.writeUInt16BE(payload.length, 2);
  const covered = protocol === 1 ? [payload] : [addressBytes(source), addressBytes(destination), pseudo, payload];
  let sum = 0;
  const bytes = Buffer.concat(covered);
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  payload.writeUInt16BE(~sum & 0xffff, at);
  return payload;
}

/** RFC 9260, appendix A. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
