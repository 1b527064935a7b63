/** How the controllers of the cluster work, which keep Calico's objects in step with those of Kubernetes. */
import { annotations, duration, integer, labels, oneOf, prefix, selector, text, textUpTo } from "./fields.ts";
import { type KindDefinition, nameColumn, type UnsupportedField } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { type CelRule, field, list, object, optional, set } from "./schema.ts";

type Switch = "Enabled" | "Disabled";

/** A controller that is left out does not run. */
export interface ControllersConfig {
  readonly node?: NodeControllerConfig;
  readonly policy?: PeriodicControllerConfig;
  readonly workloadEndpoint?: PeriodicControllerConfig;
  readonly serviceAccount?: PeriodicControllerConfig;
  readonly namespace?: PeriodicControllerConfig;
  readonly loadBalancer?: { readonly assignIPs?: "AllServices" | "RequestedServicesOnly" };
  readonly migration?: { readonly policyNameMigrator?: Switch };
}

export interface PeriodicControllerConfig {
  readonly reconcilerPeriod?: string;
}

export interface NodeControllerConfig extends PeriodicControllerConfig {
  readonly syncLabels?: Switch;
  readonly hostEndpoint?: AutoHostEndpointConfig;
  /** How long an address may be without an owner before it is taken back; `0s` for never. */
  readonly leakGracePeriod?: string;
}

export interface AutoHostEndpointConfig {
  readonly autoCreate?: Switch;
  readonly createDefaultHostEndpoint?: Switch;
  readonly templates?: readonly HostEndpointTemplate[];
}

export interface HostEndpointTemplate {
  readonly generateName?: string;
  readonly interfaceCIDRs?: readonly string[];
  readonly interfacePattern?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly nodeSelector?: string;
}

export interface KubeControllersConfigurationSpec {
  readonly logSeverityScreen?: "None" | "Debug" | "Info" | "Warning" | "Error" | "Fatal" | "Panic";
  readonly healthChecks?: Switch;
  readonly etcdV3CompactionPeriod?: string;
  /** 0 for no metrics. */
  readonly prometheusMetricsPort?: number;
  readonly controllers: ControllersConfig;
  readonly debugProfilePort?: number;
}

export interface KubeControllersConfigurationStatus {
  /** What holds once the environment of the process has had its say. */
  readonly runningConfig?: KubeControllersConfigurationSpec;
  readonly environmentVars?: Readonly<Record<string, string>>;
}

export interface KubeControllersConfiguration
  extends Resource<"KubeControllersConfiguration", KubeControllersConfigurationSpec> {
  readonly status?: KubeControllersConfigurationStatus;
}

const onOff = oneOf("Enabled", "Disabled");
const port = integer(0, 65535);
const period = optional(field(duration, "How often all is compared anew. Where left out: 5m0s."));
const periodic = object<PeriodicControllerConfig>({ reconcilerPeriod: period });

const template = object<HostEndpointTemplate>({
  generateName: optional(
    field(textUpTo(253), "Stands in the name of each host endpoint between its node and its interface or auto-hep."),
  ),
  interfaceCIDRs: optional(field(set(prefix), "Addresses of the node in these networks belong to the host endpoint.")),
  interfacePattern: optional(
    field(
      text,
      "A regular expression: each interface of the node's spec.interfaces whose name matches it gets a host endpoint.",
    ),
  ),
  labels: optional(field(labels, "Labels of the host endpoint, before those of the node.")),
  annotations: optional(field(annotations, "Annotations of the host endpoint.")),
  nodeSelector: optional(field(selector, "For which nodes, by their labels; for all, if left out.")),
});

const hostEndpoint = object<AutoHostEndpointConfig>({
  autoCreate: optional(field(onOff, "Whether nodes get host endpoints. Where left out: Disabled.")),
  createDefaultHostEndpoint: optional(
    field(onOff, "Whether each gets one for all its interfaces. Where left out: Enabled."),
  ),
  templates: optional(field(list(template), "The host endpoints that each node gets besides.")),
});

const node = object<NodeControllerConfig>({
  reconcilerPeriod: period,
  syncLabels: optional(
    field(onOff, "Whether labels of a Kubernetes node are copied to Calico's. Where left out: Enabled."),
  ),
  hostEndpoint: optional(field(hostEndpoint, "Whether nodes get host endpoints by themselves, and which.")),
  leakGracePeriod: optional(
    field(
      duration,
      "How long an address may be without an owner before it is taken back; a minute at least, 0s for never.",
      {
        default: "15m0s",
      },
    ),
  ),
});

