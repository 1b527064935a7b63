/**
 * How the process on each node works: Calico's Felix there, the agent here. The settings are in files by what they are
 * about, in `felixConfiguration/`; most are of parts which this version has not, and are stored for those that have.
 */
import { type EbpfSettings, ebpfSettings } from "./felixConfiguration/ebpf.ts";
import { type HostEndpointSettings, hostEndpointSettings } from "./felixConfiguration/hostEndpoints.ts";
import { type IptablesSettings, iptablesSettings } from "./felixConfiguration/iptables.ts";
import { type LoggingSettings, loggingSettings } from "./felixConfiguration/logging.ts";
import { type NftablesSettings, nftablesSettings } from "./felixConfiguration/nftables.ts";
import { type PlatformSettings, platformSettings } from "./felixConfiguration/platforms.ts";
import { type ProcessSettings, processSettings } from "./felixConfiguration/process.ts";
import { type ReportingSettings, reportingSettings } from "./felixConfiguration/reporting.ts";
import { type RoutingSettings, routingSettings } from "./felixConfiguration/routing.ts";
import { type Settings, shapeOf, unsupportedIn, writtenDefaults } from "./felixConfiguration/setting.ts";
import { type TunnelSettings, tunnelSettings } from "./felixConfiguration/tunnels.ts";
import { type WireguardSettings, wireguardSettings } from "./felixConfiguration/wireguard.ts";
import { type WorkloadSettings, workloadSettings } from "./felixConfiguration/workloads.ts";
import { selector } from "./fields.ts";
import { type Draft, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { type CelRule, field, object, optional } from "./schema.ts";

export interface FelixSettings
  extends IptablesSettings,
    WorkloadSettings,
    LoggingSettings,
    TunnelSettings,
    ReportingSettings,
    ProcessSettings,
    HostEndpointSettings,
    NftablesSettings,
    EbpfSettings,
    WireguardSettings,
    PlatformSettings,
    RoutingSettings {}

export interface FelixConfigurationSpec extends FelixSettings {
  /** For a configuration that is neither `default` nor `node.<name>`. */
  readonly nodeSelector?: string;
}

export type FelixConfiguration = Resource<"FelixConfiguration", FelixConfigurationSpec>;

/** In an order that agrees with what Calico's tools were seen to print. */
const settings: Settings<FelixSettings> = {
  ...iptablesSettings,
  ...workloadSettings,
  ...loggingSettings,
  ...tunnelSettings,
  ...reportingSettings,
  ...processSettings,
  ...hostEndpointSettings,
  ...nftablesSettings,
  ...ebpfSettings,
  ...wireguardSettings,
  ...platformSettings,
  ...routingSettings,
};

const rules: readonly CelRule[] = [
  {
    rule: "!has(self.spec.routeTableRange) || !has(self.spec.routeTableRanges)",
    message: "cannot be given together with routeTableRanges, which is its newer form",
    fieldPath: ".spec.routeTableRange",
  },
  {
    rule: "!has(self.spec.nodeSelector) || size(self.spec.nodeSelector) == 0 || (self.metadata.name != 'default' && !self.metadata.name.startsWith('node.'))",
    message: "belongs in a configuration of another name: default is for all nodes, node.<name> for one",
    fieldPath: ".spec.nodeSelector",
  },
];

export const felixConfigurationKind: KindDefinition<FelixConfiguration> = {
  apiVersion,
  kind: "FelixConfiguration",
  plural: "felixconfigurations",
  description:
    "How the network works on a node: default for all, node.<name> for one, any other name for those of its nodeSelector.",
  aliases: ["felixconfig", "felixconfigs"],
  namespaced: false,
  spec: object<FelixConfigurationSpec>({
    nodeSelector: optional(field(selector, "Nodes for which it holds, by their labels, before default does.")),
    ...shapeOf(settings),
  }),
  unsupported: unsupportedIn(settings),
  rules,
  check: (draft) => [...checkName(draft), ...checkRanges(draft.spec)],
  withDefaults: (configuration) => ({
    ...configuration,
    spec: { ...writtenDefaults(settings), ...configuration.spec },
  }),
  columns: [nameColumn],
  wideColumns: [nameColumn],
};

/** The node of a configuration for one node, or `null`. */
export function nodeOfConfiguration(name: string): string | null {
  return name.startsWith("node.") ? name.slice("node.".length) : null;
}

function checkName({ metadata: { name }, spec }: Draft<FelixConfiguration>): Problem[] {
  if (!spec.nodeSelector || (name !== "default" && nodeOfConfiguration(name) === null)) return [];
  const reason = "belongs in a configuration of another name: default is for all nodes, node.<name> for one";
  return [{ path: "spec.nodeSelector", value: spec.nodeSelector, reason }];
}

function checkRanges({ routeTableRange, routeTableRanges }: Draft<FelixConfiguration>["spec"]): Problem[] {
  if (!routeTableRange || !routeTableRanges) return [];
  const reason = "cannot be given together with routeTableRanges, which is its newer form";
  return [{ path: "spec.routeTableRange", value: routeTableRange, reason }];
}
