/** The content of a NetworkPolicy of `networking.k8s.io/v1`, in the order of its Go structs. */
import { containsPrefix, parsePrefix } from "@brindle/net";
import * as z from "zod";
import { integer, labels, oneOf, prefix, text } from "./fields.ts";
import { type CheckMembers, field, list, object, optional, withOpenApi } from "./schema.ts";

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values?: readonly string[];
}

export interface KubernetesIngressRule {
  readonly ports?: readonly KubernetesPort[];
  readonly from?: readonly KubernetesPeer[];
}

export interface KubernetesEgressRule {
  readonly ports?: readonly KubernetesPort[];
  readonly to?: readonly KubernetesPeer[];
}

export interface KubernetesPort {
  readonly protocol?: "TCP" | "UDP" | "SCTP";
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface KubernetesPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: IpBlock;
}

export interface IpBlock {
  readonly cidr: string;
  readonly except?: readonly string[];
}

const requirement = object<LabelRequirement>(
  {
    key: field(text, "The name of the label."),
    operator: field(oneOf("In", "NotIn", "Exists", "DoesNotExist"), "What must hold of it."),
    values: optional(field(list(text), "The values of In and NotIn.")),
  },
  ({ operator, values }, report) => {
    const takesValues = operator === "In" || operator === "NotIn";
    if (takesValues && !values?.length) report(["values"], `has no entries, ${operator} needs one`);
    if (!takesValues && values?.length) report(["values"], `must be left out: ${operator} takes none`);
  },
);

export const labelSelector: z.ZodType<LabelSelector> = object<LabelSelector>({
  matchLabels: optional(field(labels, "Labels that must be there, with these values.")),
  matchExpressions: optional(field(list(requirement), "What else must hold of the labels.")),
});

const portOrName = withOpenApi(
  z.union([integer(1, 65535), z.string()], { error: "is no port from 1 to 65535 and no name" }),
  { "x-kubernetes-int-or-string": true, minimum: 1, maximum: 65535 },
);

const port = object<KubernetesPort>(
  {
    protocol: optional(field(oneOf("TCP", "UDP", "SCTP"), "TCP unless told.")),
    port: optional(field(portOrName, "The port, or its name in the pod; all, if left out.")),
    endPort: optional(field(integer(1, 65535), "The last of a range that begins with port.")),
  },
  ({ port, endPort }, report) => {
    if (endPort === undefined) return;
    if (typeof port !== "number") report(["endPort"], "needs a port in figures beside it");
    else if (endPort < port) report(["endPort"], `is less than port, ${port}`);
  },
);

const checkBlock: CheckMembers<IpBlock> = ({ cidr, except = [] }, report) => {
  const outer = parsePrefix(cidr);
  for (const [i, net] of except.entries()) {
    const inner = parsePrefix(net);
    if (outer && inner && !(containsPrefix(outer, inner) && inner.length > outer.length)) {
      report(["except", i], `is not inside of ${cidr}`);
    }
  }
};

const peer = object<KubernetesPeer>(
  {
    podSelector: optional(field(labelSelector, "Pods with these labels; of the own namespace unless told.")),
    namespaceSelector: optional(field(labelSelector, "Pods of namespaces with these labels.")),
    ipBlock: optional(
      field(
        object<IpBlock>(
          {
            cidr: field(prefix, "The network."),
            except: optional(field(list(prefix), "Parts of it that are not meant.")),
          },
          checkBlock,
        ),
        "A network; it stands alone.",
      ),
    ),
  },
  ({ podSelector, namespaceSelector, ipBlock }, report) => {
    if (ipBlock && (podSelector || namespaceSelector)) report(["ipBlock"], "cannot stand beside selectors");
    if (!ipBlock && !podSelector && !namespaceSelector) {
      report([], "is empty: podSelector, namespaceSelector or ipBlock is needed");
    }
  },
);

const ports = field(list(port), "The ports; all, if left out.");

export const kubernetesIngress: z.ZodType<readonly KubernetesIngressRule[]> = list(
  object<KubernetesIngressRule>({
    ports: optional(ports),
    from: optional(field(list(peer), "Who may send; anybody, if left out.")),
  }),
);

export const kubernetesEgress: z.ZodType<readonly KubernetesEgressRule[]> = list(
  object<KubernetesEgressRule>({
    ports: optional(ports),
    to: optional(field(list(peer), "Who may be sent to; anybody, if left out.")),
  }),
);

/** As people write a selector on a command line: `app=web,tier in (a,b),!old`. */
export function formatLabelSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const words = Object.entries(matchLabels).map(([name, value]) => `${name}=${value}`);
  const more = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
  });
  return [...words, ...more].join(",");
}
