/** What a rule in the kernel is called: `compileOwner` writes its comment, people and metrics get the parts. */
import type { PolicyDirection } from "@brindle/api";
import type { RuleOwner } from "../render/owner.ts";

export interface RuleName {
  readonly owner: RuleOwner;
  readonly direction: PolicyDirection;
  /** From zero, in the owner's list of that direction. */
  readonly rule: number;
}

/** `null` for a rule that is of no policy and no profile. */
export function ruleNameOf(comment: string): RuleName | null {
  const match = /^(NetworkPolicy|GlobalNetworkPolicy|Profile) (?:([^ /]+)\/)?([^ /]+) (ingress|egress) (\d+)$/.exec(
    comment,
  );
  if (!match) return null;
  const [, kind, namespace, name = "", direction, rule] = match;
  return {
    owner: { kind: kind as RuleOwner["kind"], namespace: namespace ?? null, name },
    direction: direction === "ingress" ? "Ingress" : "Egress",
    rule: Number(rule),
  };
}
