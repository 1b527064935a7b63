/** The rules of policies and profiles, and what their fields must be together. */
import { type Family, parsePrefix } from "@brindle/net";
import * as z from "zod";
import {
  annotations,
  integer,
  oneOf,
  portSpec,
  prefix,
  protocol,
  selector,
  selectorNotGlobal,
  text,
} from "./fields.ts";
import type { UnsupportedField } from "./kind.ts";
import { type CheckMembers, list, object, optional } from "./schema.ts";

export type RuleAction = "Allow" | "Deny" | "Log" | "Pass";

/** A port number, a range `a:b`, or the name of a port of the endpoint. */
export type PortSpec = number | string;

export interface EntityRule {
  readonly nets?: readonly string[];
  readonly selector?: string;
  readonly namespaceSelector?: string;
  readonly services?: ServiceMatch;
  readonly ports?: readonly PortSpec[];
  readonly notNets?: readonly string[];
  readonly notSelector?: string;
  readonly notPorts?: readonly PortSpec[];
  readonly serviceAccounts?: ServiceAccountMatch;
}

export interface ServiceMatch {
  readonly name?: string;
  readonly namespace?: string;
}

export interface ServiceAccountMatch {
  readonly names?: readonly string[];
  readonly selector?: string;
}

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

const nets = list(prefix, { max: 256 });
const ports = list(portSpec, { max: 50 });

const entityRule = object<EntityRule>({
  nets: optional(nets),
  selector: optional(selectorNotGlobal),
  namespaceSelector: optional(selector),
  services: optional(object<ServiceMatch>({ name: optional(text), namespace: optional(text) })),
  ports: optional(ports),
  notNets: optional(nets),
  notSelector: optional(selectorNotGlobal),
  notPorts: optional(ports),
  serviceAccounts: optional(
    object<ServiceAccountMatch>({ names: optional(list(text)), selector: optional(selectorNotGlobal) }),
  ),
});

const icmpMatch = object<IcmpMatch>(
  { type: optional(integer(0, 254)), code: optional(integer(0, 255)) },
  ({ type, code }, report) => {
    if (code !== undefined && type === undefined) report(["code"], "needs a type beside it");
  },
);

const rule = object<Rule>(
  {
    action: oneOf("Allow", "Deny", "Log", "Pass"),
    ipVersion: optional(z.literal([4, 6])),
    protocol: optional(protocol),
    icmp: optional(icmpMatch),
    notProtocol: optional(protocol),
    notICMP: optional(icmpMatch),
    source: optional(entityRule),
    destination: optional(entityRule),
    http: optional(
      object<HttpMatch>({
        methods: optional(list(text, { max: 20 })),
        paths: optional(
          list(
            object<{ readonly exact?: string; readonly prefix?: string }>({
              exact: optional(text),
              prefix: optional(text),
            }),
            { max: 20 },
          ),
        ),
      }),
    ),
    metadata: optional(object<NonNullable<Rule["metadata"]>>({ annotations: optional(annotations) })),
  },
  (value, report) => {
    checkPorts(value, report);
    checkIcmp(value, report);
    checkFamilies(value, report);
  },
);

export const rules: z.ZodType<readonly Rule[]> = list(rule, { max: 1024 });

/** What is refused in the rules of `direction`, of every kind that has them. */
export function unsupportedInRules(direction: "ingress" | "egress"): UnsupportedField[] {
  return [
    {
      effect: "ignored",
      path: `spec.${direction}[].action`,
      only: ["Log"],
      meanwhile: "the next rule is asked, and that a packet is logged is not promised",
    },
    { effect: "refused", path: `spec.${direction}[].http` },
    ...["source", "destination"].flatMap((side): UnsupportedField[] => [
      { effect: "withheld", path: `spec.${direction}[].${side}.services` },
      { effect: "withheld", path: `spec.${direction}[].${side}.serviceAccounts` },
    ]),
  ];
}

const protocolsWithPorts: readonly unknown[] = ["TCP", "UDP", "SCTP", 6, 17, 132];

/** A named port brings its protocol along; a number means nothing without one. */
const checkPorts: CheckMembers<Rule> = (rule, report) => {
  if (protocolsWithPorts.includes(rule.protocol)) return;
  for (const side of ["source", "destination"] as const) {
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
  const own = icmpProtocols.find(({ names }) => names.includes(rule.protocol));
  for (const field of ["icmp", "notICMP"] as const) {
    if (rule[field] && !own) report([field], "needs protocol ICMP or ICMPv6 beside it");
  }
  if (own && rule.ipVersion !== undefined && rule.ipVersion !== own.family) {
    report(["ipVersion"], `contradicts protocol ${rule.protocol}, which is of IPv${own.family}`);
  }
};

/** A packet has one family, so networks of both in one rule, or of the other one, never match together. */
const checkFamilies: CheckMembers<Rule> = (rule, report) => {
  let family: Family | undefined = rule.ipVersion;
  for (const side of ["source", "destination"] as const) {
    for (const field of ["nets", "notNets"] as const) {
      for (const [i, net] of (rule[side]?.[field] ?? []).entries()) {
        const own = parsePrefix(net)?.address.family;
        family ??= own;
        if (own !== family) report([side, field, i], `is of IPv${own} in a rule that is of IPv${family}`);
      }
    }
  }
};
