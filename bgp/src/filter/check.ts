/** What is wrong with filters, by field: the rules that Calico's schema has, and those of our operations. */
import { addressBits, type Family, parsePrefix } from "@brindle/net";
import { parseCommunity, parseCommunityPattern } from "./community.ts";
import { type FilterOperation, type FilterRule, operationNames, priorityMax, type RouteFilter } from "./rule.ts";

export type Report = (field: string, reason: string) => void;

export function checkFilters(field: string, filters: readonly RouteFilter[], report: Report): void {
  for (const [i, { rules }] of filters.entries()) {
    for (const family of [4, 6] as const)
      checkRules(`${field}[${i}].rules[${family}]`, rules[family] ?? [], { family, report });
  }
}

interface Context {
  readonly family: Family;
  readonly report: Report;
}

export function checkRules(field: string, rules: readonly FilterRule[], context: Context): void {
  for (const [i, rule] of rules.entries()) checkRule(`${field}[${i}]`, rule, context);
}

function checkRule(field: string, rule: FilterRule, { family, report }: Context): void {
  checkNetwork(field, rule, { family, report });
  if (rule.interface !== undefined && !/^[a-zA-Z0-9_.*-]{1,15}$/.test(rule.interface)) {
    report(
      `${field}.interface`,
      `"${rule.interface}" is no interface: at most 15 letters, digits, "_", ".", "-", and "*"`,
    );
  }
  for (const [i, value] of (rule.communities?.values ?? []).entries()) {
    checkCommunity(`${field}.communities.values[${i}]`, value, report);
  }
  for (const [i, asn] of (rule.asPathPrefix ?? []).entries()) {
    checkWhole(`${field}.asPathPrefix[${i}]`, asn, { min: 1, max: 0xffffffff, report });
  }
  if (rule.priority !== undefined) {
    checkWhole(`${field}.priority`, rule.priority, { min: 1, max: priorityMax - 1, report });
  }
  if (rule.operations?.length && rule.action !== "Accept") report(`${field}.operations`, "go only with action Accept");
  for (const [i, operation] of (rule.operations ?? []).entries()) {
    checkOperation(`${field}.operations[${i}]`, operation, report);
  }
}

function checkNetwork(
  field: string,
  { cidr, matchOperator, prefixLength }: FilterRule,
  { family, report }: Context,
): void {
  if (cidr === undefined) {
    if (matchOperator !== undefined) report(`${field}.cidr`, "is needed beside matchOperator");
    if (prefixLength !== undefined) report(`${field}.prefixLength`, "needs a cidr beside it");
    return;
  }
  const prefix = parsePrefix(cidr);
  if (!prefix) report(`${field}.cidr`, `"${cidr}" is no network like 10.0.0.0/8, without host bits`);
  else if (prefix.address.family !== family) {
    report(`${field}.cidr`, `"${cidr}" is of IPv${prefix.address.family} in a rule for IPv${family}`);
  }
  if (matchOperator === undefined)
    report(`${field}.matchOperator`, "is needed beside cidr: Equal, NotEqual, In or NotIn");
  for (const [name, length] of Object.entries(prefixLength ?? {})) {
    if (length !== undefined)
      checkWhole(`${field}.prefixLength.${name}`, length, { min: 0, max: addressBits[family], report });
  }
}

function checkOperation(field: string, operation: FilterOperation, report: Report): void {
  const named = operationNames.filter((name) => operation[name] !== undefined);
  if (named.length !== 1) {
    report(
      field,
      `does ${named.length === 0 ? "nothing" : named.length}: exactly one of ${operationNames.join(", ")} is needed`,
    );
  }
  const { addCommunity, prependASPath, setPriority, removeCommunity, setCommunities, setMED } = operation;
  if (addCommunity) checkCommunity(`${field}.addCommunity.value`, addCommunity.value, report);
  if (removeCommunity && !parseCommunityPattern(removeCommunity.value)) {
    report(`${field}.removeCommunity.value`, `"${removeCommunity.value}" is no community, nor one with * in it`);
  }
  for (const [i, value] of (setCommunities?.values ?? []).entries()) {
    checkCommunity(`${field}.setCommunities.values[${i}]`, value, report);
  }
  if (prependASPath) checkPrepended(`${field}.prependASPath.prefix`, prependASPath.prefix, report);
  if (setPriority)
    checkWhole(`${field}.setPriority.value`, setPriority.value, { min: 1, max: priorityMax - 1, report });
  if (setMED) checkWhole(`${field}.setMED.value`, setMED.value, { min: 0, max: 0xffffffff, report });
  const { setLocalPreference: preference } = operation;
  if (preference)
    checkWhole(`${field}.setLocalPreference.value`, preference.value, { min: 0, max: 0xffffffff, report });
}

/** As many as Calico takes: a path that grows without bound is refused elsewhere. */
const prependedMax = 10;

function checkPrepended(field: string, asns: readonly number[], report: Report): void {
  if (asns.length < 1 || asns.length > prependedMax)
    report(field, `has ${asns.length} entries; 1 to ${prependedMax} may be`);
  for (const [i, asn] of asns.entries()) checkWhole(`${field}[${i}]`, asn, { min: 1, max: 0xffffffff, report });
}

function checkCommunity(field: string, value: string, report: Report): void {
  if (parseCommunity(value)) return;
  report(field, `"${value}" is no community: aa:nn, aa:nn:mm, or the name of a well-known one`);
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly report: Report;
}

function checkWhole(field: string, value: number, { min, max, report }: Bounds): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  report(field, `"${value}" is no whole number from ${min} to ${max}`);
}
