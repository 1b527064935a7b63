/**
 * RFC 7606 over TCP as a table: each attribute, each defect, from outside and from inside. The session survives all of
 * them; each has a prefix of its own, announced rightly first, so that what becomes of the route shows.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { PeerConfig } from "@brindle/bgp";
import { type RunningSpeaker, startSpeaker } from "@brindle/bgp/shell";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePorts } from "../fixtures/freePorts.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { openPeer } from "./speaker.ts";

const [port = 0] = await freePorts(1);
const localAsn = 64512;

type Side = "outside" | "inside";

/** What becomes of the route: treat-as-withdraw, or the attribute is discarded (or only its first copy counts). */
type Fate = "withdrawn" | "kept";

interface Attribute {
  readonly name: string;
  readonly code: number;
  readonly flags: number;
  readonly value: string;
  /** Of a length that is wrong: RFC 7606 §7. Wrong flags are treat-as-withdraw in any case (§3.c). */
  readonly malformed: Readonly<Record<Side, Fate>>;
}

const always = (fate: Fate): Attribute["malformed"] => ({ outside: fate, inside: fate });
/** §7.5, §7.9, §7.10: from outside the attribute is nothing that one looks at. */
const insideAlone = { outside: "kept", inside: "withdrawn" } as const;

const attributes: readonly Attribute[] = [
  { name: "ORIGIN", code: 1, flags: 0x40, value: "00", malformed: always("withdrawn") },
  { name: "AS_PATH", code: 2, flags: 0x40, value: "02010000fdeb", malformed: always("withdrawn") },
  { name: "NEXT_HOP", code: 3, flags: 0x40, value: "c0000201", malformed: always("withdrawn") },
  { name: "MULTI_EXIT_DISC", code: 4, flags: 0x80, value: "00000001", malformed: always("withdrawn") },
  { name: "LOCAL_PREF", code: 5, flags: 0x40, value: "00000064", malformed: insideAlone },
  { name: "ATOMIC_AGGREGATE", code: 6, flags: 0x40, value: "", malformed: always("kept") },
  { name: "AGGREGATOR", code: 7, flags: 0xc0, value: "0000fdebc0000201", malformed: always("kept") },
  { name: "COMMUNITIES", code: 8, flags: 0xc0, value: "fdeb0001", malformed: always("withdrawn") },
  { name: "ORIGINATOR_ID", code: 9, flags: 0x80, value: "c0000209", malformed: insideAlone },
  { name: "CLUSTER_LIST", code: 10, flags: 0x80, value: "c0000209", malformed: insideAlone },
  { name: "EXTENDED COMMUNITIES", code: 16, flags: 0xc0, value: "0002fdeb00000001", malformed: always("withdrawn") },
  { name: "AS4_PATH", code: 17, flags: 0xc0, value: "02010000fdeb", malformed: always("kept") },
  { name: "AS4_AGGREGATOR", code: 18, flags: 0xc0, value: "0000fdebc0000201", malformed: always("kept") },
  { name: "LARGE_COMMUNITY", code: 32, flags: 0xc0, value: "0000fdeb0000000100000002", malformed: always("withdrawn") },
  { name: "ONLY_TO_CUSTOMER", code: 35, flags: 0xc0, value: "0000fdeb", malformed: always("withdrawn") },
];

interface Row {
  readonly name: string;
  readonly bytes: string;
  readonly fate: Fate;
}

/** Every defect of one attribute. */
function rowsOf(attribute: Attribute, side: Side): Row[] {
  const { name, code, flags, value, malformed } = attribute;
  const others = usual(side).filter((each) => each.code !== code);
  const row = (defect: string, fate: Fate, ...copies: Partial<Attribute>[]): Row => {
    const all = [...others, ...copies.map((copy) => ({ ...attribute, ...copy }))];
    return { name: `${name} ${defect}`, bytes: all.map(bytesOf).join(""), fate };
  };
  const short = row("a byte too short", malformed[side], { value: value.slice(0, -2) });
  return [
    row("as it should be", "kept", {}),
    row("twice", "kept", {}, {}), // §3.g: the first one counts.
    row("a byte too long", malformed[side], { value: `${value}00` }),
    ...(value === "" ? [] : [short]),
    row("optional or not, wrongly", "withdrawn", { flags: flags ^ 0x80 }),
    row("transitive or not, wrongly", "withdrawn", { flags: flags ^ 0x40 }),
  ];
}

