/**
 * An attachment is one interface of one container on one network: what ADD makes and DEL unmakes. All its names follow
 * from the request alone, so that a repeated ADD and a DEL without anything left arrive at the same ones.
 */
import { hash } from "node:crypto";
import type { PluginConfig } from "./config.ts";
import type { Environment } from "./environment.ts";

export interface Attachment {
  readonly containerId: string;
  readonly interfaceName: string;
  readonly network: string;
  readonly netns: string | null;
  readonly workload: Workload;
  /** The name of the node's end of the veth pair. */
  readonly hostInterface: string;
  /** The address of the container's end, the same for each try. */
  readonly mac: string;
}

/** Who the container is to its orchestrator. */
export type Workload =
  | { readonly orchestrator: "k8s"; readonly namespace: string; readonly pod: string; readonly podUid: string | null }
  | { readonly orchestrator: "cni"; readonly namespace: "default" };

export function attachmentOf(environment: Environment, network: PluginConfig["network"]): Attachment {
  const { containerId, interfaceName, netns, args } = environment;
  const workload: Workload =
    args.podName !== undefined && args.podNamespace !== undefined
      ? { orchestrator: "k8s", namespace: args.podNamespace, pod: args.podName, podUid: args.podUid ?? null }
      : { orchestrator: "cni", namespace: "default" };
  const hostInterface = hostInterfaceOf(workload, containerId, interfaceName);
  return {
    containerId,
    interfaceName,
    network,
    netns,
    workload,
    hostInterface,
    mac: macOf(containerId, interfaceName),
  };
}

/** Names an attachment in queues and files. A container's id holds no "@". */
export function attachmentKey(attachment: Pick<Attachment, "containerId" | "interfaceName">): string {
  return `${attachment.containerId}@${attachment.interfaceName}`;
}

/**
 * The handle under which addresses are held. Calico's for the first interface, so that pods which it made can be
 * deleted by us; a second interface of one container on one network must not be given the first one's addresses.
 */
export function handleOf({
  network,
  containerId,
  interfaceName,
}: Pick<Attachment, "network" | "containerId" | "interfaceName">): string {
  const handle = `${network}.${containerId}`;
  return interfaceName === "eth0" ? handle : `${handle}.${interfaceName}`;
}

/** Beside the addresses of a further interface: which one has them. The handle alone does not tell. */
export const interfaceAttribute = "interface";

/**
 * Calico's names where Calico has one: `cali` and 11 digits of sha1 of `namespace.pod`, or the beginning of the
 * container's id. It has none for further interfaces (its own would collide), so those hash the interface's name too.
 */
function hostInterfaceOf(workload: Workload, containerId: string, interfaceName: string): string {
  const isFirst = interfaceName === "eth0";
  if (workload.orchestrator === "k8s") {
    const pod = `${workload.namespace}.${workload.pod}`;
    return `cali${sha1(isFirst ? pod : `${pod}.${interfaceName}`).slice(0, 11)}`;
  }
  return `cali${(isFirst ? containerId : sha1(`${containerId}.${interfaceName}`)).slice(0, 11)}`;
}

/** A unicast address of local administration (the second-lowest bit of the first byte set, the lowest clear). */
function macOf(containerId: string, interfaceName: string): string {
  const bytes = hash("sha256", `${containerId}/${interfaceName}`, "buffer").subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function sha1(text: string): string {
  return hash("sha1", text, "hex");
}
