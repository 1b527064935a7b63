/**
 * Where Calico keeps what it knows of a node: in annotations of the Node of Kubernetes, each a field of its own Node. The
 * rest (addresses, pod CIDRs, labels) it reads of the Node itself.
 */

import { parseJson } from "../json/json.ts";
import type { Node } from "../kinds/node.ts";
import { isMembers, type Members, members, textOf } from "./apiObject.ts";

interface AnnotatedField {
  readonly annotation: string;
  /** In the resource: a member, or a member of a member. */
  readonly path: readonly string[];
  readonly form: "text" | "number" | "json";
}

function field(annotation: string, path: string, form: AnnotatedField["form"] = "text"): AnnotatedField {
  return { annotation: `projectcalico.org/${annotation}`, path: path.split("."), form };
}

/** In the order of the fields of a Node. */
const fields: readonly AnnotatedField[] = [
  field("ASNumber", "spec.bgp.asNumber", "number"),
  field("IPv4Address", "spec.bgp.ipv4Address"),
  field("IPv6Address", "spec.bgp.ipv6Address"),
  field("IPv4IPIPTunnelAddr", "spec.bgp.ipv4IPIPTunnelAddr"),
  field("RouteReflectorClusterID", "spec.bgp.routeReflectorClusterID"),
  field("IPv4VXLANTunnelAddr", "spec.ipv4VXLANTunnelAddr"),
  field("VXLANTunnelMACAddr", "spec.vxlanTunnelMACAddr"),
  field("IPv6VXLANTunnelAddr", "spec.ipv6VXLANTunnelAddr"),
  field("VXLANTunnelMACAddrV6", "spec.vxlanTunnelMACAddrV6"),
  field("IPv4WireguardInterfaceAddr", "spec.wireguard.interfaceIPv4Address"),
  field("IPv6WireguardInterfaceAddr", "spec.wireguard.interfaceIPv6Address"),
  field("Interfaces", "spec.interfaces", "json"),
  field("WireguardPublicKey", "status.wireguardPublicKey"),
  field("WireguardPublicKeyV6", "status.wireguardPublicKeyV6"),
];

/** `{ spec, status }`, as far as annotations say; still unchecked. */
export function fromNodeAnnotations(annotations: Readonly<Record<string, string>>): Members {
  return fields.reduce<Members>((node, { annotation, path, form }) => {
    const text = textOf(annotations[annotation]);
    return text === undefined ? node : withMember(node, path, fieldValue(text, form));
  }, {});
}

/** Each annotation with its text, or `null` for one that must go. */
export function toNodeAnnotations(node: Node): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    fields.map(({ annotation, path, form }) => {
      const value = path.reduce<unknown>((at, name) => members(at)[name], node);
      if (value === undefined) return [annotation, null];
      return [annotation, form === "json" ? JSON.stringify(value) : String(value)];
    }),
  );
}

/** What does not read stays a text, which the check of the field then names. */
function fieldValue(text: string, form: AnnotatedField["form"]): unknown {
  if (form === "number" && /^\d+$/.test(text)) return Number(text);
  if (form !== "json") return text;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

function withMember(target: Members, [name = "", ...rest]: readonly string[], value: unknown): Members {
  const inner = target[name];
  return { ...target, [name]: rest.length === 0 ? value : withMember(isMembers(inner) ? inner : {}, rest, value) };
}
