/** The sets of rules that are for host endpoints, and what their growth does there. */
import type { PolicyDirection } from "@brindle/api";
import { endOf } from "./dispatch.ts";
import type { CompiledChain } from "./owner.ts";
import { haveAny, lookupOf, type SetUse } from "./setUse.ts";

const directions: readonly PolicyDirection[] = ["Ingress", "Egress"];

/** By when they are asked. */
export interface OwnersOfHosts {
  /** In the filter table. */
  readonly ofHosts: readonly CompiledChain[];
  /** Of these, what is for others, too. */
  readonly forwarded: readonly CompiledChain[];
  readonly untracked: readonly CompiledChain[];
  readonly preDnat: readonly CompiledChain[];
}

/**
 * Beside what is asked of what a host forwards, rules for a pod's end are: both have to allow what is from, or to, one address. And
 * who plans changes of sets knows where pods are, and not which addresses are the host's.
 */
export function usesOfHosts({ ofHosts, forwarded, untracked, preDnat }: OwnersOfHosts): SetUse[] {
  return [
    ...ofHosts.flatMap(({ sets }) => sets.map((use) => (isOfFarEnd(use) ? use : mixed(use)))),
    ...[...forwarded, ...untracked, ...preDnat].flatMap(({ sets }) => sets.map(mixed)),
  ];
}

function isOfFarEnd({ lookups }: SetUse): boolean {
  return !directions.some((direction) => haveAny(lookups, lookupOf(direction, endOf(direction))));
}

function mixed(use: SetUse): SetUse {
  return { ...use, growth: "mixed" };
}