function usual(side: Side): readonly Pick<Attribute, "code" | "flags" | "value">[] {
  const path = { code: 2, flags: 0x40, value: side === "outside" ? "02010000fdeb" : "" };
  const mandatory = [{ code: 1, flags: 0x40, value: "00" }, path, { code: 3, flags: 0x40, value: "c0000201" }];
  return side === "outside" ? mandatory : [...mandatory, { code: 5, flags: 0x40, value: "00000064" }];
}

const sides = [
  { side: "outside", address: "127.0.0.5", asn: 65003 },
  { side: "inside", address: "127.0.0.6", asn: localAsn },
] as const;

describe.each(sides)("RFC 7606, from $side", ({ side, address, asn }) => {
  const rows = attributes.flatMap((attribute) => rowsOf(attribute, side));
  let speaker: RunningSpeaker;
  let socket: Socket;

  beforeAll(async () => {
    const peer: PeerConfig = openPeer({ name: side, address, port, asn, passive: true });
    const listen = [{ address: "127.0.0.1", port }];
    speaker = await startSpeaker({ asn: localAsn, bgpId: "10.0.0.1", listen, peers: [peer] });
    socket = connect({ host: "127.0.0.1", port, localAddress: address }).resume();
    await once(socket, "connect");
    const four = asn.toString(16).padStart(8, "0");
    socket.write(message(1, `04${four.slice(4)}005a0a0000030e020c0104000100014104${four}`));
    socket.write(message(4, ""));
    const good = usual(side).map(bytesOf).join("");
    for (const [i] of rows.entries()) socket.write(update(good, prefixBytes(i)));
    for (const [i, { bytes }] of rows.entries()) socket.write(update(bytes, prefixBytes(i)));
    socket.write(update(good, prefixBytes(rows.length)));
    await waitFor(async () => (await speaker.routes({ prefix: prefixText(rows.length) })).length === 1, {
      what: "what was sent last is here",
      deadlineMs: 30_000,
    });
  });
  afterAll(async () => {
    socket.destroy();
    await speaker.stop();
  });

  it.each(rows.map((row, i) => ({ ...row, prefix: prefixText(i) })))(
    "$name: the route is $fate",
    async ({ prefix, fate }) => {
      expect(await speaker.routes({ prefix })).toHaveLength(fate === "kept" ? 1 : 0);
    },
  );

  it("counts them, and the session stands", async () => {
    const [peer] = await speaker.peers();
    expect(peer).toMatchObject({ phase: "established", flaps: 0 });
    expect(peer?.session?.attributeFaults?.count).toBeGreaterThan(rows.length / 2);
  });
});

function prefixText(index: number): string {
  return `198.18.${index}.0/24`;
}

function prefixBytes(index: number): string {
  return `18c612${index.toString(16).padStart(2, "0")}`;
}

function bytesOf({ flags, code, value }: Pick<Attribute, "flags" | "code" | "value">): string {
  return [flags, code, value.length / 2].map((byte) => byte.toString(16).padStart(2, "0")).join("") + value;
}

function update(bytes: string, nlri: string): Uint8Array {
  return message(2, `0000${(bytes.length / 2).toString(16).padStart(4, "0")}${bytes}${nlri}`);
}

function message(type: number, body: string): Uint8Array {
  const length = (19 + body.length / 2).toString(16).padStart(4, "0");
  return Buffer.from(`${"ff".repeat(16)}${length}${type.toString(16).padStart(2, "0")}${body}`, "hex");
}
