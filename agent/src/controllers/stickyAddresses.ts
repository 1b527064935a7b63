/**
 * Which reservations there are to be for pods that keep their addresses: one for each pod of a StatefulSet whose template asks for
 * it, from when the pod has addresses until the set is gone. A pod that is between two lives keeps its own.
 */
import type { ApiObject, IPPool, IPReservation, Item, Write } from "@brindle/api";
import { keptForAnnotation, keptKey, keptOfAnnotation, keptReservation, stickyAnnotation } from "@brindle/ipam";
import { type Address, containsAddress, parseAddress, parsePrefix } from "@brindle/net";

export interface StickyFacts {
  /** StatefulSets whose template asks for it, by `<namespace>/<name>`. */
  readonly sets: ReadonlySet<string>;
  /** Pods of StatefulSets, by `<namespace>/<name>`. */
  readonly pods: ReadonlyMap<string, StickyPod>;
  readonly reservations: readonly Item<"IPReservation">[];
  readonly pools: readonly IPPool[];
}

export interface StickyPod {
  readonly namespace: string;
  readonly name: string;
  /** Of its StatefulSet. */
  readonly set: string;
  readonly addresses: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** `null` for one that does not ask for it. */
export function readStickySet({ metadata, spec }: ApiObject): string | null {
  const template = memberOf(memberOf(spec, "template"), "metadata");
  const annotations = memberOf(template, "annotations");
  return annotations[stickyAnnotation] === "true" ? `${metadata.namespace}/${metadata.name}` : null;
}

/** `null` for one of no StatefulSet, or in its node's own network. */
export function readStickyPod({ metadata, spec, status }: ApiObject): StickyPod | null {
  const { name, namespace = "default" } = metadata;
  const owners = (metadata as Json).ownerReferences;
  const owner = (Array.isArray(owners) ? owners : []).find((one: Json) => one.kind === "StatefulSet" && one.controller);
  if (typeof owner?.name !== "string" || memberOf({ spec }, "spec").hostNetwork === true) return null;
  const { podIPs, phase } = memberOf({ status }, "status");
  const isOver = phase === "Succeeded" || phase === "Failed";
  const addresses = (Array.isArray(podIPs) && !isOver ? podIPs : []).flatMap(({ ip }: Json) =>
    typeof ip === "string" ? [ip] : [],
  );
  return { namespace, name, set: owner.name, addresses };
}

/** What makes the reservations so. Each write names what it rests on: what others changed is seen again. */
export function planSticky({ sets, pods, reservations, pools }: StickyFacts): Write[] {
  const ours = reservations.filter(({ value }) => value.metadata.annotations?.[keptForAnnotation] !== undefined);
  const present = new Map(ours.map((item) => [item.key.name, item]));
  const writes: Write[] = [];
  for (const { key, value, revision } of ours) {
    const set = value.metadata.annotations?.[keptOfAnnotation] ?? "";
    if (!sets.has(set)) writes.push({ op: "delete", key, revision });
  }
  for (const pod of pods.values()) {
    if (!sets.has(`${pod.namespace}/${pod.set}`)) continue;
    const addresses = inPools(pod.addresses, pools);
    if (addresses.length === 0) continue;
    const key = keptKey({ namespace: pod.namespace, pod: pod.name });
    const wanted = keptReservation({ namespace: pod.namespace, pod: pod.name }, { set: pod.set, addresses });
    const item = present.get(key.name);
    if (!item) writes.push({ op: "create", key, value: wanted });
    else if (!saysTheSame(item.value, wanted))
      writes.push({ op: "update", key, value: { ...item.value, spec: wanted.spec }, revision: item.revision });
  }
  return writes;
}

/** An address of a node, or of another network, is nobody's to keep here. */
function inPools(texts: readonly string[], pools: readonly IPPool[]): Address[] {
  const ranges = pools.flatMap(({ spec }) => parsePrefix(spec.cidr) ?? []);
  return texts.flatMap((text) => {
    const address = parseAddress(text);
    return address && ranges.some((range) => containsAddress(range, address)) ? [address] : [];
  });
}

function saysTheSame({ spec: a }: IPReservation, { spec: b }: IPReservation): boolean {
  return JSON.stringify(a.reservedCIDRs ?? []) === JSON.stringify(b.reservedCIDRs ?? []);
}

function memberOf(value: unknown, name: string): Json {
  const member = typeof value === "object" && value !== null ? (value as Json)[name] : undefined;
  return typeof member === "object" && member !== null ? (member as Json) : {};
}
