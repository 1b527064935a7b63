/** The two ends of a packet, as a rule asks for them. */
import type * as z from "zod";
import { portSpec, prefix, ruleNamespaceSelector, selectorNotGlobal, text, textUpTo } from "./fields.ts";
import { type CelRule, type CheckMembers, field, list, object, optional } from "./schema.ts";

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

const nets = list(prefix, { max: 256 });
const ports = list(portSpec, { max: 50 });

/** A Service stands for addresses and ports, so nothing else may say which. */
const notBesideServices = [
  "nets",
  "notNets",
  "selector",
  "notSelector",
  "namespaceSelector",
  "serviceAccounts",
] as const;

const services = object<ServiceMatch>(
  {
    name: optional(field(textUpTo(253), "The name of the Service.")),
    namespace: optional(field(textUpTo(253), "Its namespace; that of the policy, if left out.")),
  },
  ({ name }, report) => {
    if (!name) report(["name"], "is missing");
  },
);

const checkServices: CheckMembers<EntityRule> = (entity, report) => {
  if (!entity.services) return;
  for (const name of notBesideServices) {
    const other = entity[name];
    if (Array.isArray(other) ? other.length > 0 : other) report([name], "cannot be given together with services");
  }
};

const entityRules: readonly CelRule[] = [
  {
    rule: "!has(self.services) || (has(self.services.name) && size(self.services.name) > 0)",
    message: "services need a name",
  },
  {
    rule: `!has(self.services) || (${notBesideServices
      .map((name) =>
        name === "serviceAccounts" ? `!has(self.${name})` : `(!has(self.${name}) || size(self.${name}) == 0)`,
      )
      .join(" && ")})`,
    message: "services cannot be given together with networks, selectors or service accounts",
  },
];

const entityShape = object<EntityRule>(
  {
    nets: optional(field(nets, "Addresses within one of these networks.")),
    selector: optional(
      field(selectorNotGlobal, "Endpoints and network sets with these labels; in the policy's namespace unless told."),
    ),
    namespaceSelector: optional(
      field(ruleNamespaceSelector, "The namespaces in which selector looks; global() for what is in none."),
    ),
    services: optional(field(services, "The endpoints, and as a destination the ports, of a Service.")),
    ports: optional(field(ports, "One of these ports: a number, a range first:last, or the name of a port.")),
    notNets: optional(field(nets, "Addresses within none of these networks.")),
    notSelector: optional(field(selectorNotGlobal, "Endpoints and network sets without these labels.")),
    notPorts: optional(field(ports, "None of these ports.")),
    serviceAccounts: optional(
      field(
        object<ServiceAccountMatch>({
          names: optional(field(list(text), "One of these service accounts.")),
          selector: optional(field(selectorNotGlobal, "Service accounts with these labels.")),
        }),
        "Pods that run under these service accounts.",
      ),
    ),
  },
  checkServices,
);

export function entityRule(description: string): z.ZodType<EntityRule> {
  return field(entityShape, description, { rules: entityRules });
}
