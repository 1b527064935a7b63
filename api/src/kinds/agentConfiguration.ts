/**
 * What Calico's FelixConfiguration and BGPConfiguration have no field for. `node.<name>` is for one node and comes, field
 * by field, before `default`.
 */
import { type AgentBgpSettings, agentBgp } from "./agentConfiguration/bgp.ts";
import { type AgentIpamSettings, agentIpam } from "./agentConfiguration/ipam.ts";
import { type AgentPolicySettings, agentPolicy } from "./agentConfiguration/policy.ts";
import { nodeOfConfiguration } from "./felixConfiguration.ts";
import { address, integer } from "./fields.ts";
import { type KindDefinition, nameColumn, type UnsupportedField } from "./kind.ts";
import { brindleApiVersion, type Resource } from "./resource.ts";
import { type CelRule, field, object, optional } from "./schema.ts";

/** Where metrics are served; nowhere without a port. */
export interface AgentMetricsSettings {
  readonly address?: string;
  readonly port?: number;
}

export interface AgentConfigurationSpec {
  readonly policy?: AgentPolicySettings;
  readonly bgp?: AgentBgpSettings;
  readonly ipam?: AgentIpamSettings;
  /** Of pods' interfaces, in bytes. */
  readonly podMTU?: number;
  readonly metrics?: AgentMetricsSettings;
}

export type AgentConfiguration = Resource<"AgentConfiguration", AgentConfigurationSpec, typeof brindleApiVersion>;

const metrics = object<AgentMetricsSettings>(
  {
    address: optional(field(address, "The address at which they are served. Where left out: 127.0.0.1.")),
    port: optional(field(integer(1, 65535), "The port at which they are served.")),
  },
  ({ address: of, port }, report) => {
    if (of !== undefined && port === undefined) report(["port"], "is missing: nothing is served without it");
  },
);

const unsupported: readonly UnsupportedField[] = [
  { effect: "ignored", path: "spec.policy.readyTimeout", accepted: ["20s"] },
  { effect: "ignored", path: "spec.bgp" },
  { effect: "ignored", path: "spec.ipam" },
  { effect: "ignored", path: "spec.podMTU", meanwhile: "it is that of the interface with the node's address" },
  { effect: "ignored", path: "spec.metrics", meanwhile: "no metrics are served" },
];

const nameRule: CelRule = {
  rule: "self.metadata.name == 'default' || self.metadata.name.startsWith('node.')",
  message: "is neither default, for all nodes, nor node.<name>, for one",
  fieldPath: ".metadata.name",
};

export const agentConfigurationKind: KindDefinition<AgentConfiguration> = {
  apiVersion: brindleApiVersion,
  kind: "AgentConfiguration",
  plural: "agentconfigurations",
  description:
    "How the agents work, in what Calico's kinds have no word for: default for all, node.<name> for one node.",
  aliases: ["agentconfig", "agentconfigs"],
  namespaced: false,
  spec: object<AgentConfigurationSpec>({
    policy: optional(field(agentPolicy, "What is done for policies beside what they say.")),
    bgp: optional(field(agentBgp, "What all sessions of a node have in common.")),
    ipam: optional(field(agentIpam, "How addresses are kept from being lost. Of default alone.")),
    podMTU: optional(field(integer(1280, 65535), "The MTU of pods' interfaces. Where left out: what fits the fabric.")),
    metrics: optional(field(metrics, "Where metrics are served for Prometheus.")),
  }),
  unsupported,
  rules: [
    nameRule,
    {
      rule: "self.metadata.name == 'default' || !has(self.spec.ipam)",
      message: "belongs in default: addresses are of the whole cluster",
      fieldPath: ".spec.ipam",
    },
  ],
  check: ({ metadata: { name }, spec }) => {
    if (name === "default") return [];
    if (nodeOfConfiguration(name) === null) return [{ path: "metadata.name", value: name, reason: nameRule.message }];
    if (spec.ipam === undefined) return [];
    return [{ path: "spec.ipam", value: spec.ipam, reason: "belongs in default: addresses are of the whole cluster" }];
  },
  withDefaults: (configuration) => configuration,
  columns: [nameColumn],
  wideColumns: [nameColumn],
};
