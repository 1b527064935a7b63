/** What a group is told in one turn, as messages. */
import { type Address, type Family, sameAddress } from "@brindle/net";
import type { NextHopId } from "../rib/nextHopTable.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { Rib } from "../rib/rib.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { EncodeContext } from "../wire/contract.ts";
import type { PackedPrefixes, PathAttributes } from "../wire/message.ts";
import { encodeUpdates } from "../wire/updateEncoder.ts";
import { type ByteExport, canExportBytes, exportBytes } from "./exportedBytes.ts";
import type { Member } from "./exportGroup.ts";
import { type ExportView, exportedAttributes, exportedNextHop } from "./exportView.ts";
import type { Told, Withdrawn } from "./told.ts";
import { narrowAsNumbers } from "./twoOctetBytes.ts";
import { type Audience, UpdateBlock } from "./updateBlock.ts";

export interface Content {
  readonly told: Iterable<Told>;
  readonly withdrawn: Iterable<Withdrawn>;
  readonly members: ReadonlyMap<PeerId, Pick<Member, "peer" | "address">>;
}

export interface Encoding {
  readonly rib: Rib;
  readonly view: ExportView;
  readonly context: EncodeContext;
}

const scratch: Uint8Array = new Uint8Array(65_536 + 64);
const narrowScratch: Uint8Array = new Uint8Array(2 * scratch.length + 64);

export function encodeTold({ told, withdrawn, members }: Content, encoding: Encoding): UpdateBlock {
  const { rib, context } = encoding;
  const block = new UpdateBlock(context);
  for (const { family, audience, prefixes, pathIds } of withdrawn) {
    if (family === 4) block.withdraw4(audience, { prefixes: rib.prefixes, ids: prefixes, pathIds });
    else block.addMessages(audience, withdrawal(withPaths(rib.prefixes.pack(prefixes, family), pathIds), context));
  }
  const ways = new Ways(members, encoding);
  for (const each of told) {
    const way = ways.of(each);
    encodeOne(block, each, way, encoding);
    for (const { peer, address } of way.others) {
      encodeOne(block, each, ways.alone(each, peer, hopOf(each, encoding, address)), encoding);
    }
  }
  return block;
}

export function encodeEnds(
  { owesEndOfRib, owesEndOfRefresh }: Pick<Member, "owesEndOfRib" | "owesEndOfRefresh">,
  families: readonly Family[],
  context: EncodeContext,
): Uint8Array[] {
  const refreshed = owesEndOfRefresh.map((family) =>
    encodeMessage({ type: "routeRefresh", family, demarcation: "end" }, context),
  );
  const nothing = { withdrawn: [], announced: [], attributes: null, faults: [] };
  const first = (owesEndOfRib ? families : []).map((family) =>
    encodeMessage({ type: "update", ...nothing, endOfRib: family }, context),
  );
  return [...refreshed, ...first];
}

/** How what has one next hop, comes from one peer and passed by one rule goes out: for many attribute sets the same. */
interface Way {
  readonly of: Pick<Told, "family" | "hop" | "from" | "rule">;
  readonly audience: Audience;
  readonly nextHop: Address | undefined;
  /** The peers that are told another next hop. */
  readonly others: readonly Pick<Member, "peer" | "address">[];
  /** What becomes of attributes as bytes, where that way is open to this session and rule. */
  readonly asBytes: ByteExport | null;
}

class Ways {
  readonly #members: Content["members"];
  readonly #encoding: Encoding;
  readonly #byHop = new Map<NextHopId, Way[]>();
  #last: Way | null = null;

  constructor(members: Content["members"], encoding: Encoding) {
    this.#members = members;
    this.#encoding = encoding;
  }

