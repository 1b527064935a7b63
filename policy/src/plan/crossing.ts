/**
 * Whether sets can change one after the other: without a packet being dropped that both the old and the new state allow, and
 * without one passing that both deny.
 *
 * What tightens grows first, then what loosens grows, then that shrinks, and last what tightens does. So in between a packet
 * meets all that denies before or afterwards, and at one moment all that allows before or afterwards. Of the rules for one end of
 * packets that ask whether one of their addresses is in a set that loosens, each is enough (`Growth`): who is asked for in one that
 * it joins and in one that it leaves passes then as in one of the two states. It is not so where both ends have rules, and
 * where rules ask for both addresses.
 */
import type { PolicyDirection } from "@brindle/api";
import { formatPrefix, overlaps, type Prefix, type SetElement } from "@brindle/net";
import type { DesiredSet } from "../graph/desired.ts";
import type { Members } from "../graph/members.ts";
import { endOf } from "../render/dispatch.ts";
import type { Side } from "../render/ir.ts";
import { dispatchSide, leadsToDecision } from "../render/names.ts";
import { haveAny, lookupOf } from "../render/setUse.ts";
import type { ActualSet } from "./actual.ts";
import { areTwo, isHost, mayMeet, whom } from "./meeting.ts";

export interface SetDifference {
  readonly set: Pick<DesiredSet, "growth" | "lookups">;
  readonly added: readonly SetElement[];
  readonly removed: readonly SetElement[];
}

/** All sets of the kernel, and all that are to be. */
export interface AllSets {
  readonly before: Iterable<Pick<ActualSet, "name" | "members">>;
  readonly after: Iterable<Pick<DesiredSet, "name" | "members">>;
}

/** Who joins some sets, or leaves them; and which end of a packet rules look for in these. */
interface Moved {
  readonly side: Side;
  readonly sets: readonly { readonly set: SetDifference["set"]; readonly who: readonly Prefix[] }[];
}

/** Of those who move at that side of packets, those of whom it matters. */
type Counted = (side: Side, who: readonly Prefix[]) => readonly Prefix[];

type Move = "denied" | "released" | "admitted" | "dismissed";

const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];
const sides: readonly Side[] = ["source", "destination"];
/** Each with each. */
const twoSides = sides.flatMap((one) => sides.map((other) => [one, other] as const));

