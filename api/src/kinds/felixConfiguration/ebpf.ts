/** The eBPF data plane of Calico, which this version has not, and XDP. */
import { duration, flag, integer, oneOf, text } from "../fields.ts";
import { field, list, object, optional, type Shape } from "../schema.ts";
import {
  anyCase,
  cidr,
  matching,
  onOff,
  portNumber,
  portRange,
  type Settings,
  setting,
  size,
  texts,
} from "./setting.ts";

export interface EbpfSettings {
  readonly xdpRefreshInterval?: string;
  readonly xdpEnabled?: boolean;
  readonly genericXDPEnabled?: boolean;
  readonly bpfEnabled?: boolean;
  readonly bpfDisableUnprivileged?: boolean;
  readonly bpfLogLevel?: string;
  readonly bpfConntrackLogLevel?: "Off" | "Debug";
  readonly bpfLogFilters?: Readonly<Record<string, string>>;
  readonly bpfCTLBLogFilter?: string;
  readonly bpfDataIfacePattern?: string;
  readonly bpfL3IfacePattern?: string;
  readonly bpfConnectTimeLoadBalancingEnabled?: boolean;
  readonly bpfConnectTimeLoadBalancing?: "TCP" | "Enabled" | "Disabled";
  readonly bpfHostNetworkedNATWithoutCTLB?: "Enabled" | "Disabled";
  readonly bpfExternalServiceMode?: string;
  readonly bpfDSROptoutCIDRs?: readonly string[];
  readonly bpfExtToServiceConnmark?: number;
  readonly bpfKubeProxyIptablesCleanupEnabled?: boolean;
  readonly bpfKubeProxyMinSyncPeriod?: string;
  readonly bpfKubeProxyHealthzPort?: number;
  readonly bpfPSNATPorts?: number | string;
  readonly bpfMapSizeNATFrontend?: number;
  readonly bpfMapSizeNATBackend?: number;
  readonly bpfMapSizeNATAffinity?: number;
  readonly bpfMapSizeRoute?: number;
  readonly bpfMapSizeConntrack?: number;
  readonly bpfMapSizePerCpuConntrack?: number;
  readonly bpfMapSizeConntrackCleanupQueue?: number;
  readonly bpfMapSizeConntrackScaling?: string;
  readonly bpfMapSizeIPSets?: number;
  readonly bpfMapSizeIfState?: number;
  readonly bpfMaglevMaxEndpointsPerService?: number;
  readonly bpfMaglevMaxServices?: number;
  readonly bpfHostConntrackBypass?: boolean;
  readonly bpfEnforceRPF?: string;
  readonly bpfPolicyDebugEnabled?: boolean;
  readonly bpfForceTrackPacketsFromIfaces?: readonly string[];
  readonly bpfDisableGROForIfaces?: string;
  readonly bpfExcludeCIDRsFromNAT?: readonly string[];
  readonly bpfRedirectToPeer?: "Enabled" | "Disabled";
  readonly bpfAttachType?: "TC" | "TCX" | "Netkit";
  readonly bpfConntrackMode?: "Auto" | "Userspace" | "BPFProgram";
  readonly bpfConntrackTimeouts?: ConntrackTimeouts;
  readonly bpfExportBufferSizeMB?: number;
  readonly bpfIPFragmentReassemblyEnabled?: boolean;
  readonly bpfIPFragTimeout?: string;
  readonly bpfJITHardening?: "Auto" | "Strict";
  readonly bpfOverlayHostSourceIP?: "TunnelAddress" | "HostAddress";
  readonly bpfProfiling?: "Enabled" | "Disabled";
  readonly cgroupV2Path?: string;
}

/** Each is a duration, or Auto for what the kernel's own tracking has. */
export interface ConntrackTimeouts {
  readonly creationGracePeriod?: string;
  readonly tcpSynSent?: string;
  readonly tcpEstablished?: string;
  readonly tcpFinsSeen?: string;
  readonly tcpResetSeen?: string;
  readonly udpTimeout?: string;
  readonly genericTimeout?: string;
  readonly icmpTimeout?: string;
}

