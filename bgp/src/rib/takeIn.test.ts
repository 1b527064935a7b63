/** Ordinary UPDATEs, of which a table takes in many at once, beside the same ones by values, one after the other. */
import { describe, expect, it } from "vitest";
import { address, attribute, externalPeer, seededRandom, updateBytes } from "../wire/testing.ts";
import { decodeUpdate } from "../wire/update.ts";
import { UpdateScanner } from "../wire/updateScan.ts";
import type { PeerId, RibPeer } from "./peerTable.ts";
import { PrefixFilter } from "./prefixFilter.ts";
import type { Rib } from "./rib.ts";
import { newRib, ribPeer, settleAll } from "./testing.ts";

const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
const someOf10 = new PrefixFilter({ accept: [{ prefix: "10.0.0.0/8", minLength: 24, maxLength: 24 }] });
const judge = (): "accepted" => "accepted";

const cases: readonly { readonly name: string; readonly parts: Partial<RibPeer> }[] = [
  { name: "a peer of whom all is taken", parts: {} },
  { name: "a peer with a bound", parts: { bounds: { routes: { 4: 40 } } } },
  { name: "a peer of whom some prefixes are taken", parts: { importRules: { filter: someOf10, judge } } },
];

describe.each(cases)("the table of $name", ({ parts }) => {
  it(`is the same whether UPDATEs are taken in together or one by one (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const [together, oneByOne] = [newRib(), newRib()];
    const ids = [together, oneByOne].map((rib) => {
      const address4 = address("192.0.2.1");
      return [rib.peers.add(ribPeer({ address: address4, ...parts })), rib.peers.add(ribPeer({ address: address4 }))];
    });
    for (let chunk = 0; chunk < 40; chunk++) {
      const who = random(3) === 0 ? 1 : 0;
      const messages = Array.from({ length: 1 + random(8) }, () => randomUpdate(random));
      scanAll(together, ids[0]?.[who] ?? 0, messages);
      for (const message of messages) takeByValue(oneByOne, ids[1]?.[who] ?? 0, message);
      if (random(3) === 0) for (const rib of [together, oneByOne]) settleAll(rib);
      if (chunk % 8 === 7) expect(tableOf(together)).toEqual(tableOf(oneByOne));
    }
    for (const rib of [together, oneByOne]) {
      for (const peer of [1, 2, 3]) if (peer !== rib.local) rib.removePeer(peer);
      settleAll(rib);
      expect([rib.prefixes.size, rib.attrs.size, rib.routes.size]).toEqual([0, 0, 0]);
    }
  });
});

function scanAll(rib: Rib, peer: PeerId, messages: readonly Uint8Array[]): void {
  const scanner = new UpdateScanner();
  for (const bytes of messages) {
    expect(scanner.scan(bytes, 0, bytes.length, externalPeer)).toBe(true);
    rib.applyScanned(peer, bytes, scanner);
  }
  rib.takeIn();
}

function takeByValue(rib: Rib, peer: PeerId, bytes: Uint8Array): void {
  const decoded = decodeUpdate(bytes, externalPeer);
  if (decoded.kind === "fault") throw new Error(decoded.reason);
  const { withdrawn, announced, attributes } = decoded.message;
  for (const prefixes of withdrawn) rib.withdraw(peer, prefixes);
  if (attributes) for (const announcement of announced) rib.announce(peer, announcement, attributes);
}

/** Few enough prefixes that they come again, in one UPDATE too, and now and then more than are taken in at once. */
function randomUpdate(random: (limit: number) => number): Uint8Array {
  const prefixes = (count: number): string =>
    Array.from({ length: count }, () => `18 0a00${byte(random(100))} `.repeat(1 + random(2))).join("");
  const origin = attribute(0x40, 1, byte(random(3)));
  const path = attribute(0x40, 2, `0201 0000fd${byte(random(4))}`);
  const nextHop = attribute(0x40, 3, `c00002${byte(1 + random(3))}`);
  const withdrawn = random(3) === 0 ? prefixes(random(6)) : "";
  if (withdrawn !== "" && random(2) === 0) return updateBytes({ withdrawn });
  const many = random(30) === 0 ? 300 : 0;
  return updateBytes({ withdrawn, attributes: origin + path + nextHop, nlri: prefixes(1 + random(9) + many) });
}

function byte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** All that may be asked of each prefix and peer, by texts: ids may differ. */
function tableOf(rib: Rib): unknown {
  const { prefixes, routes } = rib;
  const rows: Record<string, unknown> = {};
  for (let id = 1; id < routes.idsEnd; id++) {
    const prefix = routes.prefix.get(id);
    if (prefix === 0) continue;
    rows[`${prefixes.text(prefix)} of ${routes.peer.get(id)}`] = {
      attributes: rib.attrs.value(routes.attr.get(id)),
      nextHop: rib.nextHops.text(routes.nextHop.get(id)),
      verdict: routes.verdict.get(id),
      isBest: rib.best(prefix) === id,
      waits: rib.isUnsettled(prefix),
    };
  }
  const counts = [1, 2, 3].map((peer) => [rib.counts(peer, 4), rib.peers.limited.prefixes.get(peer)]);
  return { rows, counts, size: prefixes.size };
}
