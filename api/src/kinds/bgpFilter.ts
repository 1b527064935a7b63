/** Filters that peers name: which routes are taken from a peer and told to it, and what is changed in them. */
import { type Family, parsePrefix } from "@brindle/net";
import type * as z from "zod";
import { community } from "./community.ts";
import { asNumber, integer, oneOf, prefix, text } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { type CelRule, type CheckMembers, checked, field, list, object, optional, withOpenApi } from "./schema.ts";

export interface BGPFilterSpec {
  readonly exportV4?: readonly BGPFilterRule[];
  readonly importV4?: readonly BGPFilterRule[];
  readonly exportV6?: readonly BGPFilterRule[];
  readonly importV6?: readonly BGPFilterRule[];
}

/** The first rule that matches a route decides on it; all that a rule says must match. */
export interface BGPFilterRule {
  readonly cidr?: string;
  readonly prefixLength?: { readonly min?: number; readonly max?: number };
  readonly source?: "RemotePeers";
  readonly interface?: string;
  readonly matchOperator?: "Equal" | "NotEqual" | "In" | "NotIn";
  readonly peerType?: "eBGP" | "iBGP";
  readonly communities?: { readonly values: readonly string[] };
  readonly asPathPrefix?: readonly number[];
  readonly priority?: number;
  readonly action: "Accept" | "Reject";
  readonly operations?: readonly BGPFilterOperation[];
}

/** One of them. */
export interface BGPFilterOperation {
  readonly addCommunity?: { readonly value: string };
  readonly prependASPath?: { readonly prefix: readonly number[] };
  readonly setPriority?: { readonly value: number };
}

export type BGPFilter = Resource<"BGPFilter", BGPFilterSpec>;

/** As its local preference carries it, 2147483647 less the priority. */
const priority = integer(1, 2147483646);

const interfacePattern = withOpenApi(
  checked(text, (value) =>
    /^[a-zA-Z0-9_.*-]{1,15}$/.test(value)
      ? null
      : 'is no interface: at most 15 letters, digits, "_", ".", "-", and "*" for any of them',
  ),
  { pattern: "^[a-zA-Z0-9_.*-]{1,15}$" },
);

const operation = object<BGPFilterOperation>(
  {
    addCommunity: optional(
      field(
        object<{ readonly value: string }>({ value: field(community, "The community.") }),
        "Adds a community to the route.",
      ),
    ),
    prependASPath: optional(
      field(
        object<{ readonly prefix: readonly number[] }>({
          prefix: field(list(asNumber, { min: 1, max: 10 }), "AS numbers, the one that stands first told first."),
        }),
        "Puts AS numbers before the path of the route.",
      ),
    ),
    setPriority: optional(
      field(
        object<{ readonly value: number }>({ value: field(priority, "The priority, 1 to 2147483646; lower wins.") }),
        "Sets the priority of the route.",
      ),
    ),
  },
  (value, report) => {
    const named = (["addCommunity", "prependASPath", "setPriority"] as const).filter((name) => value[name]);
    if (named.length === 1) return;
    report(
      [],
      `does ${named.length || "nothing"}: exactly one of addCommunity, prependASPath and setPriority is needed`,
    );
  },
);

const operationRules: readonly CelRule[] = [
  {
    rule: "[has(self.addCommunity), has(self.prependASPath), has(self.setPriority)].filter(named, named).size() == 1",
    message: "exactly one of addCommunity, prependASPath and setPriority is needed",
  },
];

/** What `checkRule` says. */
const filterRules: readonly CelRule[] = [
  { rule: "has(self.cidr) == has(self.matchOperator)", message: "cidr and matchOperator need each other" },
  { rule: "!has(self.prefixLength) || has(self.cidr)", message: "prefixLength needs a cidr beside it" },
  {
    rule: "!has(self.operations) || self.action == 'Accept'",
    message: "operations go only with action Accept",
  },
];

const checkRule: CheckMembers<BGPFilterRule> = (rule, report) => {
  if (rule.cidr && !rule.matchOperator)
    report(["matchOperator"], "is needed beside cidr: Equal, NotEqual, In or NotIn");
  if (rule.matchOperator && !rule.cidr) report(["cidr"], "is needed beside matchOperator");
  if (rule.prefixLength && !rule.cidr) report(["prefixLength"], "needs a cidr beside it");
  if (rule.operations?.length && rule.action !== "Accept") report(["operations"], "go only with action Accept");
};

