/**
 * What is in a set, as of one moment. Sets have up to hundreds of thousands of members, and most changes are of one or
 * two: so a moment that is over is kept as how it differs from the next one, and two moments of one set are compared
 * by what changed between them.
 */
import { type InterfaceElement, parseSetElement, type SetElement } from "@brindle/net";

/** Elements by their text, which is the same for equal elements. It never changes; a `Map` is one, too. */
export interface Members {
  readonly size: number;
  has(text: string): boolean;
  get(text: string): SetElement | undefined;
  keys(): Iterable<string>;
  values(): Iterable<SetElement>;
  /** Those with an interface; not there, or `null`, where they would have to be looked for among all. */
  ofInterface?(name: string): readonly InterfaceElement[] | null;
}

/** Texts that one of two has and the other lacks. */
export interface MemberChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Of two moments of one set the cost is that of what changed between them; else that of both. */
export function memberChanges(before: Members, after: Members): MemberChanges {
  if (before === after) return noChanges;
  const candidates = before instanceof Moment && after instanceof Moment ? before.mayDifferFrom(after) : null;
  if (candidates === null) return { added: lackedBy(before, after.keys()), removed: lackedBy(after, before.keys()) };
  const differing = [...candidates].filter((text) => before.has(text) !== after.has(text));
  return {
    added: differing.filter((text) => after.has(text)),
    removed: differing.filter((text) => before.has(text)),
  };
}

const noChanges: MemberChanges = { added: [], removed: [] };

function lackedBy(members: Members, texts: Iterable<string>): string[] {
  const lacked: string[] = [];
  for (const text of texts) if (!members.has(text)) lacked.push(text);
  return lacked;
}

/** What is in a list now, by texts. */
interface Texts {
  readonly size: number;
  has(text: string): boolean;
  keys(): Iterable<string>;
}

/** Members that come and go. */
export class MemberList {
  readonly #texts = new Set<string>();
  readonly #moments = new Moments(this.#texts);

  has(text: string): boolean {
    return this.#texts.has(text);
  }

  add(text: string): void {
    const { size } = this.#texts;
    if (this.#texts.add(text).size !== size) this.#moments.flip(text);
  }

  delete(text: string): void {
    if (this.#texts.delete(text)) this.#moments.flip(text);
  }

  /** The same object again means that nothing is other than it was then. */
  snapshot(): Members {
    return this.#moments.snapshot();
  }
}

/** What is known of members that are in a list now, beside their texts. */
export interface KnownEnds {
  element(text: string): InterfaceElement | undefined;
  /** Their texts. */
  ofInterface(name: string): Iterable<string>;
}

/** The moments of one list, of which only the newest is not over. */
export class Moments {
  readonly #now: Texts;
  readonly #ends: KnownEnds | null;
  #newest: Moment | null = null;

  /** `now` is the list's, which tells by `flip` of each text that has come or gone. */
  constructor(now: Texts, ends: KnownEnds | null = null) {
    this.#now = now;
    this.#ends = ends;
  }

  flip(text: string): void {
    this.#newest?.flip(text);
  }

  snapshot(): Members {
    if (this.#newest?.isNow) return this.#newest;
    const moment = new Moment(this.#now, this.#ends);
    this.#newest?.overtakenBy(moment);
    this.#newest = moment;
    return moment;
  }
}

const nothing: ReadonlySet<string> = new Set();

class Moment implements Members {
  readonly size: number;
  /** What is in the list now. */
  readonly #now: Texts;
  readonly #ends: KnownEnds | null;
  /** What is in it in one of the two, this moment and the next, or now where there is no next. */
  #flipped: Set<string> | null = null;
  #next: Moment | null = null;

  constructor(now: Texts, ends: KnownEnds | null) {
    this.#now = now;
    this.#ends = ends;
    this.size = now.size;
  }

  get flips(): ReadonlySet<string> {
    return this.#flipped ?? nothing;
  }

  get next(): Moment | null {
    return this.#next;
  }

  get isNow(): boolean {
    return this.#next === null && this.flips.size === 0;
  }

  flip(text: string): void {
    this.#flipped ??= new Set();
    if (!this.#flipped.delete(text)) this.#flipped.add(text);
  }

  overtakenBy(next: Moment): void {
    this.#next = next;
  }

  has(text: string): boolean {
    const newest = this.#newest(); // Asked first: it makes what differs from it known.
    const isOther = this.flips.has(text) !== (newest?.flips.has(text) ?? false);
    return this.#now.has(text) !== isOther;
  }

  get(text: string): SetElement | undefined {
    return this.has(text) ? this.#element(text) : undefined;
  }

  *keys(): Generator<string> {
    if (this.isNow) {
      yield* this.#now.keys();
      return;
    }
    const newest = this.#newest();
    const flips = new Set([...this.flips, ...(newest?.flips ?? nothing)]);
    for (const text of this.#now.keys()) if (!flips.has(text)) yield text;
    for (const text of flips) if (this.has(text)) yield text;
  }

  *values(): Generator<SetElement> {
    for (const text of this.keys()) {
      const element = this.#element(text);
      if (element) yield element;
    }
  }

  ofInterface(name: string): readonly InterfaceElement[] | null {
    if (!this.#ends) return null;
    const newest = this.#newest();
    const texts = new Set([...this.#ends.ofInterface(name), ...this.flips, ...(newest?.flips ?? nothing)]);
    return [...texts].flatMap((text) => {
      const element = this.get(text);
      return element && "interfaceName" in element && element.interfaceName === name ? element : [];
    });
  }

  /** One that is in the list no more is read from its text. */
  #element(text: string): SetElement | undefined {
    return this.#ends?.element(text) ?? parseSetElement(text) ?? undefined;
  }

  /** Whatever is not among these is in both or in neither; `null` for moments of different lists. */
  mayDifferFrom(other: Moment): ReadonlySet<string> | null {
    if (this.#now !== other.#now) return null;
    return new Set([this, other].flatMap((moment) => (moment.#newest() ? [...moment.flips] : [])));
  }

  /** Behind this one, or `null` where this is it. All between are passed over from then on, and need not be kept. */
  #newest(): Moment | null {
    for (let over = this.#next; over?.next; over = over.next) {
      for (const text of over.flips) this.flip(text);
      this.#next = over.next;
    }
    return this.#next;
  }
}
