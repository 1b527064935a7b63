/**
 * Addresses that are kept for the pods of a StatefulSet, by name: an IPReservation each, so that nobody else is given them, also by
 * nodes of Calico, and the pod asks for its own. Calico sees an address in use that a pod has, or one that is reserved.
 */
import { hash } from "node:crypto";
import type { IPReservation, Key } from "@brindle/api";
import { type Address, formatPrefix, hostPrefix, parseCidr } from "@brindle/net";

/** Of a pod, set in the template of its StatefulSet: `"true"`. */
export const stickyAnnotation = "brindle.network/sticky-addresses";
/** Of a reservation: `<namespace>/<pod>`. */
export const keptForAnnotation = "brindle.network/kept-for";
/** Of a reservation: the StatefulSet, `<namespace>/<name>`, which it goes with. */
export const keptOfAnnotation = "brindle.network/kept-of";

export interface KeptFor {
  readonly namespace: string;
  readonly pod: string;
}

export function keptAddresses({ namespace, pod }: KeptFor, reservations: Iterable<IPReservation>): readonly Address[] {
  const wanted = `${namespace}/${pod}`;
  for (const { metadata, spec } of reservations) {
    if (metadata.annotations?.[keptForAnnotation] !== wanted) continue;
    return (spec.reservedCIDRs ?? []).flatMap((text) => parseCidr(text)?.address ?? []);
  }
  return [];
}

/** Two namespaces' pods never share one, however their names are cut. */
export function keptKey({ namespace, pod }: KeptFor): Key<"IPReservation"> {
  return { kind: "IPReservation", name: `sticky-${hash("sha256", `${namespace}/${pod}`).slice(0, 32)}` };
}

/** `set`: the name of its StatefulSet. */
export function keptReservation(
  pod: KeptFor,
  { set, addresses }: { set: string; addresses: readonly Address[] },
): IPReservation {
  const annotations = {
    [keptForAnnotation]: `${pod.namespace}/${pod.pod}`,
    [keptOfAnnotation]: `${pod.namespace}/${set}`,
  };
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPReservation",
    metadata: { name: keptKey(pod).name, annotations },
    spec: { reservedCIDRs: addresses.map((address) => formatPrefix(hostPrefix(address))) },
  };
}
