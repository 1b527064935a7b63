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

/** Others of one attribute set are chained: nearly always there is but one. */
interface ChainedTold extends Told {
  next: ChainedTold | null;
}

export class ToldByContent {
  readonly #byAttr = new Map<AttrId, ChainedTold>();
  readonly #all: ChainedTold[] = [];
  #last: ChainedTold | null = null;

  get size(): number {
    return this.#all.length;
  }

  /** Of the prefix before: those of one content often come one after the other. */
  get last(): Told | null {
    return this.#last;
  }

  add(prefix: PrefixId, content: Content, pathId: number = 0): void {
    const told = this.#toldOf(content);
    told.prefixes.push(prefix);
    if (pathId !== 0) told.pathIds.push(pathId);
  }

  /** Of the same content as the prefix before. */
  addToLast(prefix: PrefixId): void {
    this.#last?.prefixes.push(prefix);
  }

  all(): readonly Told[] {
    return this.#all;
  }

  #toldOf(content: Content): ChainedTold {
    if (this.#last && isSame(this.#last, content)) return this.#last;
    const first = this.#byAttr.get(content.attr) ?? null;
    let told = first;
    while (told && !isSame(told, content)) told = told.next;
    if (!told) {
      told = { ...content, prefixes: [], pathIds: [], next: first };
      this.#byAttr.set(content.attr, told);
      this.#all.push(told);
    }
    this.#last = told;
    return told;
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
