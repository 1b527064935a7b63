/** The rules of policies and profiles, and what their fields must be together. */
import type { Family } from "@brindle/net";
import * as z from "zod";
import { type EntityRule, entityRule } from "./entityRule.ts";
import { annotations, integer, oneOf, protocol, text, textUpTo } from "./fields.ts";
import type { UnsupportedField } from "./kind.ts";
import { type CelRule, type CheckMembers, field, list, object, optional, type Shape, withOpenApi } from "./schema.ts";

export type RuleAction = "Allow" | "Deny" | "Log" | "Pass";

export interface IcmpMatch {
  readonly type?: number;
  readonly code?: number;
}

export interface HttpMatch {
  readonly methods?: readonly string[];
  readonly paths?: readonly { readonly exact?: string; readonly prefix?: string }[];
}

export interface Rule {
  readonly action: RuleAction;
  readonly ipVersion?: 4 | 6;
  /** A name (`TCP`, `UDP`, `ICMP`, `ICMPv6`, `SCTP`, `UDPLite`) or a number from 1 to 255. */
  readonly protocol?: string | number;
  readonly icmp?: IcmpMatch;
  readonly notProtocol?: string | number;
  readonly notICMP?: IcmpMatch;
  readonly source?: EntityRule;
  readonly destination?: EntityRule;
  readonly http?: HttpMatch;
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

const icmpShape = object<IcmpMatch>(
  {
    type: optional(field(integer(0, 254), "The type of the message.")),
    code: optional(field(integer(0, 255), "Its code; needs a type beside it.")),
  },
  ({ type, code }, report) => {
    if (code !== undefined && type === undefined) report(["code"], "needs a type beside it");
  },
);
const icmpMatch = (description: string): z.ZodType<IcmpMatch> =>
  field(icmpShape, description, {
    rules: [{ rule: "!has(self.code) || has(self.type)", message: "code needs a type" }],
  });

const httpMatch = object<HttpMatch>({
  methods: optional(field(list(text, { max: 20 }), "One of these methods.")),
  paths: optional(
    field(
      list(
        object<{ readonly exact?: string; readonly prefix?: string }>({
          exact: optional(field(textUpTo(1024), "Exactly this path.")),
          prefix: optional(field(textUpTo(1024), "Paths that begin so.")),
        }),
        { max: 20 },
      ),
      "One of these paths.",
    ),
  ),
});

const ruleMembers: Shape<Rule> = {
  action: field(
    oneOf("Allow", "Deny", "Log", "Pass"),
    "What becomes of a packet that matches all of the rule. Pass leaves it to the next tier; Log notes it and goes on.",
  ),
  ipVersion: optional(
    field(withOpenApi(z.literal([4, 6]), { type: "integer" }), "Packets of this version of IP; of both, if left out."),
  ),
  protocol: optional(field(protocol, "Packets of this protocol: TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite, or a number.")),
  icmp: optional(icmpMatch("ICMP messages of this type and code.")),
  notProtocol: optional(field(protocol, "Packets of any other protocol.")),
  notICMP: optional(icmpMatch("ICMP messages of another type or code.")),
  source: optional(entityRule("Whence the packet comes.")),
  destination: optional(entityRule("Whither the packet goes.")),
  http: optional(field(httpMatch, "Requests of HTTP. This version of Brindle refuses rules that have it.")),
  metadata: optional(
    field(
      object<NonNullable<Rule["metadata"]>>({
        annotations: optional(field(annotations, "Words for people and tools.")),
      }),
      "What is noted of the rule and changes nothing.",
    ),
  ),
};

export type Direction = "ingress" | "egress";

/** In which direction a Service may stand at which end: the other end is the endpoint itself. */
const serviceEnd = { ingress: "source", egress: "destination" } as const;

function rulesOf(direction: Direction): z.ZodType<readonly Rule[]> {
  const other = direction === "ingress" ? "destination" : "source";
  const shape = object<Rule>(ruleMembers, (value, report) => {
    checkPorts(value, report);
    checkIcmp(value, report);
    checkFamilies(value, report);
    if (value[other]?.services) {
      report([other, "services"], `have no meaning in ${direction} rules, but for ${serviceEnd[direction]}`);
    }
    const { services, ports, notPorts } = value.destination ?? {};
    if (services && (ports?.length || notPorts?.length)) {
      report(["destination", "services"], "bring their ports: ports and notPorts cannot be given beside them");
    }
  });
  const rules = [...celRules, { rule: noServices(other), message: `services of the ${other} have no meaning here` }];
  return list(field(shape, "A rule; what it leaves out matches every packet.", { rules }), { max: 1024 });
}

const noServices = (end: "source" | "destination"): string => `!has(self.${end}) || !has(self.${end}.services)`;

const celRules: readonly CelRule[] = [
  { rule: "!has(self.http)", message: "http is not supported by this version of Brindle" },
  {
    rule: "!has(self.destination) || !has(self.destination.services) || ((!has(self.destination.ports) || size(self.destination.ports) == 0) && (!has(self.destination.notPorts) || size(self.destination.notPorts) == 0))",
    message: "services bring their ports: ports and notPorts cannot be given beside them",
  },
  {
    rule: "!(has(self.icmp) || has(self.notICMP)) || (has(self.protocol) && (self.protocol == 'ICMP' || self.protocol == 'ICMPv6' || self.protocol == 1 || self.protocol == 58))",
    message: "icmp and notICMP need protocol ICMP or ICMPv6 beside them",
  },
  ...["protocol", "notProtocol"].map((field) => ({
    rule: `!has(self.ipVersion) || !has(self.${field}) || (self.ipVersion == 4 ? self.${field} != 'ICMPv6' && self.${field} != 58 : self.${field} != 'ICMP' && self.${field} != 1)`,
    message: `ipVersion contradicts ${field}`,
  })),
];

export const ingressRules: z.ZodType<readonly Rule[]> = rulesOf("ingress");
export const egressRules: z.ZodType<readonly Rule[]> = rulesOf("egress");

/** What is not acted on in the rules of `direction`, of every kind that has them. */
export function unsupportedInRules(direction: Direction): UnsupportedField[] {
  return [{ effect: "refused", path: `spec.${direction}[].http` }];
}

/** In a profile, whose rules are of no policy, a Service means nothing besides. */
export function unsupportedInProfileRules(direction: Direction): UnsupportedField[] {
  const services = (["source", "destination"] as const).map(
    (side): UnsupportedField => ({ effect: "withheld", path: `spec.${direction}[].${side}.services` }),
  );
  return [...unsupportedInRules(direction), ...services];
}

const sides = ["source", "destination"] as const;

const protocolsWithPorts: readonly unknown[] = ["TCP", "UDP", "SCTP", 6, 17, 132];

/** A named port brings its protocol along; a number means nothing without one. */
const checkPorts: CheckMembers<Rule> = (rule, report) => {
  if (protocolsWithPorts.includes(rule.protocol)) return;
  for (const side of sides) {
    if (!rule[side]) continue;
    for (const field of ["ports", "notPorts"] as const) {
      const isNumeric = rule[side]?.[field]?.some((port) => typeof port === "number" || port.includes(":"));
      if (isNumeric) report([side, field], "need protocol TCP, UDP or SCTP beside them");
    }
  }
};

const icmpProtocols: readonly { readonly names: readonly unknown[]; readonly family: Family }[] = [
  { names: ["ICMP", 1], family: 4 },
  { names: ["ICMPv6", 58], family: 6 },
];

const checkIcmp: CheckMembers<Rule> = (rule, report) => {
  if (!rule.icmp && !rule.notICMP && rule.ipVersion === undefined) return;
  const own = icmpProtocols.find(({ names }) => names.includes(rule.protocol));
  for (const field of ["icmp", "notICMP"] as const) {
    if (rule[field] && !own) report([field], "needs protocol ICMP or ICMPv6 beside it");
  }
  for (const field of ["protocol", "notProtocol"] as const) {
    const named = icmpProtocols.find(({ names }) => names.includes(rule[field]));
    if (named && rule.ipVersion !== undefined && rule.ipVersion !== named.family) {
      report(["ipVersion"], `contradicts ${field} ${rule[field]}, which is of IPv${named.family}`);
    }
  }
};

const noNets: readonly string[] = [];

/** A packet has one family, so networks of both in one rule, or of the other one, never match together. */
const checkFamilies: CheckMembers<Rule> = (rule, report) => {
  let family: Family | undefined = rule.ipVersion;
  for (const side of sides) {
    const entity = rule[side];
    if (!entity?.nets && !entity?.notNets) continue;
    for (const field of ["nets", "notNets"] as const) {
      const nets = entity[field] ?? noNets;
      for (let i = 0; i < nets.length; i++) {
        const own = nets[i]?.includes(":") ? 6 : 4;
        family ??= own;
        if (own !== family) report([side, field, i], `is of IPv${own} in a rule that is of IPv${family}`);
      }
    }
  }
};
