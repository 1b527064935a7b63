/** Policies that are asked one after the other, and groups of them. */
import type { PolicyDirection } from "@brindle/api";
import { Interned } from "./interned.ts";
import type { Chain, ChainRule, Match } from "./ir.ts";
import { allowedMark, chainName, passedMark } from "./names.ts";

export const allowed: Match = { kind: "mark", mark: allowedMark, negated: false };
export const notPassed: Match = { kind: "mark", mark: passedMark, negated: true };
export const returnAllowed: ChainRule = { matches: [allowed], target: { kind: "return" }, comment: "allowed" };

/** Above it, what many pods have in common is asked in a chain of its own: a policy then is two rules, not two for each pod. */
export const groupMin = 8;

/**
 * The chain of the policies of a tier, one after the other, for all endpoints that have the same, and those that it asks in
 * turn; each named by what is in it. Of hundreds of policies one that comes or goes is in one part, and the others stay.
 */
export function policyGroup(policies: readonly string[], direction: PolicyDirection): readonly Chain[] {
  const parts = partsOf(policies);
  const chainOf = (rules: readonly ChainRule[], of: readonly string[]): Chain => ({
    name: chainName(direction === "Egress" ? "go" : "gi", of.join(" ")),
    rules,
  });
  const asked = (chain: string): ChainRule[] => askPolicy(chain, "policies of a tier");
  if (parts.length === 1) return [chainOf(policies.flatMap(asked), policies)];
  const made = parts.map((part) => {
    const [only = "", ...more] = part;
    if (more.length === 0) return { asks: only, chains: [] };
    const chain = groupParts.of(`${direction} ${part.join(" ")}`, () => chainOf(part.flatMap(asked), part));
    return { asks: chain.name, chains: [chain] };
  });
  const whole = chainOf(
    made.flatMap(({ asks }) => asked(asks)),
    policies,
  );
  return [whole, ...made.flatMap(({ chains }) => chains)];
}

const groupParts = new Interned<Chain>();

/** Of so many policies one is the last of its part, whatever the others are: so the parts of two lists that are alike are the same. */
const partLength = 16;

function partsOf(policies: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  for (const [index, policy] of policies.entries()) {
    parts.at(-1)?.push(policy);
    if (endsPart(policy) && index < policies.length - 1) parts.push([]);
  }
  return parts;
}

/** FNV-1a of 32 bits, whose upper bits are mixed best. */
function endsPart(name: string): boolean {
  let hashed = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hashed = Math.imul(hashed ^ name.charCodeAt(index), 0x01000193);
  }
  return (hashed >>> 8) % partLength === 0;
}

/** Whether a chain does no more than to ask policies. */
export function isPolicyGroup(name: string): boolean {
  return /^BRDL-g[io]-/.test(name);
}

/** Whether it has decided is in the packet's marks. */
export function askPolicy(chain: string, comment: string): ChainRule[] {
  return [
    asking.of(
      `${chain} ${comment}`,
      (): ChainRule => ({ matches: [notPassed], target: { kind: "jump", chain }, comment }),
    ),
    returnAllowed,
  ];
}

/** A policy is asked in many chains, and a change of one policy makes chains of hundreds of these anew. */
const asking = new Interned<ChainRule>();
