/**
 * Which pairs of pods, and of nodes with host endpoints, would be allowed something else than now, were a cluster to become
 * another.
 */
import { type Family, formatAddress } from "@brindle/net";
import { type Cluster, endpointId } from "../cluster.ts";
import { addDifferences, allBits, type Bits, hasBit, noBits } from "./bits.ts";
import { protocolsIn, type Verdicts } from "./traffic.ts";
import { VerdictTable } from "./verdicts.ts";

export interface VerdictChange {
  /** `namespace/name` of endpoints, `Node name` of nodes. */
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

/**
 * Endpoints that only one of the two clusters has, or with another address, are left out: theirs is no change of policy. A
 * node takes part where it has a host endpoint in one of the two: all that a new one closes is told.
 */
export function* verdictChanges(before: Cluster, after: Cluster): Generator<VerdictChange> {
  for (const family of [4, 6] as const) yield* new Comparison(before, after, family).changes();
}

interface ComparedEnd {
  readonly id: string;
  /** Its number among the peers of each cluster. */
  readonly before: number;
  readonly after: number;
  readonly node: string;
  readonly isNode: boolean;
}

interface ComparedVerdicts {
  readonly before: Verdicts;
  readonly after: Verdicts;
  /** The peers about which the two differ anywhere; `null` where their numbers do not mean the same in both. */
  readonly differing: Bits | null;
}

interface Between {
  readonly from: ComparedEnd;
  readonly to: ComparedEnd;
  readonly outgoing: ComparedVerdicts;
  readonly incoming: ComparedVerdicts;
  /** What the host endpoints on the way say; `null` where there are none. */
  readonly between: ComparedVerdicts | null;
}

/** Those who are asked about a pair, in each of the two clusters: all have to allow. */
type Deciders = Readonly<Record<"before" | "after", readonly Cursor[]>>;

class Comparison {
  readonly #family: Family;
  readonly #before: VerdictTable;
  readonly #after: VerdictTable;
  readonly #ends: readonly ComparedEnd[];
  /** Whether the numbers of peers mean the same in both. */
  readonly #isAligned: boolean;
  /** Whether pods may not open connections to their own node, whatever policy says. */
  readonly #keepsPodsOut: Readonly<Record<"before" | "after", boolean>>;
  readonly #differing = new Map<Verdicts, Map<Verdicts, Bits>>();

  constructor(before: Cluster, after: Cluster, family: Family) {
    this.#family = family;
    const protocols = protocolsIn([before, after], family);
    const hosts = [before, after].flatMap(({ hostEndpoints = [] }) => hostEndpoints);
    const options = { family, protocols, nodes: new Set(hosts.map(({ spec }) => spec.node)) };
    this.#before = new VerdictTable(before, options);
    this.#after = new VerdictTable(after, options);
    const numbers = numbersOf(after, this.#after);
    this.#ends = [...numbersOf(before, this.#before)].flatMap(([text, number]): ComparedEnd[] => {
      const [other, peer] = [numbers.get(text), this.#before.peers.list[number]];
      if (other === undefined || !peer) return [];
      const id = text.slice(0, text.lastIndexOf(" "));
      return [{ id, before: number, after: other, node: peer.node, isNode: peer.endpoint < 0 }];
    });
    const keepsOut = ({ endpointToHostAction = "Drop" }: Cluster): boolean => endpointToHostAction === "Drop";
    this.#keepsPodsOut = { before: keepsOut(before), after: keepsOut(after) };
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
        const between = this.#between(from, to);
        const isBetween = between !== null && differsAbout(between, onlyPair);
        if (
          differsAbout(outgoing, to) ||
          differsAbout(incoming, from) ||
          isBetween ||
          this.#isHeldOtherwise(from, to)
        ) {
          yield* this.#pair(from, to, this.#asked({ from, to, outgoing, incoming, between }));
        }
      }
    }
  }

  #verdictsOf(end: ComparedEnd, direction: "Ingress" | "Egress"): ComparedVerdicts {
    const before = this.#before.of(end.before, direction);
    const after = this.#after.of(end.after, direction);
    return { before, after, differing: this.#isAligned ? this.#differingPeers(before, after) : null };
  }

  /** What the host endpoints on the way say; `null` where there are none. */
  #between(from: ComparedEnd, to: ComparedEnd): ComparedVerdicts | null {
    const before = this.#before.hosts?.of(from.before, to.before);
    const after = this.#after.hosts?.of(from.after, to.after);
    if (!before || !after) return null;
    return { before, after, differing: this.#differingPeers(before, after) };
  }

  /** Those who decide about a pair, in each of the two clusters. */
  #asked({ from, to, outgoing, incoming, between }: Between): Deciders {
    const cursors = (which: "before" | "after"): Cursor[] => [
      new Cursor(isToOwnNode(from, to) && this.#keepsPodsOut[which] ? [] : outgoing[which], to[which]),
      // A node always reaches its own pods.
      ...(isToOwnNode(to, from) ? [] : [new Cursor(incoming[which], from[which])]),
      ...(between ? [new Cursor(between[which], 0)] : []),
    ];
    return { before: cursors("before"), after: cursors("after") };
  }

  #isHeldOtherwise(from: ComparedEnd, to: ComparedEnd): boolean {
    const { before, after } = this.#keepsPodsOut;
    return before !== after && isToOwnNode(from, to);
  }

  /** Verdicts are shared by many endpoints: each pair of them is compared once. */
  #differingPeers(before: Verdicts, after: Verdicts): Bits {
    const known = this.#differing.get(before)?.get(after);
    if (known) return known;
    const size = (before[0] ?? after[0])?.allowed.length ?? 0;
    const differing = differingPeers(before, after, size * 32);
    this.#differing.set(before, (this.#differing.get(before) ?? new Map()).set(after, differing));
    return differing;
  }

  *#pair(from: ComparedEnd, to: ComparedEnd, asked: Deciders): Generator<VerdictChange> {
    let open = null as VerdictChange | null;
    for (let at: number | null = 0; at !== null; ) {
      const [was, is] = [allAllow(asked.before, at), allAllow(asked.after, at)];
      const end = Math.min(...[...asked.before, ...asked.after].map((cursor) => cursor.end));
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

/** Every one is asked, so that each moves on. */
function allAllow(cursors: readonly Cursor[], at: number): boolean {
  return cursors.map((cursor) => cursor.moveTo(at)).every((allowed) => allowed === true);
}

function isToOwnNode(from: ComparedEnd, to: ComparedEnd): boolean {
  return to.isNode && !from.isNode && from.node === to.node;
}

/** In the verdicts of one pair there is one bit. */
const onlyPair = { before: 0 };

function differsAbout({ differing }: ComparedVerdicts, { before }: Pick<ComparedEnd, "before">): boolean {
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
    peers.list.map(({ address, endpoint, node }, number): [string, number] => {
      const resource = endpoints[endpoint];
      return [`${resource ? endpointId(resource) : `Node ${node}`} ${formatAddress(address)}`, number];
    }),
  );
}
