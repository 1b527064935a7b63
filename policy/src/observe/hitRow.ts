/** How often a rule decided, as it is told. */
import type { PolicyDirection } from "@brindle/api";
import type { RuleName } from "./ruleName.ts";

/** What is counted. Before connections are tracked each packet is asked by itself. */
export type CountedUnit = "flows" | "packets";

export type RuleAction = "allow" | "deny" | "pass" | "log";

/** A rule of a policy or profile, or what becomes of that which no rule of them decides. */
export type HitRow =
  | (RuleName & {
      readonly kind: "rule";
      readonly action: RuleAction;
      readonly counts: CountedUnit;
      readonly hits: number;
    })
  | {
      readonly kind: "default";
      /** `namespace/name` of the endpoints that it may have happened to: all that share the chain, in order; or `HostEndpoint name`. */
      readonly endpoints: readonly string[];
      readonly direction: PolicyDirection;
      /** In words: `no policy allows it`. */
      readonly reason: string;
      readonly hits: number;
    };