const controllers = object<ControllersConfig>({
  node: optional(field(node, "Removes what is left of nodes that are gone, and copies their labels.")),
  policy: optional(field(periodic, "Copies NetworkPolicies of Kubernetes to etcd.")),
  workloadEndpoint: optional(field(periodic, "Copies labels of pods to etcd.")),
  serviceAccount: optional(field(periodic, "Copies service accounts to etcd, as profiles.")),
  namespace: optional(field(periodic, "Copies namespaces to etcd, as profiles.")),
  loadBalancer: optional(
    field(
      object<NonNullable<ControllersConfig["loadBalancer"]>>({
        assignIPs: optional(
          field(oneOf("AllServices", "RequestedServicesOnly"), "Which Services of type LoadBalancer get addresses.", {
            default: "AllServices",
          }),
        ),
      }),
      "Gives addresses to Services of type LoadBalancer.",
    ),
  ),
  migration: optional(
    field(
      object<NonNullable<ControllersConfig["migration"]>>({
        policyNameMigrator: optional(
          field(onOff, "Whether policies named as before release 3.32 get the names of today.", { default: "Enabled" }),
        ),
      }),
      "Brings what earlier releases stored into the form of today.",
    ),
  ),
});

const spec = object<KubeControllersConfigurationSpec>({
  logSeverityScreen: optional(
    field(
      oneOf("None", "Debug", "Info", "Warning", "Error", "Fatal", "Panic"),
      "How much is logged to standard output. Where left out: Info.",
    ),
  ),
  healthChecks: optional(field(onOff, "Whether the process tells its health.", { default: "Enabled" })),
  etcdV3CompactionPeriod: optional(
    field(duration, "How often earlier revisions of etcd are dropped; 0s for never. Where left out: 10m0s."),
  ),
  prometheusMetricsPort: optional(
    field(port, "Port at which metrics are served, where --metrics-host says an address; 0 for none.", {
      default: 9094,
    }),
  ),
  controllers: field(controllers, "The controllers that run, each with its settings; one that is left out does not."),
  debugProfilePort: optional(field(port, "Port at which profiles of the process are served; none, if left out.")),
});

/** The only one that means anything. */
export const kubeControllersConfigurationName = "default";

const nameRule: CelRule = {
  rule: `self.metadata.name == '${kubeControllersConfigurationName}'`,
  message: "must be default: there is one configuration",
  fieldPath: ".metadata.name",
};

const unsupported: readonly UnsupportedField[] = [
  {
    effect: "ignored",
    path: "spec.controllers.migration.policyNameMigrator",
    accepted: ["Enabled"],
    meanwhile: "policies are read under both names, and none is renamed",
  },
  {
    effect: "ignored",
    path: "spec.healthChecks",
    accepted: ["Enabled"],
    meanwhile: "health is told where --health-port says",
  },
  { effect: "ignored", path: "spec.debugProfilePort", meanwhile: "no profiles are served" },
];

export const kubeControllersConfigurationKind: KindDefinition<KubeControllersConfiguration> = {
  apiVersion,
  kind: "KubeControllersConfiguration",
  plural: "kubecontrollersconfigurations",
  description: "Which controllers of the cluster run, and how. There is one, named default.",
  aliases: ["kubecontrollersconfig", "kubecontrollersconfigs", "kcc", "kccs"],
  namespaced: false,
  spec,
  status: object<KubeControllersConfigurationStatus>({
    runningConfig: optional(field(spec, "What holds, once the environment of the process has had its say.")),
    environmentVars: optional(field(annotations, "Variables of the environment which had a say, and their values.")),
  }),
  unsupported,
  rules: [nameRule],
  check: ({ metadata: { name } }) => (name === kubeControllersConfigurationName ? [] : [misnamed(name)]),
  withDefaults: (configuration) => ({
    ...configuration,
    spec: specWithDefaults(configuration.spec),
    status: configuration.status ?? {},
  }),
  columns: [nameColumn],
  wideColumns: [nameColumn],
};

function misnamed(name: string): Problem {
  return { path: "metadata.name", value: name, reason: nameRule.message };
}

function specWithDefaults(given: KubeControllersConfigurationSpec): KubeControllersConfigurationSpec {
  const { node, loadBalancer, migration } = given.controllers;
  return {
    healthChecks: "Enabled",
    prometheusMetricsPort: 9094,
    ...given,
    controllers: {
      ...given.controllers,
      ...(node && { node: { leakGracePeriod: "15m0s", ...node } }),
      ...(loadBalancer && { loadBalancer: { assignIPs: "AllServices", ...loadBalancer } }),
      ...(migration && { migration: { policyNameMigrator: "Enabled", ...migration } }),
    },
  };
}
