/**
 * Whose an address is. What nobody here knows the owner of, Services' addresses, virtual machines', whatever a newer
 * release writes, is never said to have none.
 */
import { type WorkloadEndpoint, workloadEndpointName } from "@brindle/api";
import { formatAddress, parseCidr } from "@brindle/net";
import { type HeldAddress, handleOf, heldAt } from "../block.ts";
import { blockProblems } from "../blockProblems.ts";
import { keyText } from "../conflict.ts";
import { type IpamFacts, isAway, isGone, unreadable } from "./facts.ts";
import type { LeakReason } from "./finding.ts";

/** An address that a handle holds, with what stands beside it. */
export interface Holding extends HeldAddress {
  readonly handleId: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of a virtual machine that moves, which has a second owner. */
  readonly isShared: boolean;
}

export type Ownership =
  | { readonly kind: "owned" | "unknown" }
  | { readonly kind: "none"; readonly node: string; readonly owner: string; readonly reason: LeakReason };

/** Of all blocks that are sound. */
export function holdings({ blocks }: IpamFacts): Holding[] {
  return [...blocks.values()].flatMap(({ value: block }) => {
    if (blockProblems(block).length > 0) return [];
    return block.allocations.flatMap((index, ordinal): Holding[] => {
      const attribute = index === null ? undefined : block.attributes[index];
      const handleId = attribute && handleOf(attribute);
      if (!attribute || handleId === undefined) return [];
      const { secondary: attributes = {}, alternateOwnerAttrs } = attribute;
      return [{ ...heldAt(block, ordinal), handleId, attributes, isShared: alternateOwnerAttrs !== undefined }];
    });
  });
}

export class Owners {
  readonly #facts: IpamFacts;
  readonly #unreadable: ReadonlySet<string>;
  /** By `<node> <namespace>/<pod>`. */
  readonly #ofPod = new Map<string, WorkloadEndpoint[]>();
  /** By the address as text. */
  readonly #having = new Map<string, WorkloadEndpoint[]>();
  readonly #containers = new Set<string>();

  constructor(facts: IpamFacts) {
    this.#facts = facts;
    this.#unreadable = unreadable(facts);
    for (const { value } of facts.endpoints.values()) {
      const { node, pod, containerID } = value.spec;
      if (pod !== undefined) push(this.#ofPod, `${node} ${value.metadata.namespace}/${pod}`, value);
      if (containerID !== undefined) this.#containers.add(containerID);
      for (const address of addressesOf(value)) push(this.#having, address, value);
    }
  }

  ownershipOf(holding: Holding): Ownership {
    // 1. What some endpoint says that it has is not free, whoever holds it.
    if (this.#having.has(formatAddress(holding.address))) return { kind: "owned" };
    const claim = claimantOf(holding);
    const { node } = holding.attributes;
    if (claim.kind === "unknown" || node === undefined) return { kind: "unknown" };
    // 2. A node that is there owns the ends of its tunnels.
    if (claim.kind === "tunnel") return this.#unlessGone(node, claim.type);
    // 3. Nobody can say what runs on a node that does not answer.
    if (isAway(node, this.#facts)) return { kind: "owned" };
    return claim.kind === "pod"
      ? this.#ofAPod({ ...claim, node }, holding.handleId)
      : this.#ofContainer(node, holding.handleId);
  }

  /** Endpoints by their address, as text. */
  get having(): ReadonlyMap<string, readonly WorkloadEndpoint[]> {
    return this.#having;
  }

  #unlessGone(node: string, owner: string): Ownership {
    return isGone(node, this.#facts) ? { kind: "none", node, owner, reason: "nodeGone" } : { kind: "owned" };
  }

  #ofAPod(
    { node, namespace, pod }: { readonly node: string; readonly namespace: string; readonly pod: string },
    handleId: string,
  ): Ownership {
    const owner = `${namespace}/${pod}`;
    const endpoints = this.#ofPod.get(`${node} ${owner}`) ?? [];
    const own = endpoints.find(({ spec }) => isOfContainer(handleId, spec.containerID));
    if (own && (addressesOf(own).length > 0 || !this.#facts.endpointsArePods)) return { kind: "owned" };
    const endpoint = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
    if (this.#unreadable.has(keyText({ kind: "WorkloadEndpoint", namespace, name: endpoint })))
      return { kind: "owned" };
    const reason = this.#reasonOf(node, { isOwn: own !== undefined, isThere: endpoints.length > 0 });
    return { kind: "none", node, owner, reason };
  }

  #reasonOf(node: string, { isOwn, isThere }: { readonly isOwn: boolean; readonly isThere: boolean }): LeakReason {
    if (isOwn) return "podFinished";
    if (isThere) return "otherContainer";
    return isGone(node, this.#facts) ? "nodeGone" : "podGone";
  }

  /** Where the orchestrator is none that we know: the endpoint is all that there is. */
  #ofContainer(node: string, handleId: string): Ownership {
    if (this.#facts.endpointsArePods) return { kind: "unknown" };
    for (const container of containersIn(handleId)) if (this.#containers.has(container)) return { kind: "owned" };
    if (this.#facts.undecodable.some(({ key }) => key.kind === "WorkloadEndpoint")) return { kind: "owned" };
    return { kind: "none", node, owner: handleId, reason: isGone(node, this.#facts) ? "nodeGone" : "noEndpoint" };
  }
}

export function addressesOf({ spec }: WorkloadEndpoint): string[] {
  return (spec.ipNetworks ?? []).flatMap((network) => {
    const cidr = parseCidr(network);
    return cidr ? [formatAddress(cidr.address)] : [];
  });
}

/** `<network>.<container>`, and the interface behind where it is not eth0. */
export function isOfContainer(handleId: string, container: string | undefined): boolean {
  return container !== undefined && (handleId.endsWith(`.${container}`) || handleId.includes(`.${container}.`));
}

/** A network's name may hold dots, so each part is a candidate. */
function containersIn(handleId: string): string[] {
  return handleId.split(".").slice(1);
}

type Claimant =
  | { readonly kind: "unknown" | "container" }
  | { readonly kind: "tunnel"; readonly type: string }
  | { readonly kind: "pod"; readonly namespace: string; readonly pod: string };

const tunnelTypes: readonly string[] = [
  "ipipTunnelAddress",
  "vxlanTunnelAddress",
  "vxlanV6TunnelAddress",
  "wireguardTunnelAddress",
  "wireguardV6TunnelAddress",
];
/** `interface` where it is not eth0. */
const podAttributes: readonly string[] = ["node", "namespace", "pod", "interface", "timestamp"];
const containerAttributes: readonly string[] = ["node", "interface", "timestamp"];

/** Told by all that stands beside the address: one attribute that we do not know, and it is not ours to judge. */
function claimantOf({ attributes, handleId, isShared }: Holding): Claimant {
  const names = Object.keys(attributes);
  const { type, namespace, pod } = attributes;
  if (isShared || handleId === "windows-reserved-ipam-handle") return { kind: "unknown" };
  if (type !== undefined) return tunnelTypes.includes(type) ? { kind: "tunnel", type } : { kind: "unknown" };
  if (pod !== undefined && namespace !== undefined && names.every((name) => podAttributes.includes(name)))
    return { kind: "pod", namespace, pod };
  const isContainer = handleId.includes(".") && names.every((name) => containerAttributes.includes(name));
  return isContainer ? { kind: "container" } : { kind: "unknown" };
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
