/** What pods may do, and what becomes of their packets beside what policies say. */
import { flag, text } from "../fields.ts";
import { anyCase, type Settings, setting } from "./setting.ts";

export interface WorkloadSettings {
  readonly interfacePrefix?: string;
  readonly interfaceExclude?: string;
  readonly chainInsertMode?: string;
  readonly defaultEndpointToHostAction?: string;
  readonly allowVXLANPacketsFromWorkloads?: boolean;
  readonly allowIPIPPacketsFromWorkloads?: boolean;
  readonly disableConntrackInvalidCheck?: boolean;
  readonly policySyncPathPrefix?: string;
  readonly sidecarAccelerationEnabled?: boolean;
  readonly workloadSourceSpoofing?: string;
  readonly serviceLoopPrevention?: string;
}

export const workloadSettings: Settings<WorkloadSettings> = {
  interfacePrefix: setting(
    text,
    "Interfaces whose names begin so are those of pods; several are separated by commas.",
    { unset: "cali" },
  ),
  interfaceExclude: setting(text, "Interfaces which are not looked at as those of a host.", { unset: "kube-ipvs0" }),
  chainInsertMode: setting(anyCase("Insert", "Append"), "Whether our rules stand before those of others, or behind.", {
    unset: "Insert",
    effect: "honoured",
  }),
  defaultEndpointToHostAction: setting(
    anyCase("Drop", "Accept", "Return"),
    "What becomes of packets from a pod to its own node that policy allows; Return leaves them to the rules of others.",
    { unset: "Drop", effect: "honoured" },
  ),
  allowVXLANPacketsFromWorkloads: setting(flag, "Pods may send packets that they encapsulate in VXLAN.", {
    unset: false,
    effect: "honoured",
  }),
  allowIPIPPacketsFromWorkloads: setting(flag, "Pods may send packets that they encapsulate in IP.", {
    unset: false,
    effect: "honoured",
  }),
  disableConntrackInvalidCheck: setting(flag, "Packets that belong to no connection are let to policy.", {
    unset: false,
    meanwhile: "they are dropped",
  }),
  policySyncPathPrefix: setting(text, "Where sockets are made by which policy is told to programs in pods.", {
    alsoAccepted: [""],
  }),
  sidecarAccelerationEnabled: setting(flag, "Packets between a pod and its sidecar skip most of the kernel.", {
    unset: false,
  }),
  workloadSourceSpoofing: setting(
    anyCase("Disabled", "Any"),
    "Whether pods may ask, by annotation, to send from addresses that are not theirs.",
    { unset: "Disabled", effect: "honoured" },
  ),
  serviceLoopPrevention: setting(
    anyCase("Drop", "Reject", "Disabled"),
    "What becomes of packets for an address of a Service that is not in use.",
    { unset: "Drop", alsoAccepted: ["Disabled"] },
  ),
};
