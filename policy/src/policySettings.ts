/** What a FelixConfiguration says about the packet filter. What is asked for in no known word counts as left out. */
import type { FelixSettings } from "@brindle/api";
import { networkOf, parseCidr, type TablesBackend } from "@brindle/net";
import type { Failsafe } from "./hosts.ts";
import { protocolNumber } from "./packet.ts";
import { type FilterSettings, quietSettings } from "./render/settings.ts";

export type PolicySettings = Pick<
  FilterSettings,
  "denyAction" | "log" | "insertMode" | "encapsulation" | "failsafes" | "sourceSpoofing"
>;

export function policySettings(settings: FelixSettings): PolicySettings {
  const { log, encapsulation, failsafes } = quietSettings;
  return {
    denyAction: isWord(settings.iptablesFilterDenyAction, "reject") ? "Reject" : "Drop",
    insertMode: isWord(settings.chainInsertMode, "append") ? "Append" : "Insert",
    log: {
      prefix: settings.logPrefix ?? log.prefix,
      rate: settings.logActionRateLimit ?? log.rate,
      burst: settings.logActionRateLimitBurst ?? log.burst,
    },
    failsafes: {
      inbound: failsafesOf(settings.failsafeInboundHostPorts) ?? failsafes.inbound,
      outbound: failsafesOf(settings.failsafeOutboundHostPorts) ?? failsafes.outbound,
    },
    sourceSpoofing: sourceSpoofing(settings),
    encapsulation: {
      vxlan: settings.allowVXLANPacketsFromWorkloads ? "Allow" : "Drop",
      ipip: settings.allowIPIPPacketsFromWorkloads ? "Allow" : "Drop",
      vxlanPort: settings.vxlanPort ?? encapsulation.vxlanPort,
    },
  };
}

/** Whether pods may ask to send from addresses that are not theirs. */
export function sourceSpoofing({ workloadSourceSpoofing }: FelixSettings): FilterSettings["sourceSpoofing"] {
  return isWord(workloadSourceSpoofing, "any") ? "Any" : "Disabled";
}

/** An empty list is none at all: who writes it knows another way in. Port 0 stands for none as well. */
function failsafesOf(ports: FelixSettings["failsafeInboundHostPorts"]): Failsafe[] | null {
  if (!ports) return null;
  return ports.flatMap(({ protocol, port, net }): Failsafe[] => {
    const number = protocolNumber(protocol || "tcp");
    const cidr = net ? parseCidr(net) : null;
    if (number === null || port === 0 || (net && !cidr)) return [];
    return [{ protocol: number, port, net: cidr && networkOf(cidr) }];
  });
}

/** `null`: the one that the node uses. */
export function tablesBackendAsked({ iptablesBackend }: FelixSettings): TablesBackend | null {
  if (isWord(iptablesBackend, "legacy")) return "legacy";
  return isWord(iptablesBackend, "nft") ? "nft" : null;
}

function isWord(text: string | undefined, word: string): boolean {
  return text?.toLowerCase() === word;
}
