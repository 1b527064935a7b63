/** A Pod in the network of its node (`hostNetwork`): it has the node's addresses, no interface of its own, and so no endpoint. */
import { parseAddress } from "@brindle/net";
import { entriesOf, members, textOf, textsOf } from "./apiObject.ts";
import type { ApiObject } from "./source.ts";

export interface HostPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty where its status does not tell them yet. */
  readonly addresses: readonly string[];
  readonly ports: readonly HostPodPort[];
}

export interface HostPodPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

/** `null` for a pod with a network of its own, and for one that has no node yet. */
export function readHostPod({ metadata, spec, status }: ApiObject): HostPod | null {
  const { name, namespace = "default", labels } = metadata;
  const { hostNetwork, nodeName, containers, initContainers } = members(spec);
  const node = textOf(nodeName);
  if (hostNetwork !== true || node === undefined) return null;
  return {
    namespace,
    name,
    node,
    labels: textsOf(labels),
    addresses: addressesOf(status),
    ports: [...portsOf(containers), ...portsOf(initContainers)],
  };
}

function addressesOf(status: unknown): readonly string[] {
  const { podIPs, podIP, hostIPs, hostIP } = members(status);
  const listed = (list: unknown, single: unknown): string[] =>
    [...entriesOf(list).map((entry) => members(entry).ip), single].flatMap((text) => textOf(text) ?? []);
  const own = listed(podIPs, podIP);
  const told = own.length > 0 ? own : listed(hostIPs, hostIP);
  return [...new Set(told)].filter((text) => parseAddress(text) !== null);
}

function portsOf(containers: unknown): HostPodPort[] {
  return entriesOf(containers)
    .flatMap((container) => entriesOf(members(container).ports).map(members))
    .flatMap(({ name, protocol = "TCP", containerPort }) =>
      typeof containerPort === "number" && typeof name === "string" && typeof protocol === "string"
        ? [{ name, protocol, port: containerPort }]
        : [],
    );
}