/** What of one family changes in place, none of it `mixed`. */
export class Crossing {
  readonly #changes: readonly SetDifference[];
  readonly #sets: AllSets;
  readonly #stays = new Map<string, boolean>();
  /** One change is asked about for several pairs of directions and sides, and may be of thousands. */
  readonly #who = new Map<readonly SetElement[], readonly Prefix[]>();
  readonly #local: Readonly<Record<Side, Map<readonly Prefix[], readonly Prefix[]>>> = {
    source: new Map(),
    destination: new Map(),
  };
  #addresses: { readonly before: Addresses; readonly after: Addresses } | null = null;

  constructor(changes: readonly SetDifference[], sets: AllSets) {
    this.#changes = changes;
    this.#sets = sets;
  }

  /**
   * Who loses one reason to be allowed and gains another is denied in between, unless the new reason can be there first; and
   * that it can not where something tightens before it (what denies must be there first), or where it is that something which
   * denied lets go (that comes last). Whoever is elsewhere and in no set before, or afterwards, is taken for a pod that comes or
   * goes, of which nothing is interrupted.
   */
  interrupts(): boolean {
    if (!this.#changes.some(({ set }) => set.growth === "tightens")) return false;
    return directions.some((direction) => {
      const counted: Counted = (side, who) =>
        side === endOf(direction) ? this.#localOf(side, who) : who.filter((each) => this.#isThereAllTheTime(each));
      const meet = (one: Move, other: Move): boolean =>
        twoSides.some(([a, b]) => {
          const [some, others] = [this.#moved(one, direction, a), this.#moved(other, direction, b)];
          return mayBeOne(some, others) && this.#meet(some, others, counted);
        });
      return meet("denied", "released") || meet("denied", "admitted") || meet("released", "dismissed");
    });
  }

  /**
   * A packet that has to be allowed by two passes in between if one allows it before, and the other afterwards: by the rules for both
   * its ends, which are asked of what pods of this node send each other, or by a rule that asks for both addresses. What hosts
   * forward is `mixed`, and so is what their own rules say of themselves.
   */
  opens(): boolean {
    const bothLocal: Counted = (side, who) => this.#localOf(side, who);
    return directions.some((direction) => {
      const ownLocal: Counted = (side, who) => (side === endOf(direction) ? this.#localOf(side, who) : who);
      return twoSides.some(([a, b]) => {
        const admitted = this.#moved("admitted", direction, a);
        return (
          this.#meet(admitted, this.#moved("dismissed", otherDirection(direction), b), bothLocal) ||
          (a !== b && this.#meet(admitted, this.#moved("dismissed", direction, b), ownLocal))
        );
      });
    });
  }

  #moved(move: Move, direction: PolicyDirection, side: Side): Moved {
    const growth = move === "denied" || move === "released" ? "tightens" : "loosens";
    const what = move === "denied" || move === "admitted" ? "added" : "removed";
    const isHere = (set: SetDifference["set"]): boolean =>
      set.growth === growth && haveAny(set.lookups, lookupOf(direction, side));
    const changes = this.#changes.filter((change) => isHere(change.set) && change[what].length > 0);
    return { side, sets: changes.map((change) => ({ set: change.set, who: this.#whoOf(change[what]) })) };
  }

  #whoOf(elements: readonly SetElement[]): readonly Prefix[] {
    const who = this.#who.get(elements) ?? elements.map(whom);
    this.#who.set(elements, who);
    return who;
  }

  /** Whether there may be a packet of both. Who stays in a set, though as part of another network, neither joins nor leaves it. */
  #meet(one: Moved, other: Moved, counted: Counted): boolean {
    // Most changes are of one pod, of which it need not be found out whom else they concern.
    if (one.sets.length === 0 || other.sets.length === 0) return false;
    const [some, others] = [one, other].map(
      ({ side, sets }): Moved => ({ side, sets: sets.map(({ set, who }) => ({ set, who: counted(side, who) })) }),
    ) as [Moved, Moved];
    if (some.side !== others.side) return areTwo(everyone(some), everyone(others));
    return some.sets.some((a) => others.sets.some((b) => a.set !== b.set && mayMeet(a.who, b.who)));
  }

  /** Those whom packets of pods that stay on this node may have as the address of that side. */
  #localOf(side: Side, who: readonly Prefix[]): readonly Prefix[] {
    const known = this.#local[side].get(who);
    if (known) return known;
    const { before, after } = this.#known();
    const local = who.filter((each) => [before, after].every(({ ofPods }) => ofPods[side].mayHave(each)));
    this.#local[side].set(who, local);
    return local;
  }

  #isThereAllTheTime(who: Prefix): boolean {
    if (!isHost(who)) return true;
    const text = formatPrefix(who);
    const known = this.#stays.get(text);
    if (known !== undefined) return known;
    const { before, after } = this.#known();
    const stays = before.has(text) && after.has(text);
    this.#stays.set(text, stays);
    return stays;
  }

  #known(): { readonly before: Addresses; readonly after: Addresses } {
    this.#addresses ??= { before: new Addresses(this.#sets.before), after: new Addresses(this.#sets.after) };
    return this.#addresses;
  }
}

/** Before it is found out of whom it matters. */
function mayBeOne(one: Moved, other: Moved): boolean {
  return (one.side === other.side ? mayMeet : areTwo)(everyone(one), everyone(other));
}

function everyone({ sets }: Moved): Prefix[] {
  return sets.flatMap(({ who }) => who);
}

function otherDirection(direction: PolicyDirection): PolicyDirection {
  return direction === "Ingress" ? "Egress" : "Ingress";
}

/** Who is in any set at one moment. */
class Addresses {
  readonly #sets: readonly { readonly members: Pick<Members, "has" | "values"> }[];
  /** What pods of this node send from, and what they are sent to by. */
  readonly ofPods: Readonly<Record<Side, Ends>>;
  readonly #podEnds: readonly Prefix[];
  #pods: ReadonlySet<string> | null = null;
  #withPorts: ReadonlySet<string> | null = null;

  constructor(all: Iterable<Pick<ActualSet, "name" | "members">>) {
    const sets = [...all];
    const ends = sets.filter(({ name }) => leadsToDecision(name));
    const ofPods = (side: Side): Prefix[] =>
      ends.filter(({ name }) => dispatchSide(name) === side).flatMap(({ members }) => [...members.values()].map(whom));
    this.#sets = sets;
    const [sources, destinations] = [ofPods("source"), ofPods("destination")];
    this.ofPods = { source: new Ends(sources), destination: new Ends(destinations) };
    this.#podEnds = [...sources, ...destinations];
  }

  /** By the text of a network of one address. */
  has(address: string): boolean {
    this.#pods ??= new Set(this.#podEnds.map(formatPrefix));
    if (this.#pods.has(address) || this.#sets.some(({ members }) => members.has(address))) return true;
    this.#withPorts ??= new Set(this.#sets.flatMap(({ members }) => addressesWithPorts(members)));
    return this.#withPorts.has(address);
  }
}

/** Of a set all of whose elements have a port beside the address; of others none. */
function addressesWithPorts(members: Pick<Members, "values">): string[] {
  const addresses: string[] = [];
  for (const element of members.values()) {
    if ("length" in element) return [];
    addresses.push(formatPrefix(whom(element)));
  }
  return addresses;
}

/** Addresses of one family, and a few networks among them. */
class Ends {
  readonly #all: readonly Prefix[];
  readonly #addresses: ReadonlySet<bigint>;
  readonly #networks: readonly Prefix[];

  constructor(all: readonly Prefix[]) {
    this.#all = all;
    this.#addresses = new Set(all.filter(isHost).map(({ address }) => address.value));
    this.#networks = all.filter((who) => !isHost(who));
  }

  mayHave(who: Prefix): boolean {
    if (!isHost(who)) return this.#all.some((end) => overlaps(end, who));
    return this.#addresses.has(who.address.value) || this.#networks.some((network) => overlaps(network, who));
  }
}
