/**
 * Real messages of real routers, from MRT files (RFC 6396): each is decoded without a fault of ours, and what we encode
 * from it means the same. They are no part of the repository: `BRINDLE_RECORDINGS` names the folder whose `mrt` has them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readMrt } from "../mrt/readMrt.ts";
import { decodeMessage, encodeMessage } from "./codec.ts";
import type { CodecContext } from "./contract.ts";
import type { AttributeFault, PackedPrefixes, Update } from "./message.ts";
import { wordsPerPrefix } from "./prefixes.ts";
import { address, externalPeer, packed, update } from "./testing.ts";
import { encodeUpdates } from "./updateEncoder.ts";

interface Recorded {
  readonly bytes: Uint8Array;
  readonly context: CodecContext;
}

const { BRINDLE_RECORDINGS: recordings } = process.env;
const folder = recordings === undefined ? null : join(recordings, "mrt");
const files = folder === null ? [] : readdirSync(folder).filter((name) => name.endsWith(".gz"));

describe("recordings of real routers", () => {
  it("are read from files with two kinds of time and of AS numbers, without their state changes", () => {
    const announcement = update({
      announced: [{ prefixes: packed("10.244.0.0/26", "10.244.1.0/26"), nextHop: address("10.0.0.1") }],
      attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [64512] }] },
    });
    const keepalive = encodeMessage({ type: "keepalive" }, externalPeer);
    const messages = messagesOf(
      Buffer.concat([
        record({ subtype: 4, asns: [64512, 64513], microseconds: false }, keepalive),
        record({ subtype: 5, asns: [64512, 64513], microseconds: false }, new Uint8Array(4)),
        ...encodeUpdates(announcement, externalPeer).map((bytes) =>
          record({ subtype: 4, asns: [64512, 64513], microseconds: true }, bytes),
        ),
        record({ subtype: 1, asns: [64512, 64512], microseconds: false }, keepalive),
      ]),
    );
    expect(messages.map(({ context }) => [context.fourOctetAs, context.external])).toEqual([
      [true, true],
      [true, true],
      [false, false],
    ]);
    expect(messages.flatMap(({ bytes, context }) => expectSameMeaning(bytes, context))).toEqual([]);
  });

  for (const file of files) {
    const messages = messagesOf(gunzipSync(readFileSync(join(folder ?? "", file))));

    it(`decode and re-encode: all ${messages.length} messages of ${file}`, { timeout: 60_000 }, () => {
      expect(messages.length).toBeGreaterThan(10_000);
      const faults = messages.flatMap(({ bytes, context }) => expectSameMeaning(bytes, context));
      // Some routers did announce AS 0 and sets of ASes in those years.
      expect(faults.map(({ reason }) => reason).filter((reason) => !/RFC (7607|9774)/.test(reason))).toEqual([]);
    });
  }
});

/** What we encode from a message means what it meant. Gives what RFC 7606 found in it. */
function expectSameMeaning(bytes: Uint8Array, context: CodecContext): readonly AttributeFault[] {
  const result = decodeMessage(bytes, context);
  if (result.kind !== "message") throw new Error(`${result.reason}: ${bytes.toHex()}`);
  const { message } = result;
  if (message.type === "update" && message.endOfRib === null) expectSameRoutes(message, context);
  else expect(decodeMessage(encodeMessage(message, context), context)).toEqual(result);
  return message.type === "update" ? message.faults : [];
}

/** Compares what is withdrawn, what is announced with which next hop, and the attributes. */
function expectSameRoutes(before: Update, context: CodecContext): void {
  const again = encodeUpdates(before, context).map((bytes) => {
    const result = decodeMessage(bytes, context);
    if (result.kind !== "message" || result.message.type !== "update") throw new Error(`we encoded a ${result.kind}`);
    return result.message;
  });
  const [wanted, found] = [meaningOf([before]), meaningOf(again)];
  if (wanted !== found) expect(found).toBe(wanted);
}

/** One text for one meaning: a route a line, sorted. Attributes only count where something is announced. */
function meaningOf(updates: readonly Update[]): string {
  const lines: string[] = [];
  for (const { withdrawn, announced, attributes } of updates) {
    for (const prefixes of withdrawn) for (const key of keysOf(prefixes)) lines.push(`${key} withdrawn`);
    const common = announced.length > 0 ? JSON.stringify(sortKeys(attributes ?? {})) : "";
    for (const { prefixes, nextHop, linkLocalNextHop } of announced) {
      const route = `${nextHop.value} ${linkLocalNextHop?.value} ${common}`;
      for (const key of keysOf(prefixes)) lines.push(`${key} ${route}`);
    }
  }
  return lines.sort().join("\n");
}

function keysOf({ family, words }: PackedPrefixes): string[] {
  const keys: string[] = [];
  const step = wordsPerPrefix[family];
  for (let at = 0; at < words.length; at += step) keys.push(`${family} ${words.slice(at, at + step).join(" ")}`);
  return keys;
}

function sortKeys(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The BGP messages of a file; state changes are left out. */
function messagesOf(bytes: Uint8Array): Recorded[] {
  return [...readMrt(bytes)].flatMap((record): Recorded[] => {
    if (record.kind === "fault") throw new Error(`at byte ${record.at}: ${record.reason}`);
    if (record.kind !== "message") return [];
    const { fourOctetAs, peerAsn, localAsn, bytes: message } = record;
    return [{ bytes: message, context: { fourOctetAs, external: peerAsn !== localAsn, families: [4, 6] } }];
  });
}

interface RecordOf {
  readonly subtype: number;
  readonly asns: readonly [number, number];
  /** Of type BGP4MP_ET. */
  readonly microseconds: boolean;
}

/** As a file has it, over IPv4. */
function record({ subtype, asns, microseconds }: RecordOf, message: Uint8Array): Buffer {
  const asnBytes = subtype === 1 ? 2 : 4;
  const peers = Buffer.alloc(asnBytes * 2 + 4 + 8);
  for (const [i, asn] of asns.entries()) peers.writeUIntBE(asn, i * asnBytes, asnBytes);
  peers.writeUInt16BE(1, asnBytes * 2 + 2);
  const body = Buffer.concat([Buffer.alloc(microseconds ? 4 : 0), peers, message]);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(microseconds ? 17 : 16, 4);
  header.writeUInt16BE(subtype, 6);
  header.writeUInt32BE(body.length, 8);
  return Buffer.concat([header, body]);
}
