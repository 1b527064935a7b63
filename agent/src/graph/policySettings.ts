/** What a FelixConfiguration says about the packet filter, in the words of `policy`. What is asked for in no known word counts as left out. */
import type { FelixSettings } from "@brindle/api";
import type { TablesBackend } from "@brindle/net";
import { type FilterSettings, quietSettings } from "@brindle/policy";

export type PolicySettings = Pick<FilterSettings, "denyAction" | "log" | "insertMode" | "encapsulation">;

export function policySettings(settings: FelixSettings): PolicySettings {
  const { log, encapsulation } = quietSettings;
  return {
    denyAction: isWord(settings.iptablesFilterDenyAction, "reject") ? "Reject" : "Drop",
    insertMode: isWord(settings.chainInsertMode, "append") ? "Append" : "Insert",
    log: {
      prefix: settings.logPrefix ?? log.prefix,
      rate: settings.logActionRateLimit ?? log.rate,
      burst: settings.logActionRateLimitBurst ?? log.burst,
    },
    encapsulation: {
      vxlan: settings.allowVXLANPacketsFromWorkloads ? "Allow" : "Drop",
      ipip: settings.allowIPIPPacketsFromWorkloads ? "Allow" : "Drop",
      vxlanPort: settings.vxlanPort ?? encapsulation.vxlanPort,
    },
  };
}

/** `null`: the one that the node uses. */
export function tablesBackendAsked({ iptablesBackend }: FelixSettings): TablesBackend | null {
  if (isWord(iptablesBackend, "legacy")) return "legacy";
  return isWord(iptablesBackend, "nft") ? "nft" : null;
}

function isWord(text: string | undefined, word: string): boolean {
  return text?.toLowerCase() === word;
}
