/** Packets of tunnels, which no pod may send: what is inside of one would escape policy. */
import type { Cluster, EncapsulationSettings } from "./cluster.ts";
import { type Packet, protocolNumbers } from "./packet.ts";

const ipInIp = 4;
const defaults: EncapsulationSettings = { vxlan: "Drop", vxlanPort: 4789, ipip: "Drop" };

export function encapsulationOf({ encapsulation }: Cluster): EncapsulationSettings {
  return encapsulation ?? defaults;
}

export function isEncapsulated(
  { vxlan, vxlanPort, ipip }: EncapsulationSettings,
  { protocol, destinationPort }: Pick<Packet, "protocol" | "destinationPort">,
): boolean {
  if (protocol === ipInIp) return ipip === "Drop";
  return protocol === protocolNumbers.udp && destinationPort === vxlanPort && vxlan === "Drop";
}
