/** What an agent may do where Kubernetes is the datastore: manifests/rbac/agent.yaml, of which each line has its reason. */
import type { Mistake } from "./mistakes.ts";

/** In the form of a role, and of what the API server answers to SelfSubjectRulesReview. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const calico = "projectcalico.org";

/** Those of the ClusterRole; a test holds both together. */
export const agentRights: readonly Rule[] = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["nodes/status"], verbs: ["patch"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["pods/status"], verbs: ["patch"] },
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["namespaces"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list", "watch"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["services"], verbs: ["list", "watch"] },
  { apiGroups: ["policy.networking.k8s.io"], resources: ["clusternetworkpolicies"], verbs: ["list", "watch"] },
  {
    apiGroups: [calico],
    resources: [
      "networkpolicies",
      "globalnetworkpolicies",
      "stagednetworkpolicies",
      "stagedglobalnetworkpolicies",
      "stagedkubernetesnetworkpolicies",
      "tiers",
      "networksets",
      "globalnetworksets",
      "hostendpoints",
      "bgpconfigurations",
      "bgpfilters",
      "bgppeers",
      "felixconfigurations",
      "ipreservations",
      "ipamconfigurations",
    ],
    verbs: ["list", "watch"],
  },
  { apiGroups: ["brindle.network"], resources: ["agentconfigurations", "fabricpeers"], verbs: ["list", "watch"] },
  { apiGroups: [calico], resources: ["ippools"], verbs: ["get", "list", "watch", "create"] },
  { apiGroups: [calico], resources: ["clusterinformations"], verbs: ["get", "list", "watch", "create"] },
  {
    apiGroups: [calico],
    resources: ["blockaffinities"],
    verbs: ["get", "list", "watch", "create", "update", "delete"],
  },
  { apiGroups: [calico], resources: ["ipamblocks"], verbs: ["get", "list", "create", "update", "delete"] },
  { apiGroups: [calico], resources: ["ipamhandles"], verbs: ["get", "create", "update", "delete"] },
];

/** `list on ippools.projectcalico.org`, one for each that no rule gives. `group` stands for Calico's. */
export function lackingRights(given: readonly Rule[], group: string = calico): string[] {
  return agentRights.flatMap(({ apiGroups: [own = ""], resources, verbs }) => {
    const apiGroup = own === calico ? group : own;
    return resources.flatMap((resource) => {
      const lacking = verbs.filter((verb) => !given.some((rule) => gives(rule, { apiGroup, resource, verb })));
      return lacking.length === 0
        ? []
        : [`${lacking.join(", ")} on ${resource}${apiGroup === "" ? "" : `.${apiGroup}`}`];
    });
  });
}

/** `group` is the one that the datastore goes by: the older one where a cluster has that. */
export function rightMistakes(given: readonly Rule[], group: "projectcalico.org" | "crd.projectcalico.org"): Mistake[] {
  const lacking = lackingRights(given, group);
  if (lacking.length === 0) return [];
  const isOlder = group !== calico && lacking.every((right) => right.endsWith(`.${group}`));
  const text = `the agent may not ${shortened(lacking).join("; ")}`;
  return [{ code: isOlder ? "OlderCrds" : "RightMissing", text }];
}

const shownMax = 6;

function shortened(all: readonly string[]): readonly string[] {
  return all.length <= shownMax ? all : [...all.slice(0, shownMax), `and ${all.length - shownMax} more`];
}

interface Right {
  readonly apiGroup: string;
  readonly resource: string;
  readonly verb: string;
}

function gives(
  { apiGroups, resources, verbs, resourceNames = [] }: Rule,
  { apiGroup, resource, verb }: Right,
): boolean {
  const [, subresource] = resource.split("/");
  const names = ["*", resource, ...(subresource === undefined ? [] : [`*/${subresource}`])];
  return (
    resourceNames.length === 0 &&
    [apiGroup, "*"].some((each) => apiGroups.includes(each)) &&
    names.some((each) => resources.includes(each)) &&
    [verb, "*"].some((each) => verbs.includes(each))
  );
}
