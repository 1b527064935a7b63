/** All rules, in the order of the specification. */
import type { Rule } from "./rule.ts";
import { addRules } from "./rules/add.ts";
import { checkRules } from "./rules/check.ts";
import { collectRules } from "./rules/collect.ts";
import { delRules } from "./rules/del.ts";
import { parameterRules } from "./rules/parameters.ts";

export const rules: readonly Rule[] = [...parameterRules, ...addRules, ...delRules, ...checkRules, ...collectRules];