  of(told: Told): Way {
    if (this.#last && isWayOf(this.#last, told)) return this.#last;
    const ofHop = this.#byHop.get(told.hop) ?? [];
    if (ofHop.length === 0) this.#byHop.set(told.hop, ofHop);
    let way = ofHop.find((each) => isWayOf(each, told));
    if (!way) {
      way = this.#make(told);
      ofHop.push(way);
    }
    this.#last = way;
    return way;
  }

  /** For one peer by itself. */
  alone(told: Told, peer: PeerId, nextHop: Address | undefined): Way {
    const asBytes = byteExportOf(told, nextHop, this.#encoding);
    return { of: told, audience: { only: peer }, nextHop, others: [], asBytes };
  }

  #make(told: Told): Way {
    const { family, hop, from, rule } = told;
    const nextHop = hopOf(told, this.#encoding, null);
    const others = aloneWithOtherHop(told, this.#members, this.#encoding, nextHop);
    const allBut = [...(this.#members.has(from) ? [from] : []), ...others.map(({ peer }) => peer)];
    const asBytes = byteExportOf(told, nextHop, this.#encoding);
    return { of: { family, hop, from, rule }, audience: { allBut }, nextHop, others, asBytes };
  }
}

function isWayOf({ of }: Way, { family, hop, from, rule }: Told): boolean {
  return of.hop === hop && of.from === from && of.rule === rule && of.family === family;
}

function encodeOne(block: UpdateBlock, told: Told, { audience, nextHop, asBytes }: Way, encoding: Encoding): void {
  if (!nextHop) return; // `mayBeTold` lets no such family pass.
  const { rib, context } = encoding;
  const flags = rib.attrs.flags.get(told.attr);
  if (asBytes && canExportBytes(flags, asBytes)) {
    const range = rib.attrs.range(told.attr);
    const length = exportBytes(range.bytes, flags, asBytes, scratch, range);
    const { fourOctetAs } = context;
    const attributesLength = fourOctetAs ? length : narrowAsNumbers(scratch, length, narrowScratch);
    const attributes = fourOctetAs ? scratch : narrowScratch;
    const { prefixes: ids, pathIds } = told;
    if (block.announce4(audience, { attributes, attributesLength, prefixes: rib.prefixes, ids, pathIds })) return;
  }
  const prefixes = withPaths(rib.prefixes.pack(told.prefixes, told.family), told.pathIds);
  const content = { withdrawn: [], announced: [{ prefixes, nextHop }], attributes: attributesOf(told, encoding) };
  block.addMessages(audience, encodeUpdates(content, context));
}

function byteExportOf(told: Told, nextHop: Address | undefined, { rib, view }: Encoding): ByteExport | null {
  if (told.family !== 4 || nextHop?.family !== 4) return null;
  if (told.rule?.transform || view.changesAttributes) return null;
  const { external, localAsn } = view;
  const reflected = isReflected(told, rib, view) ? { reflected: marksOf(told, rib, view) } : {};
  return { external, localAsn, keepsMed: keepsMed(told), nextHop4: Number(nextHop.value), ...reflected };
}

export function attributesOf(told: Told, { rib, view }: Omit<Encoding, "context">): PathAttributes {
  const value = rib.attrs.value(told.attr);
  const changed = told.rule?.transform ? told.rule.transform(value) : value;
  const originator = isReflected(told, rib, view) ? rib.peers.get(told.from).bgpId : null;
  return exportedAttributes(changed, view, { keepsMed: keepsMed(told), originator });
}

/** RFC 4456: what goes from one internal peer to another. */
function isReflected({ from }: Told, rib: Rib, { external }: ExportView): boolean {
  return !external && from !== rib.local && !rib.peers.get(from).external;
}

function marksOf({ from }: Told, rib: Rib, { reflection }: ExportView): { originator: number; clusterId: number } {
  return { originator: rib.peers.get(from).bgpId, clusterId: reflection?.clusterId ?? 0 };
}

function keepsMed({ hop, rule }: Told): boolean {
  return hop === 0 || rule?.setsMed === true;
}

/** `peerAddress` is that of the one peer that is told, or `null` for all to whom the next hop is a stranger. */
export function hopOf(
  { hop, family, rule }: Told,
  { rib, view }: Omit<Encoding, "context">,
  peerAddress: Address | null,
): Address | undefined {
  const learned = hop === 0 ? null : rib.nextHops.value(hop).address;
  const nextHopMode = rule?.nextHopMode ?? view.nextHopMode;
  return exportedNextHop({ ...view, nextHopMode, peerAddress }, family, learned);
}

/** RFC 4271 §5.1.3: a peer is never told its own address, so one that is the next hop is told another. */
function aloneWithOtherHop(
  told: Told,
  members: Content["members"],
  { rib }: Encoding,
  nextHop: Address | undefined,
): readonly Pick<Member, "peer" | "address">[] {
  const learned = told.hop === 0 ? null : rib.nextHops.value(told.hop).address;
  if (!learned || !nextHop || !sameAddress(learned, nextHop)) return [];
  return [...members.values()].filter(({ peer, address }) => peer !== told.from && sameAddress(address, learned));
}

function withPaths(prefixes: PackedPrefixes, pathIds: readonly number[]): PackedPrefixes {
  return pathIds.length > 0 ? { ...prefixes, pathIds: Uint32Array.from(pathIds) } : prefixes;
}

function withdrawal(prefixes: PackedPrefixes, context: EncodeContext): Uint8Array[] {
  return encodeUpdates({ withdrawn: [prefixes], announced: [], attributes: null }, context);
}
