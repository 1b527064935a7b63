/** What a host endpoint always lets pass, so that nobody is locked out. */
import { type FailsafePort, failsafePorts, type Settings, setting } from "./setting.ts";

export interface HostEndpointSettings {
  readonly failsafeInboundHostPorts?: readonly FailsafePort[];
  readonly failsafeOutboundHostPorts?: readonly FailsafePort[];
}

export const hostEndpointSettings: Settings<HostEndpointSettings> = {
  failsafeInboundHostPorts: setting(
    failsafePorts,
    "Ports of the node that policy never closes. SSH, DHCP, BGP, etcd and the API server, where it is left out.",
    { effect: "honoured" },
  ),
  failsafeOutboundHostPorts: setting(
    failsafePorts,
    "Ports which the node can always reach. DNS, DHCP, BGP, etcd and the API server, where it is left out.",
    { effect: "honoured" },
  ),
};
