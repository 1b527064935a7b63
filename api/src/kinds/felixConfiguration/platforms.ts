/** What one platform needs: OpenStack, AWS, Windows, Istio. */
import * as z from "zod";
import { oneOf, text } from "../fields.ts";
import { withOpenApi } from "../schema.ts";
import { onOff, portNumber, type Settings, setting } from "./setting.ts";

export interface PlatformSettings {
  readonly metadataAddr?: string;
  readonly metadataPort?: number;
  readonly openstackRegion?: string;
  readonly awsSrcDstCheck?: "DoNothing" | "Enable" | "Disable";
  readonly windowsManageFirewallRules?: "Enabled" | "Disabled";
  readonly istioAmbientMode?: "Enabled" | "Disabled";
  readonly istioDSCPMark?: number | string;
}

const dscp: z.ZodType<number | string> = withOpenApi(z.union([z.number(), z.string()], { error: "is no DSCP" }), {
  "x-kubernetes-int-or-string": true,
});

export const platformSettings: Settings<PlatformSettings> = {
  metadataAddr: setting(text, "Server of the metadata of OpenStack's virtual machines; none for no such server.", {
    unset: "127.0.0.1",
    alsoAccepted: ["none", "None"],
  }),
  metadataPort: setting(portNumber, "Port of that server.", { unset: 8775 }),
  openstackRegion: setting(text, "Region of OpenStack that the node is in.", { alsoAccepted: [""] }),
  awsSrcDstCheck: setting(
    oneOf("DoNothing", "Enable", "Disable"),
    "What to make of AWS's check of a node's addresses.",
    { unset: "DoNothing" },
  ),
  windowsManageFirewallRules: setting(onOff, "Whether rules of the firewall of Windows are made.", {
    unset: "Disabled",
  }),
  istioAmbientMode: setting(onOff, "Whether pods are in the ambient mesh of Istio.", { unset: "Disabled" }),
  istioDSCPMark: setting(dscp, "Mark (DSCP) of packets that the ambient mesh made, by number or name.", { unset: 23 }),
};
