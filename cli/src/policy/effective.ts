/** `policy effective`: all that policy says about one pod, in the order in which it is asked. */
import { defaultTier, type PolicyDirection, type Rule, type WorkloadEndpoint } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import {
  type Cluster,
  describeRule,
  effectiveTiers,
  endpointAddresses,
  endpointId,
  formatPolicyName,
  type Policy,
  policyName,
  unknownTier,
  withStaged,
} from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { printable } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { type ClusterOptions, readClusterAloud } from "./cluster.ts";
import { endpointNamed } from "./ends.ts";
import { withHostPods } from "./hostPods.ts";

export interface EffectiveOptions extends ClusterOptions {
  readonly output: OutputForm;
  /** As if staged policies were real. */
  readonly staged?: boolean;
}

/** What a program gets. */
interface Effective {
  readonly endpoint: string;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly ingress: EffectiveDirection;
  readonly egress: EffectiveDirection;
}

interface EffectiveDirection {
  /** Those with a policy for the endpoint; where there is none, profiles decide alone. */
  readonly tiers: readonly EffectiveTierShown[];
  readonly profiles: readonly EffectiveProfile[];
}

interface EffectiveTierShown {
  readonly name: string;
  readonly defaultAction: "Deny" | "Pass";
  readonly policies: readonly EffectivePolicy[];
}

interface EffectivePolicy {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly order: number | null;
  readonly rules: readonly Rule[];
}

interface EffectiveProfile {
  readonly name: string;
  /** `null` where it does not exist, and so allows nothing. */
  readonly rules: readonly Rule[] | null;
}

export async function showEffective(pod: string, options: EffectiveOptions, ports: Ports): Promise<ExitCode> {
  const asked = { names: [pod], namespace: options.namespace };
  const read = await withHostPods(await readClusterAloud(options, ports), asked, ports);
  const { cluster, problems } = read;
  const meant = options.staged ? withStaged(cluster) : cluster;
  const effective = effectiveFor(meant, endpointNamed(pod, { ...read, cluster: meant }, options));
  const { output } = options;
  ports.print(output === "json" || output === "yaml" ? formatStructure(effective, output) : formatEffective(effective));
  return problems.length > 0 ? 1 : 0;
}

function effectiveFor(cluster: Cluster, endpoint: WorkloadEndpoint): Effective {
  const ofDirection = (direction: PolicyDirection): EffectiveDirection => ({
    tiers: effectiveTiers(cluster, endpoint, direction).map(({ tier: { name, defaultAction }, policies }) => ({
      name,
      defaultAction,
      policies: policies.map((policy) => shownPolicy(policy, direction)),
    })),
    profiles: (endpoint.spec.profiles ?? []).map((name) => {
      const profile = cluster.profiles.find(({ metadata }) => metadata.name === name);
      return { name, rules: profile ? rulesOf(profile.spec, direction) : null };
    }),
  });
  return {
    endpoint: endpointId(endpoint),
    node: endpoint.spec.node,
    addresses: endpointAddresses(endpoint).map(formatAddress),
    ingress: ofDirection("Ingress"),
    egress: ofDirection("Egress"),
  };
}

function shownPolicy(policy: Policy, direction: PolicyDirection): EffectivePolicy {
  const { kind, namespace, name } = policyName(policy);
  const rules = rulesOf(policy.spec, direction);
  return { kind, ...(namespace !== null && { namespace }), name, order: policy.spec.order ?? null, rules };
}

interface RuleOwner {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

function rulesOf({ ingress = [], egress = [] }: RuleOwner, direction: PolicyDirection): readonly Rule[] {
  return direction === "Ingress" ? ingress : egress;
}

function formatEffective({ endpoint, node, addresses, ingress, egress }: Effective): string {
  return [
    `${endpoint} on ${node}: ${addresses.join(", ") || "no address"}`,
    ...formatDirection("ingress", ingress),
    ...formatDirection("egress", egress),
  ]
    .map(printable)
    .join("\n");
}

function formatDirection(name: string, { tiers, profiles }: EffectiveDirection): string[] {
  const last = tiers.at(-1);
  const isClosed = last?.defaultAction === "Deny";
  const lines = tiers.flatMap(formatTier);
  // Behind a tier that denies, only what a rule passes on comes to profiles.
  const passes = tiers.some(({ policies }) =>
    policies.some(({ rules }) => rules.some(({ action }) => action === "Pass")),
  );
  const asked = !isClosed || passes;
  return [
    `${name}: ${tiers.length === 0 ? "no policy, its profiles decide" : "policies decide"}`,
    ...lines,
    ...(asked ? profiles.flatMap(formatProfile) : []),
  ];
}

function formatTier({ name, defaultAction, policies }: EffectiveTierShown): string[] {
  const title = name === unknownTier ? "policies of unknown tiers" : `tier ${name}`;
  const rest = defaultAction === "Deny" ? "denied" : "passed on";
  const isShort = name === defaultTier && defaultAction === "Deny";
  const depth = isShort ? "  " : "    ";
  const lines = policies.flatMap(({ kind, namespace = null, name: policy, order, rules }) => [
    `${depth}${formatPolicyName({ kind: kind as Policy["kind"], namespace, name: policy })}${order === null ? "" : `, order ${order}`}`,
    ...formatRules(rules, `${depth}  `),
  ]);
  const end = `${depth}what none of them decides is ${rest}`;
  return isShort ? [...lines, end] : [`  ${title}`, ...lines, end];
}

function formatProfile({ name, rules }: EffectiveProfile): string[] {
  if (rules === null) return [`  Profile ${name}, which does not exist`];
  return [`  Profile ${name}`, ...formatRules(rules, "    ")];
}

function formatRules(rules: readonly Rule[], depth: string): string[] {
  if (rules.length === 0) return [`${depth}no rule`];
  return rules.map((rule, index) => `${depth}${index} ${describeRule(rule)}`);
}