function filterRule(family: Family): z.ZodType<BGPFilterRule> {
  const length = integer(0, family === 4 ? 32 : 128);
  const network = checked(prefix, (value) => {
    const own = parsePrefix(value)?.address.family;
    return own === undefined || own === family ? null : `is of IPv${own} in a rule for IPv${family}`;
  });
  return object<BGPFilterRule>(
    {
      cidr: optional(field(network, "Compared with the network of the route, as matchOperator says.")),
      prefixLength: optional(
        field(
          object<NonNullable<BGPFilterRule["prefixLength"]>>({
            min: optional(field(length, "The shortest; that of cidr, if left out.")),
            max: optional(field(length, "The longest; that of one address, if left out.")),
          }),
          "How long the prefix of the route may be.",
        ),
      ),
      source: optional(field(oneOf("RemotePeers"), "Only routes that came from a peer; of use where routes are told.")),
      interface: optional(field(interfacePattern, "Only routes out of this interface; * stands for any letters.")),
      matchOperator: optional(
        field(oneOf("Equal", "NotEqual", "In", "NotIn"), "How the network of the route must stand to cidr."),
      ),
      peerType: optional(field(oneOf("eBGP", "iBGP"), "Only peers of another AS, or only those of the own.")),
      communities: optional(
        field(
          object<NonNullable<BGPFilterRule["communities"]>>({
            values: field(list(community, { min: 1, max: 1 }), "The community; one."),
          }),
          "Only routes that carry this community.",
        ),
      ),
      asPathPrefix: optional(field(list(asNumber), "Only routes whose AS path begins with these numbers.")),
      priority: optional(field(priority, "Only routes of this priority, 1 to 2147483646.")),
      action: field(oneOf("Accept", "Reject"), "What becomes of the route."),
      operations: optional(
        field(
          list(field(operation, "One change.", { rules: operationRules }), { min: 1, max: 10 }),
          "What is changed in a route that is accepted, in this order.",
        ),
      ),
    },
    checkRule,
  );
}

const rulesV4 = rulesOf(4);
const rulesV6 = rulesOf(6);

function rulesOf(family: Family): z.ZodType<readonly BGPFilterRule[]> {
  return list(field(filterRule(family), "A rule; what it leaves out matches every route.", { rules: filterRules }));
}

export const bgpFilterKind: KindDefinition<BGPFilter> = {
  apiVersion,
  kind: "BGPFilter",
  plural: "bgpfilters",
  description:
    "Which routes are taken from the peers that name the filter and told to them, and what is changed in them.",
  aliases: ["bgpf", "bgpfs", "bf", "bfs"],
  namespaced: false,
  spec: object<BGPFilterSpec>({
    exportV4: optional(field(rulesV4, "For IPv4 routes that are told to the peer; the first that matches decides.")),
    importV4: optional(field(rulesV4, "For IPv4 routes that the peer tells; the first that matches decides.")),
    exportV6: optional(field(rulesV6, "For IPv6 routes that are told to the peer; the first that matches decides.")),
    importV6: optional(field(rulesV6, "For IPv6 routes that the peer tells; the first that matches decides.")),
  }),
  unsupported: (["exportV4", "importV4", "exportV6", "importV6"] as const).map((list) => ({
    effect: "withheld",
    path: `spec.${list}[].interface`,
  })),
  whileWithheld: "sessions of peers that name the filter exchange no routes",
  withDefaults: (filter) => filter,
  // calicoctl ends with a panic here; these are ours.
  columns: [
    nameColumn,
    { header: "EXPORTV4", cell: ({ spec }) => String(spec.exportV4?.length ?? 0) },
    { header: "IMPORTV4", cell: ({ spec }) => String(spec.importV4?.length ?? 0) },
    { header: "EXPORTV6", cell: ({ spec }) => String(spec.exportV6?.length ?? 0) },
    { header: "IMPORTV6", cell: ({ spec }) => String(spec.importV6?.length ?? 0) },
  ],
  get wideColumns() {
    return this.columns;
  },
};
