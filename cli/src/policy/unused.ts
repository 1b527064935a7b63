/** `policy unused`: what could go, or does not do what its author meant: it selects nobody, or finds nobody. */
import { builtInTiers, defaultTier, type EntityRule, type PolicyDirection, type Rule } from "@brindle/api";
import {
  appliesTo,
  type Cluster,
  describeRule,
  enforceablePolicy,
  entityScope,
  formatPolicyName,
  inScope,
  isOfStage,
  type Labelled,
  labelled,
  labelledHost,
  labelledSet,
  type Policy,
  policyName,
  policyScope,
  policyStages,
} from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { type ClusterOptions, readClusterAloud } from "./cluster.ts";

export interface UnusedOptions extends ClusterOptions {
  readonly output: OutputForm;
}

interface Unused {
  readonly what: string;
  readonly why: string;
}

export async function showUnused(options: UnusedOptions, ports: Ports): Promise<ExitCode> {
  const { cluster, problems } = await readClusterAloud(options, ports);
  const unused = unusedIn(cluster);
  const { output } = options;
  if (output === "json" || output === "yaml") ports.print(formatStructure(unused, output));
  else if (unused.length === 0) ports.print("every policy selects a pod, and every selector of a rule finds something");
  else {
    const columns = [
      { header: "WHAT", cell: ({ what }: Unused) => what },
      { header: "WHY", cell: ({ why }: Unused) => why },
    ];
    ports.print(formatTable(columns, unused));
  }
  return problems.length > 0 ? 1 : 0;
}

function unusedIn(cluster: Cluster): Unused[] {
  const profile = (name: string) => cluster.profiles.find(({ metadata }) => metadata.name === name);
  const endpoints = cluster.endpoints.map((endpoint) => labelled(endpoint, profile));
  const hosts = (cluster.hostEndpoints ?? []).map((host) => labelledHost(host, profile));
  const sets = (cluster.networkSets ?? []).map((set) => labelledSet(set, profile));
  const members = [...endpoints, ...hosts, ...sets];
  const tiersInUse = new Set(cluster.policies.map(({ spec }) => spec.tier || defaultTier));
  return [
    ...cluster.policies.flatMap((policy) => unusedOf(policy, { endpoints, hosts, members })),
    ...(cluster.tiers ?? [])
      .filter(({ metadata }) => !tiersInUse.has(metadata.name) && !Object.hasOwn(builtInTiers, metadata.name))
      .map(({ metadata }) => ({ what: `Tier ${metadata.name}`, why: "has no policy" })),
  ];
}

interface Selectable {
  readonly endpoints: readonly Labelled[];
  readonly hosts: readonly Labelled[];
  /** Whom rules may find. */
  readonly members: readonly Labelled[];
}

function unusedOf(written: Policy, { endpoints, hosts, members }: Selectable): Unused[] {
  const policy = enforceablePolicy(written).resource;
  if (!policy) return [];
  const what = formatPolicyName(policyName(policy));
  const namespace = policy.metadata.namespace ?? null;
  const scope = policyScope(policy.spec, namespace);
  // What is asked before the filter is for nodes alone.
  const isForPods = isOfStage(policy, "tracked");
  const selected = [...(isForPods ? endpoints : []), ...hosts].some((one) => inScope(scope, one));
  const nobody = isForPods
    ? hosts.length > 0
      ? "selects no pod and no host endpoint"
      : "selects no pod"
    : "selects no host endpoint";
  if (!selected) return [{ what, why: nobody }];
  return (["Ingress", "Egress"] as const).flatMap((direction) =>
    policyStages.some((stage) => appliesTo(policy, direction, stage))
      ? rulesOf(policy, direction).flatMap((rule, index) =>
          unusedRule({ rule, index, direction, what }, namespace, members),
        )
      : [],
  );
}

interface PlacedRule {
  readonly rule: Rule;
  readonly index: number;
  readonly direction: PolicyDirection;
  readonly what: string;
}

function unusedRule(
  { rule, index, direction, what }: PlacedRule,
  namespace: string | null,
  members: readonly Labelled[],
): Unused[] {
  const findsNobody = (entity: EntityRule | undefined): boolean => {
    const scope = entity ? entityScope(entity, namespace) : null;
    return scope !== null && !members.some((member) => inScope(scope, member));
  };
  if (!findsNobody(rule.source) && !findsNobody(rule.destination)) return [];
  const place = `${what} ${direction.toLowerCase()} ${index}`;
  return [{ what: place, why: `finds neither a pod, a host endpoint nor a network set: ${describeRule(rule)}` }];
}

function rulesOf({ spec }: Policy, direction: PolicyDirection): readonly Rule[] {
  return (direction === "Ingress" ? spec.ingress : spec.egress) ?? [];
}
