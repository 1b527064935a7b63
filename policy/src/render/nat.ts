/**
 * The table nat: floating addresses, by which pods of this node are reached beside their own (Calico's `ipNATs`), and behind them
 * the addresses that pods speak to the outside with.
 *
 *     PREROUTING, OUTPUT -> BRDL-FLOATING    -> to a floating address: to the pod's own
 *     POSTROUTING        -> BRDL-POSTROUTING -> from a pod to itself: from its floating address; natOutgoing
 *
 * Policy is asked behind PREROUTING, and sees the pod's own address. What a pod sends keeps its own, as in Calico, but to
 * itself: a packet that comes to it with its own address as source would be dropped there.
 */
import type { IPPool } from "@brindle/api";
import { type Address, compareAddresses, type Family, formatAddress, hostPrefix } from "@brindle/net";
import { Interned } from "./interned.ts";
import type { Chain, ChainRule, Match, Side, Target } from "./ir.ts";
import { type Masquerade, renderMasquerade } from "./masquerade.ts";
import { chains } from "./names.ts";
import { hook, rule } from "./tables.ts";

export interface FloatingAddress {
  readonly floating: Address;
  /** The pod's own, of the same family. */
  readonly own: Address;
}

export interface NatInput {
  readonly family: Family;
  readonly pools: readonly IPPool[];
  /** Of pods of this node: each floating address once. */
  readonly floating: readonly FloatingAddress[];
}

export function renderNat({ family, pools, floating }: NatInput): Masquerade {
  const masquerade = renderMasquerade(pools, family);
  const here = floating
    .filter((one) => one.floating.family === family)
    .toSorted((a, b) => compareAddresses(a.floating, b.floating));
  if (here.length === 0) return masquerade;
  const behind = masquerade.content.chains.flatMap(({ rules }) => rules);
  const translated: Chain = { name: chains.floating, rules: [...here.map(toOwn), noFloating], isDispatch: true };
  const leaving: Chain = { name: chains.postrouting, rules: [...firstOfEach(here).map(toItself), ...behind] };
  return {
    content: {
      chains: [translated, leaving],
      hooks: [
        hook("PREROUTING", chains.floating),
        hook("OUTPUT", chains.floating),
        hook("POSTROUTING", chains.postrouting),
      ],
    },
    sets: masquerade.sets,
  };
}

/** A pod speaks to itself by one of its floating addresses, the lowest. */
function firstOfEach(floating: readonly FloatingAddress[]): FloatingAddress[] {
  return [...new Map(floating.toReversed().map((one) => [formatAddress(one.own), one])).values()].toReversed();
}

const noFloating = rule([], { kind: "return" }, "no floating address");

/** One object as long as it says the same. */
const known = new Interned<ChainRule>();

function toOwn({ floating, own }: FloatingAddress): ChainRule {
  return made([is("destination", floating)], { kind: "dnat", to: own }, "floating address of a pod");
}

function toItself({ floating, own }: FloatingAddress): ChainRule {
  const matches = [is("source", own), is("destination", own)];
  return made(matches, { kind: "snat", to: floating }, "a pod that speaks to itself by its floating address");
}

function made(matches: readonly Match[], target: Target & { readonly to: Address }, comment: string): ChainRule {
  const nets = matches.map((match) => (match.kind === "net" ? formatAddress(match.net.address) : match.kind));
  return known.of([target.kind, formatAddress(target.to), ...nets].join(" "), () => rule(matches, target, comment));
}

function is(side: Side, address: Address): Match {
  return { kind: "net", side, net: hostPrefix(address), negated: false };
}
