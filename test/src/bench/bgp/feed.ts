/**
 * A made-up full table as the bytes that a peer would send: prefix lengths mixed as in the default-free zone, ten
 * prefixes or fewer an attribute set, cut into UPDATEs and shuffled. The same seed gives the same prefixes.
 */

export interface FeedOptions {
  readonly prefixes: number;
  readonly seed: number;
  /** The AS that sends it. */
  readonly asn: number;
  readonly nextHop: string;
  /** How many ASes stand in front of each path beside the sender's own. */
  readonly extraHops?: number;
}

export interface Feed {
  readonly bytes: Buffer;
  readonly prefixes: number;
  readonly updates: number;
}

const setPrefixesMax = 10;
/** Of a hundred prefixes: lengths as they stand in public tables. */
const lengths: readonly (readonly [length: number, percent: number])[] = [
  [24, 59],
  [23, 10],
  [22, 12],
  [21, 5],
  [20, 5],
  [19, 3],
  [18, 2],
  [17, 1],
  [16, 3],
];

export function makeFeed(options: FeedOptions): Feed {
  const random = seeded(options.seed);
  const prefixes = makePrefixes(options.prefixes, random);
  const updates: Buffer[] = [];
  for (let at = 0; at < prefixes.length; at += setPrefixesMax) {
    const attributes = makeAttributes(options, random);
    const set = prefixes.slice(at, at + setPrefixesMax);
    const cut = random(10) < 4 ? 1 + random(setPrefixesMax - 1) : set.length;
    for (const part of [set.slice(0, cut), set.slice(cut)]) if (part.length > 0) updates.push(update(attributes, part));
  }
  shuffle(updates, random);
  return { bytes: Buffer.concat(updates), prefixes: options.prefixes, updates: updates.length };
}

/** Withdraws all that the feed of these options announces. */
export function makeWithdrawals(options: Pick<FeedOptions, "prefixes" | "seed">): Buffer {
  const prefixes = makePrefixes(options.prefixes, seeded(options.seed));
  const messages: Buffer[] = [];
  const perMessage = 1000;
  for (let at = 0; at < prefixes.length; at += perMessage) {
    const withdrawn = Buffer.concat(prefixes.slice(at, at + perMessage));
    messages.push(message(Buffer.concat([u16(withdrawn.length), withdrawn, u16(0)])));
  }
  return Buffer.concat(messages);
}

function makePrefixes(count: number, random: (limit: number) => number): Buffer[] {
  const seen = new Set<number>();
  const prefixes: Buffer[] = [];
  while (prefixes.length < count) {
    const length = randomLength(random);
    const bits = (0x01000000 + random(0xdf000000)) & (-1 << (32 - length));
    const key = (bits >>> 0) * 32 + length;
    const firstOctet = bits >>> 24;
    if (seen.has(key) || firstOctet === 127 || firstOctet === 10 || firstOctet === 0) continue;
    seen.add(key);
    const prefix = Buffer.alloc(1 + ((length + 7) >>> 3), length);
    for (let i = 1; i < prefix.length; i++) prefix[i] = bits >>> (32 - 8 * i);
    prefixes.push(prefix);
  }
  return prefixes;
}

function randomLength(random: (limit: number) => number): number {
  let left = random(100);
  for (const [length, percent] of lengths) {
    if (left < percent) return length;
    left -= percent;
  }
  return 24;
}

function makeAttributes({ asn, nextHop, extraHops = 0 }: FeedOptions, random: (limit: number) => number): Buffer {
  const hops = 1 + random(5);
  const path = [asn, ...Array<number>(extraHops).fill(asn)];
  for (let i = 0; i < hops; i++) path.push(random(4) === 0 ? 131_072 + random(270_000) : 1_000 + random(60_000));
  const parts = [
    attribute(0x40, 1, Buffer.of(random(10) === 0 ? 2 : 0)),
    attribute(0x40, 2, Buffer.concat([Buffer.of(2, path.length), ...path.map(u32)])),
    attribute(0x40, 3, Buffer.from(nextHop.split(".").map(Number))),
  ];
  if (random(5) === 0) parts.push(attribute(0x80, 4, u32(random(500))));
  if (random(12) === 0)
    parts.push(attribute(0xc0, 7, Buffer.concat([u32(1_000 + random(60_000)), u32(random(2 ** 31))])));
  const communities = random(4);
  if (communities > 0) {
    const values = Array.from({ length: communities }, () => u32(1_000 * 65_536 + random(2 ** 31)));
    parts.push(attribute(0xc0, 8, Buffer.concat(values)));
  }
  return Buffer.concat(parts);
}

function update(attributes: Buffer, prefixes: readonly Buffer[]): Buffer {
  return message(Buffer.concat([u16(0), u16(attributes.length), attributes, ...prefixes]));
}

function message(body: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(16, 0xff), u16(19 + body.length), Buffer.of(2), body]);
}

function attribute(flags: number, code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(flags, code, value.length), value]);
}

function u16(value: number): Buffer {
  return Buffer.of(value >>> 8, value);
}

function u32(value: number): Buffer {
  return Buffer.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function shuffle<T>(items: T[], random: (limit: number) => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random(i + 1);
    const [a, b] = [items[i], items[j]];
    if (a !== undefined && b !== undefined) [items[i], items[j]] = [b, a];
  }
}

/** mulberry32. */
function seeded(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
