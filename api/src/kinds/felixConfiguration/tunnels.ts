/** How packets between nodes are wrapped: in IP, in VXLAN, in Wireguard. */
import { flag, integer } from "../fields.ts";
import { portNumber, type Settings, setting, size } from "./setting.ts";

export interface TunnelSettings {
  readonly ipipEnabled?: boolean;
  readonly ipipMTU?: number;
  readonly vxlanEnabled?: boolean;
  readonly vxlanMTU?: number;
  readonly vxlanMTUV6?: number;
  readonly vxlanPort?: number;
  readonly vxlanVNI?: number;
}

const meanwhile = "nothing is encapsulated";

export const tunnelSettings: Settings<TunnelSettings> = {
  ipipEnabled: setting(flag, "Whether there is a device for IP-in-IP; as the pools say, where it is left out.", {
    alsoAccepted: [false],
    meanwhile,
  }),
  ipipMTU: setting(size, "Largest packet of the IP-in-IP device; 0 finds it.", { unset: 0, meanwhile }),
  vxlanEnabled: setting(flag, "Whether there is a device for VXLAN; as the pools say, where it is left out.", {
    alsoAccepted: [false],
    meanwhile,
  }),
  vxlanMTU: setting(size, "Largest packet of the VXLAN device of IPv4; 0 finds it.", { unset: 0, meanwhile }),
  vxlanMTUV6: setting(size, "Largest packet of the VXLAN device of IPv6; 0 finds it.", { unset: 0, meanwhile }),
  vxlanPort: setting(portNumber, "UDP port of VXLAN.", {
    unset: 4789,
    meanwhile: "nothing is encapsulated, and pods may not send to that port",
  }),
  vxlanVNI: setting(integer(0, 16_777_215), "Network identifier of VXLAN.", { unset: 4096, meanwhile }),
};
