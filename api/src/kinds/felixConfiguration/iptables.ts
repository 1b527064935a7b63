/** How policy is written with iptables and ipset. */
import { duration, integer, portSpec, text } from "../fields.ts";
import { list } from "../schema.ts";
import { anyCase, type Settings, setting, size } from "./setting.ts";

export interface IptablesSettings {
  readonly iptablesRefreshInterval?: string;
  readonly iptablesPostWriteCheckInterval?: string;
  readonly iptablesLockProbeInterval?: string;
  readonly ipsetsRefreshInterval?: string;
  readonly maxIpsetSize?: number;
  readonly iptablesBackend?: string;
  readonly interfaceRefreshInterval?: string;
  readonly iptablesFilterAllowAction?: string;
  readonly iptablesMangleAllowAction?: string;
  readonly iptablesFilterDenyAction?: string;
  readonly iptablesMarkMask?: number;
  readonly iptablesNATOutgoingInterfaceFilter?: string;
  readonly kubeNodePortRanges?: readonly (number | string)[];
}

export const iptablesSettings: Settings<IptablesSettings> = {
  iptablesRefreshInterval: setting(duration, "How often chains are read back and mended.", {
    unset: "3m0s",
    meanwhile: "they are read back every 90 s",
  }),
  iptablesPostWriteCheckInterval: setting(duration, "How long after a write chains are read back.", {
    unset: "5s",
    alsoAccepted: ["0s"],
  }),
  iptablesLockProbeInterval: setting(duration, "How often a lock that another program holds is tried.", {
    unset: "50ms",
    meanwhile: "iptables-restore waits for the lock by itself",
  }),
  ipsetsRefreshInterval: setting(duration, "How often address sets are read back and mended.", {
    unset: "1m30s",
    meanwhile: "they are read back every 90 s",
  }),
  maxIpsetSize: setting(size, "How many entries an address set may have.", { unset: 1_048_576 }),
  iptablesBackend: setting(
    anyCase("Auto", "Legacy", "NFT"),
    "Which iptables writes the chains. Auto is the one that the node uses. A change moves them, and no packet notices.",
    { unset: "Auto", effect: "honoured" },
  ),
  interfaceRefreshInterval: setting(duration, "How often the interfaces of the node are read back.", {
    unset: "1m30s",
    meanwhile: "the kernel tells of changes",
  }),
  iptablesFilterAllowAction: setting(
    anyCase("Accept", "Return"),
    "What becomes of packets that policy allows: accepted at once, or left to the rules behind.",
    { unset: "Accept", meanwhile: "rules of others are asked before new connections are accepted, whatever it says" },
  ),
  iptablesMangleAllowAction: setting(
    anyCase("Accept", "Return"),
    "The same for what is allowed before addresses are translated.",
    { unset: "Accept" },
  ),
  iptablesFilterDenyAction: setting(
    anyCase("Drop", "Reject"),
    "What becomes of packets that policy denies: dropped, or refused, TCP by a reset and all else by an error of ICMP. What is denied before connection tracking or DNAT is always dropped.",
    { unset: "Drop", effect: "honoured" },
  ),
  iptablesMarkMask: setting(integer(0, 4_294_967_295), "Which bits of a packet's mark may be used.", {
    unset: 4_294_901_760,
    meanwhile: "0x38000000 is used, and 0x40000000 of a connection's mark",
  }),
  iptablesNATOutgoingInterfaceFilter: setting(
    text,
    "Outgoing NAT is done only for packets that leave by this interface; a + at the end stands for anything.",
    { alsoAccepted: [""], meanwhile: "it is done at every interface" },
  ),
  kubeNodePortRanges: setting(
    list(portSpec, { max: 7 }),
    "Ports of Services of type NodePort, where kube-proxy uses IPVS.",
  ),
};
