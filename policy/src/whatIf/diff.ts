/** Which pairs of pods would be allowed something else than now, were a cluster to become another. */
import { type Family, formatAddress } from "@brindle/net";
import { type Cluster, endpointId } from "../cluster.ts";
import { addDifferences, allBits, type Bits, hasBit, noBits } from "./bits.ts";
import { protocolsIn, type Verdicts, VerdictTable } from "./verdicts.ts";

export interface VerdictChange {
  /** `namespace/name` of endpoints. */
  readonly from: string;
  readonly to: string;
  readonly family: Family;
  readonly protocol: number;
  /** Both zero for a protocol without ports. */
  readonly firstPort: number;
  readonly lastPort: number;
  /** The other verdict was the one before. */
  readonly after: "allow" | "deny";
}

/** Endpoints that only one of the two clusters has, or with another address, are left out: theirs is no change of policy. */
export function* verdictChanges(before: Cluster, after: Cluster): Generator<VerdictChange> {
  for (const family of [4, 6] as const) yield* new Comparison(before, after, family).changes();
}

interface ComparedEnd {
  readonly id: string;
  /** Its number among the peers of each cluster. */
  readonly before: number;
  readonly after: number;
}

interface ComparedVerdicts {
  readonly before: Verdicts;
  readonly after: Verdicts;
  /** The peers about which the two differ anywhere; `null` where their numbers do not mean the same in both. */
  readonly differing: Bits | null;
}

class Comparison {
  readonly #family: Family;
  readonly #before: VerdictTable;
  readonly #after: VerdictTable;
  readonly #ends: readonly ComparedEnd[];
  /** Whether the numbers of peers mean the same in both. */
  readonly #isAligned: boolean;
  readonly #differing = new Map<Verdicts, Map<Verdicts, Bits>>();

  constructor(before: Cluster, after: Cluster, family: Family) {
    this.#family = family;
    const protocols = protocolsIn([before, after], family);
    this.#before = new VerdictTable(before, family, protocols);
    this.#after = new VerdictTable(after, family, protocols);
    const numbers = numbersOf(after, this.#after);
    this.#ends = [...numbersOf(before, this.#before)].flatMap(([id, number]) => {
      const other = numbers.get(id);
      return other === undefined ? [] : [{ id: id.split(" ")[0] ?? "", before: number, after: other }];
    });
    this.#isAligned = this.#ends.every((end) => end.before === end.after);
  }

  *changes(): Generator<VerdictChange> {
    const egress = this.#ends.map((end) => this.#verdictsOf(end, "Egress"));
    const ingress = this.#ends.map((end) => this.#verdictsOf(end, "Ingress"));
    for (const [source, from] of this.#ends.entries()) {
      const outgoing = egress[source];
      for (const [destination, to] of this.#ends.entries()) {
        const incoming = ingress[destination];
        if (!outgoing || !incoming || source === destination) continue;
        if (differsAbout(outgoing, to) || differsAbout(incoming, from)) {
          yield* this.#pair(from, to, outgoing, incoming);
        }
      }
    }
  }

  #verdictsOf(end: ComparedEnd, direction: "Ingress" | "Egress"): ComparedVerdicts {
    const before = this.#before.of(end.before, direction);
    const after = this.#after.of(end.after, direction);
    return { before, after, differing: this.#isAligned ? this.#differingPeers(before, after) : null };
  }

  /** Verdicts are shared by many endpoints: each pair of them is compared once. */
  #differingPeers(before: Verdicts, after: Verdicts): Bits {
    const known = this.#differing.get(before)?.get(after);
    if (known) return known;
    const differing = differingPeers(before, after, this.#before.peers.list.length);
    this.#differing.set(before, (this.#differing.get(before) ?? new Map()).set(after, differing));
    return differing;
  }

  *#pair(from: ComparedEnd, to: ComparedEnd, out: ComparedVerdicts, into: ComparedVerdicts): Generator<VerdictChange> {
    const cursors = [
      new Cursor(out.before, to.before),
      new Cursor(into.before, from.before),
      new Cursor(out.after, to.after),
      new Cursor(into.after, from.after),
    ] as const;
    let open = null as VerdictChange | null;
    for (let at: number | null = 0; at !== null; ) {
      const [wasOut, wasIn, isOut, isIn] = cursors.map((cursor) => cursor.moveTo(at ?? 0));
      const was = wasOut === true && wasIn === true;
      const is = isOut === true && isIn === true;
      const end = Math.min(...cursors.map((cursor) => cursor.end));
      if (was !== is) {
        const after = is ? "allow" : "deny";
        const [protocol, firstPort, lastPort] = [at >>> 16, at & 0xffff, (end - 1) & 0xffff];
        const goesOn: boolean = open?.after === after && open.protocol === protocol && open.lastPort === firstPort - 1;
        if (open && !goesOn) yield open;
        open =
          open && goesOn
            ? { ...open, lastPort }
            : { from: from.id, to: to.id, family: this.#family, protocol, firstPort, lastPort, after };
      } else if (open) {
        yield open;
        open = null;
      }
      at = end >= lineEnd ? null : end;
    }
    if (open) yield open;
  }
}

function differsAbout({ differing }: ComparedVerdicts, { before }: ComparedEnd): boolean {
  return differing === null || hasBit(differing, before);
}

/** The peers about which verdicts differ for any traffic; both are told of the same protocols, each from end to end. */
function differingPeers(before: Verdicts, after: Verdicts, peers: number): Bits {
  const differing = noBits(peers);
  if (before === after) return differing;
  let [i, j] = [0, 0];
  for (;;) {
    const [was, is] = [before[i], after[j]];
    if (!was || !is) return was || is ? allBits(peers) : differing;
    if (was.protocol !== is.protocol) return allBits(peers);
    addDifferences(differing, was.allowed, is.allowed);
    if (was.last <= is.last) i += 1;
    if (is.last <= was.last) j += 1;
  }
}

/** All traffic is a line: 65,536 places a protocol, of which one without ports uses the first alone. */
const lineEnd = 256 * 65_536;

/** Walks through the verdicts of one end along that line. */
class Cursor {
  /** Where the answer of `moveTo` ends. */
  end = 0;
  readonly #verdicts: Verdicts;
  readonly #peer: number;
  #next = 0;

  constructor(verdicts: Verdicts, peer: number) {
    this.#verdicts = verdicts;
    this.#peer = peer;
  }

  /** Only forwards. `null` between protocols. */
  moveTo(at: number): boolean | null {
    for (; ; this.#next++) {
      const stretch = this.#verdicts[this.#next];
      if (!stretch) break;
      const first = stretch.protocol * 65_536 + stretch.first;
      const end = stretch.protocol * 65_536 + stretch.last + 1;
      if (at >= end) continue;
      this.end = at < first ? first : end;
      return at < first ? null : hasBit(stretch.allowed, this.#peer);
    }
    this.end = lineEnd;
    return null;
  }
}

/** By endpoint and address: where a pod has got another address, nothing can be compared. */
function numbersOf({ endpoints }: Cluster, { peers }: VerdictTable): Map<string, number> {
  return new Map(
    peers.list.flatMap(({ address, endpoint }, number): [string, number][] => {
      const resource = endpoints[endpoint];
      return resource ? [[`${endpointId(resource)} ${formatAddress(address)}`, number]] : [];
    }),
  );
}
