/** How policy is written with nftables, where it is. */
import { duration, integer, oneOf, text } from "../fields.ts";
import { anyCase, type Settings, setting } from "./setting.ts";

export interface NftablesSettings {
  readonly nftablesMode?: "Disabled" | "Enabled" | "Auto";
  readonly nftablesRefreshInterval?: string;
  readonly nftablesFilterAllowAction?: string;
  readonly nftablesMangleAllowAction?: string;
  readonly nftablesFilterDenyAction?: string;
  readonly nftablesMarkMask?: number;
  readonly nftablesFlowTableOffload?: "All" | "Disabled";
  readonly nftablesFlowTableDataIfacePattern?: string;
}

const meanwhile = "policy is written with iptables";

export const nftablesSettings: Settings<NftablesSettings> = {
  nftablesMode: setting(
    oneOf("Disabled", "Enabled", "Auto"),
    "Whether policy is written with nftables rather than iptables.",
    { unset: "Auto", alsoAccepted: ["Disabled"], written: true, meanwhile },
  ),
  nftablesRefreshInterval: setting(duration, "How often tables are read back and mended.", {
    unset: "3m0s",
    meanwhile,
  }),
  nftablesFilterAllowAction: setting(anyCase("Accept", "Return"), "What becomes of packets that policy allows.", {
    unset: "Accept",
    meanwhile,
  }),
  nftablesMangleAllowAction: setting(
    anyCase("Accept", "Return"),
    "The same for what is allowed before addresses are translated.",
    { unset: "Accept", meanwhile },
  ),
  nftablesFilterDenyAction: setting(anyCase("Drop", "Reject"), "What becomes of packets that policy denies.", {
    unset: "Drop",
    meanwhile,
  }),
  nftablesMarkMask: setting(integer(0, 4_294_967_295), "Which bits of a packet's mark may be used.", {
    unset: 4_294_901_760,
    meanwhile,
  }),
  nftablesFlowTableOffload: setting(
    oneOf("All", "Disabled"),
    "Whether packets of known connections pass by a short way.",
    { unset: "Disabled", written: true, meanwhile },
  ),
  nftablesFlowTableDataIfacePattern: setting(
    text,
    "A regular expression for the interfaces between which that way leads.",
    { alsoAccepted: [""], meanwhile },
  ),
};
