/** Encryption between nodes. Who asks for it must not get the rest without a word. */
import { duration, flag, integer, text } from "../fields.ts";
import { type Settings, setting, size } from "./setting.ts";

export interface WireguardSettings {
  readonly wireguardEnabled?: boolean;
  readonly wireguardEnabledV6?: boolean;
  readonly wireguardListeningPort?: number;
  readonly wireguardListeningPortV6?: number;
  readonly wireguardRoutingRulePriority?: number;
  readonly wireguardInterfaceName?: string;
  readonly wireguardInterfaceNameV6?: string;
  readonly wireguardMTU?: number;
  readonly wireguardMTUV6?: number;
  readonly wireguardHostEncryptionEnabled?: boolean;
  readonly wireguardKeepAlive?: string;
  readonly wireguardThreadingEnabled?: boolean;
}

const unencrypted = "packets between nodes are not encrypted, and all of the resource counts as absent,";

export const wireguardSettings: Settings<WireguardSettings> = {
  wireguardEnabled: setting(flag, "Packets between nodes are encrypted, of IPv4.", {
    unset: false,
    effect: "withheld",
    meanwhile: unencrypted,
  }),
  wireguardEnabledV6: setting(flag, "Packets between nodes are encrypted, of IPv6.", {
    unset: false,
    effect: "withheld",
    meanwhile: unencrypted,
  }),
  wireguardListeningPort: setting(integer(1, 65_535), "UDP port of Wireguard for IPv4.", { unset: 51_820 }),
  wireguardListeningPortV6: setting(integer(1, 65_535), "UDP port of Wireguard for IPv6.", { unset: 51_821 }),
  wireguardRoutingRulePriority: setting(
    integer(1, 32_765),
    "Priority of the routing rule that leads into the tunnel.",
    { unset: 99 },
  ),
  wireguardInterfaceName: setting(text, "Name of the device for IPv4.", { unset: "wireguard.cali" }),
  wireguardInterfaceNameV6: setting(text, "Name of the device for IPv6.", { unset: "wg-v6.cali" }),
  wireguardMTU: setting(size, "Largest packet of the device for IPv4; 0 finds it.", { unset: 0 }),
  wireguardMTUV6: setting(size, "Largest packet of the device for IPv6; 0 finds it.", { unset: 0 }),
  wireguardHostEncryptionEnabled: setting(flag, "What nodes themselves send to each other is encrypted too.", {
    unset: false,
    effect: "withheld",
    meanwhile: unencrypted,
  }),
  wireguardKeepAlive: setting(duration, "How often a silent tunnel is kept open; 0 for never.", { unset: "0s" }),
  wireguardThreadingEnabled: setting(flag, "Each tunnel works in a thread of its own.", { unset: false }),
};
