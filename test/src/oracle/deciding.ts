/** How much a field of policies and rules had to say: for how many packets the verdict is another one without it. */
import type { Rule } from "@brindle/api";
import type { Cluster, Packet, Policy } from "@brindle/policy";
import { isAllowed } from "./oracle.ts";

type Without = (rule: Rule) => Rule;

const sides = ["source", "destination"] as const;
const entityFields = [
  "nets",
  "notNets",
  "selector",
  "notSelector",
  "namespaceSelector",
  "serviceAccounts",
  "services",
  "ports",
  "notPorts",
] as const;

/** Without its protocol a rule with ports or types of ICMP would be no rule at all. */
const needsProtocol = (rule: Rule): boolean =>
  Boolean(rule.icmp || rule.notICMP || sides.some((side) => rule[side]?.ports || rule[side]?.notPorts));

const ruleFields: Readonly<Record<string, Without>> = {
  ipVersion: ({ ipVersion: _, ...rest }) => rest,
  protocol: (rule) => (needsProtocol(rule) ? rule : without(rule, "protocol")),
  notProtocol: ({ notProtocol: _, ...rest }) => rest,
  icmp: ({ icmp: _, ...rest }) => rest,
  notICMP: ({ notICMP: _, ...rest }) => rest,
  ...Object.fromEntries(
    sides.flatMap((side) =>
      entityFields.map((field): [string, Without] => [
        `${side}.${field}`,
        (rule) => (rule[side] ? { ...rule, [side]: without(rule[side], field) } : rule),
      ]),
    ),
  ),
};

const policyFields = ["selector", "namespaceSelector", "serviceAccountSelector", "order", "tier"] as const;

/** On how many of the packets the field decides. */
export function decidedBy(field: string, cluster: Cluster, packets: readonly Packet[]): number {
  const other = clusterWithout(cluster, field);
  if (other === null) return 0;
  return packets.filter((packet) => isAllowed(other, packet) !== isAllowed(cluster, packet)).length;
}

/** `null` where no policy has the field. */
function clusterWithout(cluster: Cluster, field: string): Cluster | null {
  const change = ruleFields[field];
  const policies = cluster.policies.map((policy): Policy => {
    const spec = change
      ? { ...policy.spec, ingress: policy.spec.ingress?.map(change), egress: policy.spec.egress?.map(change) }
      : without(policy.spec, field.replace("spec.", "") as (typeof policyFields)[number]);
    return { ...policy, spec } as Policy;
  });
  return JSON.stringify(policies) === JSON.stringify(cluster.policies) ? null : { ...cluster, policies };
}

function without<T extends object>(value: T, field: string): T {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field)) as T;
}
