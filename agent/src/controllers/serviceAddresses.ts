/**
 * Which addresses Services of type LoadBalancer are to have, as Calico decides it: those that they ask for by annotation, or one of
 * each of their families out of pools for them. What they hold is found by what stands beside it in the blocks.
 */
import { hash } from "node:crypto";
import type { ApiObject, ApiRequest, IPAMBlock } from "@brindle/api";
import { addressAt, loadBalancer } from "@brindle/ipam";
import { type Address, type Family, formatAddress, parseAddress } from "@brindle/net";

export interface ServiceWish {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Whether it says by an annotation of Calico's that it wants an address. */
  readonly isRequested: boolean;
  readonly families: readonly Family[];
  /** These and no others, where there are any. */
  readonly addresses: readonly Address[];
  /** By family: names or CIDRs of pools. */
  readonly pools: Readonly<Partial<Record<Family, readonly string[]>>>;
  /** As its status says. */
  readonly told: readonly string[];
  /** What is wrong with what it asks for, so that it gets none. */
  readonly fault: string | null;
}

/** What a Service holds; there may be a handle without a Service. */
export interface ServiceHolding {
  readonly handle: string;
  readonly addresses: readonly Address[];
}

const annotations = {
  addresses: "projectcalico.org/loadBalancerIPs",
  pools4: "projectcalico.org/ipv4pools",
  pools6: "projectcalico.org/ipv6pools",
} as const;

type Json = Readonly<Record<string, unknown>>;

/** `null` for one that is of another type, or another controller's. */
export function readService(object: ApiObject): ServiceWish | null {
  const { name, namespace = "default", uid = "" } = object.metadata;
  const spec = memberOf(object, "spec");
  if (spec.type !== "LoadBalancer" || (spec.loadBalancerClass ?? "calico") !== "calico") return null;
  const said = memberOf(object.metadata, "annotations");
  const faults: string[] = [];
  const list = (annotation: string) => listOf(said[annotation], annotation, faults);
  const addresses = list(annotations.addresses).flatMap((text) => {
    const address = parseAddress(text);
    if (!address) faults.push(`${annotations.addresses}: ${JSON.stringify(text)} is no address`);
    return address ?? [];
  });
  if (new Set(addresses.map(({ family }) => family)).size < addresses.length)
    faults.push(`${annotations.addresses}: more than one address of a family`);
  const [pools4, pools6] = [list(annotations.pools4), list(annotations.pools6)];
  const families = arrayOf(spec.ipFamilies).map((family): Family => (family === "IPv6" ? 6 : 4));
  return {
    ...{ namespace, name, uid, addresses },
    isRequested: Object.values(annotations).some((annotation) => said[annotation] !== undefined),
    families: families.length > 0 ? families : [4],
    pools: { ...(pools4.length > 0 && { 4: pools4 }), ...(pools6.length > 0 && { 6: pools6 }) },
    told: ingressOf(object).flatMap(({ ip }) => (typeof ip === "string" ? [ip] : [])),
    fault: faults[0] ?? null,
  };
}

/** By `<namespace>/<name>`, of blocks that are Services'. Calico's handles are told by what stands beside them, as ours are. */
export function serviceHoldings(blocks: Iterable<IPAMBlock>): ReadonlyMap<string, ServiceHolding> {
  const found = new Map<string, ServiceHolding>();
  for (const block of blocks) {
    if (block.affinity !== loadBalancer) continue;
    for (const [ordinal, index] of block.allocations.entries()) {
      const { handle_id: handle, secondary: { service, namespace } = {} } = block.attributes[index ?? -1] ?? {};
      if (handle === undefined || service === undefined || namespace === undefined) continue;
      const id = `${namespace}/${service}`;
      const addresses = [...(found.get(id)?.addresses ?? []), addressAt(block, ordinal)];
      found.set(id, { handle, addresses });
    }
  }
  return found;
}

export function handleOfService({ namespace, name, uid }: Pick<ServiceWish, "namespace" | "name" | "uid">): string {
  return `lb-${hash("sha256", `${namespace}/${name}/${uid}`).slice(0, 32)}`;
}

/** What it holds and is to hold no more: others than it asks for by now. */
export function unwanted(wish: ServiceWish | null, held: readonly Address[]): readonly Address[] {
  if (!wish) return held;
  if (wish.addresses.length === 0) return held.filter(({ family }) => !wish.families.includes(family));
  const wanted = new Set(wish.addresses.map(formatAddress));
  return held.filter((address) => !wanted.has(formatAddress(address)));
}

/** One request for each: `address` where the very one is asked for. */
export function missing(
  wish: ServiceWish,
  held: readonly Address[],
): { readonly family: Family; readonly address?: Address }[] {
  if (wish.addresses.length > 0) {
    const has = new Set(held.map(formatAddress));
    return wish.addresses
      .filter((address) => !has.has(formatAddress(address)))
      .map((address) => ({ family: address.family, address }));
  }
  return wish.families
    .filter((family) => !held.some((address) => address.family === family))
    .map((family) => ({ family }));
}

export function statusRequest({ namespace, name }: ServiceWish, addresses: readonly Address[]): ApiRequest {
  const ingress = addresses.map((address) => ({ ip: formatAddress(address) }));
  return {
    method: "PATCH",
    path: `/api/v1/namespaces/${namespace}/services/${name}/status`,
    contentType: "application/merge-patch+json",
    body: JSON.stringify({ status: { loadBalancer: { ingress } } }),
  };
}

export function isTold({ told }: ServiceWish, addresses: readonly Address[]): boolean {
  return told.toSorted().join() === addresses.map(formatAddress).toSorted().join();
}

function ingressOf(object: ApiObject): readonly Json[] {
  return arrayOf(memberOf(memberOf(object, "status"), "loadBalancer").ingress) as readonly Json[];
}

function listOf(text: unknown, annotation: string, faults: string[]): readonly string[] {
  if (typeof text !== "string") return [];
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((entry) => typeof entry === "string")) return list;
  } catch {
    // Told below, as what is JSON and no list is.
  }
  faults.push(`${annotation}: ${JSON.stringify(text)} is no list of texts in JSON`);
  return [];
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function memberOf(value: unknown, name: string): Json {
  const member = typeof value === "object" && value !== null ? (value as Json)[name] : undefined;
  return typeof member === "object" && member !== null ? (member as Json) : {};
}