const timeoutForm = matching(
  /^(([0-9]+([.][0-9]*)?(ns|us|µs|ms|s|m|h))+|0|Auto)$/,
  "is no duration like 90s or 1m30s, and not Auto",
);
const of = (description: string) => optional(field(timeoutForm, description));
const conntrackTimeouts: Shape<ConntrackTimeouts> = {
  creationGracePeriod: of("A connection that is being made."),
  tcpSynSent: of("TCP that nobody answered."),
  tcpEstablished: of("TCP that both ends know."),
  tcpFinsSeen: of("TCP that both ends closed."),
  tcpResetSeen: of("TCP that was reset."),
  udpTimeout: of("UDP."),
  genericTimeout: of("Any other protocol."),
  icmpTimeout: of("ICMP."),
};

const meanwhile = "this version has no eBPF programs";

export const ebpfSettings: Settings<EbpfSettings> = {
  xdpRefreshInterval: setting(duration, "How often XDP programs are read back and mended.", {
    unset: "1m30s",
    meanwhile,
  }),
  xdpEnabled: setting(flag, "Untracked denials are done in XDP.", { unset: true, alsoAccepted: [false], meanwhile }),
  genericXDPEnabled: setting(flag, "XDP is used also where the network card cannot.", { unset: false, meanwhile }),
  bpfEnabled: setting(flag, "Policy and Services are done by eBPF programs.", { unset: false, meanwhile }),
  bpfDisableUnprivileged: setting(flag, "Users without privilege may load no eBPF programs.", {
    unset: true,
    meanwhile,
  }),
  bpfLogLevel: setting(anyCase("Off", "Info", "Debug"), "What the programs log.", {
    unset: "",
    alsoAccepted: ["Off"],
    written: true,
    meanwhile,
  }),
  bpfConntrackLogLevel: setting(oneOf("Off", "Debug"), "What the clean-up of known connections logs.", {
    unset: "Off",
    meanwhile,
  }),
  bpfLogFilters: setting(texts, "Which packets are logged at an interface, by its name.", { meanwhile }),
  bpfCTLBLogFilter: setting(text, "Which programs of the connect-time balancer log.", {
    alsoAccepted: [""],
    meanwhile,
  }),
  bpfDataIfacePattern: setting(text, "A regular expression for the interfaces by which the node reaches others.", {
    unset: "^((en|wl|ww|sl|ib)[Popsx].*|(eth|wlan|wwan|bond).*)",
    meanwhile,
  }),
  bpfL3IfacePattern: setting(text, "A regular expression for interfaces without Ethernet headers.", {
    alsoAccepted: [""],
    meanwhile,
  }),
  bpfConnectTimeLoadBalancingEnabled: setting(flag, "The older form of bpfConnectTimeLoadBalancing.", { meanwhile }),
  bpfConnectTimeLoadBalancing: setting(
    oneOf("TCP", "Enabled", "Disabled"),
    "For which connections a Service is chosen when they are opened.",
    { unset: "TCP", written: true, meanwhile },
  ),
  bpfHostNetworkedNATWithoutCTLB: setting(onOff, "Whether the node reaches Services without that.", {
    unset: "Enabled",
    written: true,
    meanwhile,
  }),
  bpfExternalServiceMode: setting(
    anyCase("Tunnel", "DSR"),
    "Whether answers to the outside go back by the node that was asked.",
    { unset: "Tunnel", meanwhile },
  ),
  bpfDSROptoutCIDRs: setting(list(cidr), "Clients for which they always do.", { meanwhile }),
  bpfExtToServiceConnmark: setting(integer(0, 4_294_967_295), "Mark of connections from the outside to Services.", {
    unset: 0,
    meanwhile,
  }),
  bpfKubeProxyIptablesCleanupEnabled: setting(flag, "The rules of kube-proxy are removed.", { unset: true, meanwhile }),
  bpfKubeProxyMinSyncPeriod: setting(duration, "How long changes of Services are gathered.", {
    unset: "1s",
    meanwhile,
  }),
  bpfKubeProxyHealthzPort: setting(portNumber, "Port at which health is served in place of kube-proxy's.", {
    unset: 10_256,
    meanwhile,
  }),
  bpfPSNATPorts: setting(portRange, "Source ports that are taken where two connections have the same.", {
    unset: "20000:29999",
    meanwhile,
  }),
  bpfMapSizeNATFrontend: setting(size, "How many addresses of Services the map holds.", { unset: 65_536, meanwhile }),
  bpfMapSizeNATBackend: setting(size, "How many endpoints of Services the map holds.", { unset: 262_144, meanwhile }),
  bpfMapSizeNATAffinity: setting(size, "How many clients with affinity the map holds.", { unset: 65_536, meanwhile }),
  bpfMapSizeRoute: setting(size, "How many routes the map holds.", { unset: 262_144, meanwhile }),
  bpfMapSizeConntrack: setting(size, "How many connections the map holds.", { unset: 512_000, meanwhile }),
  bpfMapSizePerCpuConntrack: setting(size, "How many connections more it holds for each processor.", {
    unset: 0,
    meanwhile,
  }),
  bpfMapSizeConntrackCleanupQueue: setting(
    integer(1, 2_147_483_647),
    "How many connections may wait for their removal.",
    { unset: 100_000, meanwhile },
  ),
  bpfMapSizeConntrackScaling: setting(anyCase("Disabled", "DoubleIfFull"), "Whether the map of connections grows.", {
    unset: "DoubleIfFull",
    meanwhile,
  }),
  bpfMapSizeIPSets: setting(size, "How many members of address sets the map holds.", { unset: 1_048_576, meanwhile }),
  bpfMapSizeIfState: setting(size, "How many interfaces the map holds.", { unset: 1000, meanwhile }),
  bpfMaglevMaxEndpointsPerService: setting(
    integer(1, 3000),
    "How many endpoints a Service with consistent hashing may have.",
    { unset: 100, meanwhile },
  ),
  bpfMaglevMaxServices: setting(integer(1, 3000), "How many Services may have consistent hashing.", {
    unset: 100,
    meanwhile,
  }),
  bpfHostConntrackBypass: setting(flag, "The kernel does not track connections that the programs do.", {
    unset: false,
    meanwhile,
  }),
  bpfEnforceRPF: setting(
    anyCase("Disabled", "Strict", "Loose"),
    "How strictly a packet's source must be reachable by where it came from.",
    { unset: "Loose", meanwhile },
  ),
  bpfPolicyDebugEnabled: setting(flag, "What policies became can be read.", { unset: true, meanwhile }),
  bpfForceTrackPacketsFromIfaces: setting(
    list(text),
    "Interfaces from which the kernel tracks connections all the same.",
    { meanwhile },
  ),
  bpfDisableGROForIfaces: setting(text, "A regular expression for interfaces which shall not join packets.", {
    alsoAccepted: [""],
    meanwhile,
  }),
  bpfExcludeCIDRsFromNAT: setting(list(cidr), "Addresses that are not looked up as Services.", { meanwhile }),
  bpfRedirectToPeer: setting(onOff, "Whether packets skip the node's end of a pod's interface.", {
    unset: "Enabled",
    meanwhile,
  }),
  bpfAttachType: setting(oneOf("TC", "TCX", "Netkit"), "By which hook of the kernel programs are attached.", {
    unset: "Netkit",
    meanwhile,
  }),
  bpfConntrackMode: setting(oneOf("Auto", "Userspace", "BPFProgram"), "Who removes connections that are over.", {
    unset: "Auto",
    meanwhile,
  }),
  bpfConntrackTimeouts: setting(
    object<ConntrackTimeouts>(conntrackTimeouts),
    "After which silence a connection is over, by its kind.",
    { meanwhile },
  ),
  bpfExportBufferSizeMB: setting(size, "Megabytes in which events wait to be read.", { unset: 1, meanwhile }),
  bpfIPFragmentReassemblyEnabled: setting(flag, "Fragments are put together.", { unset: true, meanwhile }),
  bpfIPFragTimeout: setting(duration, "How long a fragment waits for the others.", { unset: "0s", meanwhile }),
  bpfJITHardening: setting(oneOf("Auto", "Strict"), "Whether the kernel hardens compiled programs.", {
    unset: "Auto",
    meanwhile,
  }),
  bpfOverlayHostSourceIP: setting(
    oneOf("TunnelAddress", "HostAddress"),
    "From which address a node sends into the tunnel.",
    { unset: "TunnelAddress", meanwhile },
  ),
  bpfProfiling: setting(onOff, "Whether the time of programs is measured.", { unset: "Disabled", meanwhile }),
  cgroupV2Path: setting(text, "Where control groups of version 2 are mounted.", { alsoAccepted: [""], meanwhile }),
};
