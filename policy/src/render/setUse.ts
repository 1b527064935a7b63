/** The sets that rules refer to: what is in them, and what their growth does to the verdicts. */
import type { PolicyDirection } from "@brindle/api";
import { type Family, formatPrefix, type Prefix } from "@brindle/net";
import { type Scope, scopeKey } from "../scope.ts";
import { formatService, type ServiceName } from "../service.ts";
import { Interned } from "./interned.ts";
import type { Side } from "./ir.ts";
import { setBaseName } from "./names.ts";

export type SetContent =
  /** The addresses of the endpoints in a scope. */
  | { readonly kind: "addresses"; readonly scope: Scope }
  /** Address, protocol and number of every port of that name of the endpoints in a scope. */
  | { readonly kind: "namedPort"; readonly scope: Scope; readonly port: string }
  /** What is behind a Service: the addresses alone, or each with the protocols and ports that it has there. */
  | { readonly kind: "service"; readonly service: ServiceName; readonly withPorts: boolean }
  /** A list that is written out, by a rule or by the pools. Another list is another set. */
  | { readonly kind: "nets"; readonly nets: readonly Prefix[] };

/**
 * What becomes of verdicts as the set grows. `mixed` is anything that is not surely one or the other; such a set is
 * never changed while rules refer to it.
 */
export type Growth = "loosens" | "tightens" | "mixed";

export interface SetUse {
  /** The base name, to which a generation is added. */
  readonly name: string;
  readonly family: Family;
  readonly content: SetContent;
  readonly growth: Growth;
  readonly lookups: Lookups;
}

/**
 * By which rules a set is looked into, and for which address of a packet: a bit for each pair. `Egress` are the rules for whoever
 * sends, `Ingress` those for whoever receives.
 */
export type Lookups = number;

const bits: Readonly<Record<PolicyDirection, Readonly<Record<Side, Lookups>>>> = {
  Ingress: { source: 1, destination: 2 },
  Egress: { source: 4, destination: 8 },
};

export function lookupOf(direction: PolicyDirection, side: Side): Lookups {
  return bits[direction][side];
}

/** By the rules for either end. */
export function lookupsFor(side: Side): Lookups {
  return bits.Ingress[side] | bits.Egress[side];
}

export function haveAny(lookups: Lookups, others: Lookups): boolean {
  return (lookups & others) !== 0;
}

const uses = new Interned<SetUse>();

export function setUse(family: Family, content: SetContent, how: Pick<SetUse, "growth" | "lookups">): SetUse {
  const { growth, lookups } = how;
  const key = contentKey(content);
  const make = (): SetUse => ({ name: setBaseName(family, key), family, content, growth, lookups });
  return content.kind === "nets" ? make() : uses.of(`${family} ${growth} ${lookups} ${key}`, make);
}

/** Of several rules that share a set. */
export function combineUses(a: SetUse, b: SetUse): SetUse {
  if (a.growth === b.growth && a.lookups === b.lookups) return a;
  return { ...a, growth: a.growth === b.growth ? a.growth : "mixed", lookups: a.lookups | b.lookups };
}

/** Also by this key the content is found again: equal texts are equal sets. */
export function contentKey(content: SetContent): string {
  switch (content.kind) {
    case "addresses":
      return `addresses ${scopeKey(content.scope)}`;
    case "namedPort":
      return `port ${content.port} ${scopeKey(content.scope)}`;
    case "service":
      return `service ${content.withPorts ? "ports " : ""}${formatService(content.service)}`;
    case "nets":
      return `nets ${content.nets.map(formatPrefix).sort().join(" ")}`;
  }
}

/** Whether an element of the set has a port beside its address. */
export function hasPorts(content: SetContent): boolean {
  return content.kind === "namedPort" || (content.kind === "service" && content.withPorts);
}
