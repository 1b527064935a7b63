/** What one turn tells, gathered by what can go into one UPDATE. */
import type { Family } from "@brindle/net";
import type { CompiledRule } from "../filter/compile.ts";
import type { AttrId } from "../rib/attrTable.ts";
import type { NextHopId } from "../rib/nextHopTable.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Audience } from "./updateBlock.ts";

/** Prefixes whose routes have one content. */
export interface Told {
  readonly family: Family;
  readonly attr: AttrId;
  readonly hop: NextHopId;
  readonly from: PeerId;
  /** The rule of a filter that lets it pass, or `null`. */
  readonly rule: CompiledRule | null;
  readonly prefixes: PrefixId[];
  /** RFC 7911: of each; empty where peers are told one route a prefix. */
  readonly pathIds: number[];
}

type Content = Omit<Told, "prefixes" | "pathIds">;

export class ToldByContent {
  readonly #byAttr = new Map<AttrId, Told[]>();
  /** Prefixes of one content often come one after the other. */
  #last: Told | null = null;

  get size(): number {
    return this.#byAttr.size;
  }

  add(prefix: PrefixId, content: Content, pathId: number = 0): void {
    const told = this.#toldOf(content);
    told.prefixes.push(prefix);
    if (pathId !== 0) told.pathIds.push(pathId);
  }

  #toldOf(content: Content): Told {
    const last = this.#last;
    if (last && isSame(last, content)) return last;
    const ofAttr = this.#byAttr.get(content.attr) ?? [];
    if (ofAttr.length === 0) this.#byAttr.set(content.attr, ofAttr);
    let told = ofAttr.find((each) => isSame(each, content));
    if (!told) {
      told = { ...content, prefixes: [], pathIds: [] };
      ofAttr.push(told);
    }
    this.#last = told;
    return told;
  }

  *all(): Generator<Told> {
    for (const ofAttr of this.#byAttr.values()) yield* ofAttr;
  }
}

function isSame(a: Told, b: Content): boolean {
  return a.attr === b.attr && a.hop === b.hop && a.from === b.from && a.rule === b.rule && a.family === b.family;
}

export interface Withdrawn {
  readonly family: Family;
  readonly audience: Audience;
  readonly prefixes: PrefixId[];
  /** As in `Told`. */
  readonly pathIds: number[];
}

export class WithdrawnByAudience {
  readonly #all: Withdrawn[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(prefix: PrefixId, { family, audience }: Pick<Withdrawn, "family" | "audience">, pathId: number = 0): void {
    let of = this.#all.find((each) => each.family === family && isSameAudience(each.audience, audience));
    if (!of) {
      of = { family, audience, prefixes: [], pathIds: [] };
      this.#all.push(of);
    }
    of.prefixes.push(prefix);
    if (pathId !== 0) of.pathIds.push(pathId);
  }

  all(): readonly Withdrawn[] {
    return this.#all;
  }
}

/** Those that withdrawals have: all but one peer at most, or one alone. */
function isSameAudience(a: Audience, b: Audience): boolean {
  if ("only" in a || "only" in b) return "only" in a && "only" in b && a.only === b.only;
  return a.allBut[0] === b.allBut[0];
}
