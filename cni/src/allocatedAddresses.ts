/**
 * The `addresses` port over `ipam` and the store: an attachment's addresses and its endpoint are written, and
 * deleted, in one decision: one transaction where the datastore has any, else in an order that `ipam` knows.
 */
import type { Key, Store, WorkloadEndpoint } from "@brindle/api";
import type { AssignResult, Allocator as IpamAllocator, PoolUse, RefusedPool, ReleaseResult } from "@brindle/ipam";
import type { Family, Prefix } from "@brindle/net";
import { type Attachment, handleOf, interfaceAttribute } from "./attachment.ts";
import type { IpamConfig } from "./config.ts";
import { type EndpointWrites, endpointWrites } from "./endpoints.ts";
import { CniError } from "./error.ts";
import type { Addresses, AddressRequest, AssignOutcome } from "./ports.ts";
import { networkProfile } from "./workloadEndpoint.ts";

export interface AllocatedAddressesPorts {
  readonly allocator: Pick<IpamAllocator, "assign" | "release" | "lacking">;
  readonly store: Pick<Store, "get" | "commit" | "transactions">;
  /** The endpoint as the agent's watch tells it; asked where the endpoints are pods, which Kubernetes makes. */
  readonly watched?: (key: Key<"WorkloadEndpoint">) => WorkloadEndpoint | null;
  /** What Kubernetes set aside for pods of this node. */
  readonly podCidrs?: () => readonly Prefix[];
  /** IPPools that are stored and not acted on, such as those with an encapsulation, each with the reason. */
  readonly withheldPools?: () => readonly RefusedPool[];
  /** Whether pods have addresses of these alone, also where the configuration does not say so. */
  readonly usesPodCidrs?: boolean;
}

/** Each time somebody else wrote this endpoint in between; nobody but us and a label controller does. */
const attemptsMax = 10;

export class AllocatedAddresses implements Addresses {
  readonly #ports: AllocatedAddressesPorts;
  readonly #endpoints: () => EndpointWrites;

  constructor(node: string, ports: AllocatedAddressesPorts) {
    const { store, watched = () => null } = ports;
    this.#ports = ports;
    this.#endpoints = endpointWrites(node, { store, watched });
  }

  async assign(request: AddressRequest): Promise<AssignOutcome> {
    const { attachment } = request;
    const endpoints = this.#endpoints();
    if (attachment.workload.orchestrator === "cni" && this.#ports.store.transactions === "many")
      await this.#ensureProfile(attachment.network);
    const { unmanaged } = request;
    let families = unmanaged ? [] : familiesOf(request.ipam);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const isRepeated = unmanaged !== undefined && endpoints.isOf(attachment);
      const result = await this.#ports.allocator.assign({
        ...wantedOf(request),
        ...this.#confinedTo(request.ipam),
        families,
        extraWrites: (held) =>
          endpoints.written(attachment, request.endpoint(unmanaged ?? held.map(({ address }) => address))),
      });
      if (result.kind === "noPool" && families.length > 1 && isOptional(result.family, request.ipam)) {
        families = families.filter((family) => family !== result.family);
        continue;
      }
      if (result.kind === "assigned") endpoints.assigned(attachment, result.extra);
      if (result.kind === "assigned" && unmanaged)
        return { kind: "assigned", addresses: unmanaged, isNew: !isRepeated };
      if (result.kind === "noPool") {
        const asked = poolsOf(request.ipam)[result.family];
        return { kind: "refused", reason: this.#noPoolFor("this pod", { ...result, asked }) };
      }
      if (result.kind !== "conflict") return outcomeOf(result);
      if (!(await endpoints.overtaken(attachment))) throw podIsGone();
    }
    throw contended();
  }

  async release(attachment: Attachment): Promise<void> {
    const endpoints = this.#endpoints();
    let isThere = true;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const extraWrites = isThere ? await endpoints.cleared(attachment) : [];
      const result = await this.#ports.allocator.release(handleOf(attachment), { extraWrites });
      if (result.kind === "released") return endpoints.released(attachment);
      if (result.kind !== "conflict") throw releaseError(result);
      isThere = await endpoints.overtaken(attachment);
    }
    throw contended();
  }

  async lacking(ipam: IpamConfig): Promise<string | null> {
    const families = familiesOf(ipam);
    const pools = poolsOf(ipam);
    const confined = this.#confinedTo(ipam);
    const reasons = await Promise.all(
      families.map(async (family) => {
        const asked = pools[family];
        const refused = await this.#ports.allocator.lacking(family, {
          ...confined,
          ...(asked.length > 0 && { asked }),
        });
        return refused && { family, reason: this.#noPoolFor("pods of this node", { family, refused, asked }) };
      }),
    );
    const lacking = reasons.filter((each) => each !== null);
    const isFatal = lacking.length === families.length || lacking.some(({ family }) => !isOptional(family, ipam));
    return isFatal ? lacking.map(({ reason }) => reason).join("; ") : null;
  }

  /** Of the families that a list for `host-local` names: its ranges. Else all, or what Kubernetes gave the node. */
  #confinedTo({ ranges }: IpamConfig): { readonly within?: readonly Prefix[] } {
    const { podCidrs = () => [], usesPodCidrs = false } = this.#ports;
    if (!ranges) return usesPodCidrs ? { within: podCidrs() } : {};
    const named = ([4, 6] as const).flatMap((family) => {
      const wanted = ranges[family] ?? [];
      return wanted === "podCidr" ? podCidrs().filter(({ address }) => address.family === family) : wanted;
    });
    return { within: named };
  }

  #noPoolFor(
    whom: string,
    {
      family,
      refused,
      asked,
    }: { readonly family: Family; readonly refused: readonly RefusedPool[]; readonly asked: readonly string[] },
  ): string {
    // By a CIDR that no pool has, one of these may be meant.
    const isMeant = (pool: string): boolean =>
      asked.length === 0 || asked.some((one) => one === pool || one.includes("/"));
    // For who gives addresses the withheld are not there; who waits for one is to hear what is the matter with them.
    const withheld = new Map(
      (this.#ports.withheldPools?.() ?? []).filter(({ pool }) => isMeant(pool)).map((one) => [one.pool, one]),
    );
    const all = new Map([...refused.map((one) => [one.pool, one] as const), ...withheld]);
    const why = [...all.values()].map(({ pool, reason }) => `${pool}: ${reason}`).join("; ");
    return `no IPPool gives IPv${family} addresses to ${whom}${why && ` (${why})`}`;
  }

  /** A conflict means that another ADD has just made it. */
  async #ensureProfile(network: string): Promise<void> {
    const { store } = this.#ports;
    const key: Key<"Profile"> = { kind: "Profile", name: network };
    if (!(await store.get(key))) await store.commit([{ op: "create", key, value: networkProfile(network) }]);
  }
}

function familiesOf({ assignIpv4, assignIpv6 }: IpamConfig): readonly Family[] {
  return [...(assignIpv4 ? [4 as const] : []), ...(assignIpv6 ? [6 as const] : [])];
}

function poolsOf({ ipv4Pools, ipv6Pools }: IpamConfig): Readonly<Record<Family, readonly string[]>> {
  return { 4: ipv4Pools, 6: ipv6Pools };
}

/** Who names pools of a family wants an address of it: a name that no pool has must not cost a pod that address in silence. */
function isOptional(family: Family, ipam: IpamConfig): boolean {
  return (family === 4 ? ipam.assignIpv4 : ipam.assignIpv6) === "auto" && poolsOf(ipam)[family].length === 0;
}

function wantedOf({ attachment, handle, ipam, addresses = [], namespaceLabels = {} }: AddressRequest) {
  const { workload } = attachment;
  const attributes: Record<string, string> = {
    ...(workload.orchestrator === "k8s" && { namespace: workload.namespace, pod: workload.pod }),
    ...(attachment.interfaceName !== "eth0" && { [interfaceAttribute]: attachment.interfaceName }),
  };
  const pools = {
    ...(ipam.ipv4Pools.length > 0 ? { 4: ipam.ipv4Pools } : {}),
    ...(ipam.ipv6Pools.length > 0 ? { 6: ipam.ipv6Pools } : {}),
  };
  return { handleId: handle, attributes, pools, namespaceLabels, ...(addresses.length > 0 && { addresses }) };
}

function outcomeOf(result: Exclude<AssignResult, { kind: "conflict" | "noPool" }>): AssignOutcome {
  switch (result.kind) {
    case "assigned":
      return { kind: "assigned", isNew: result.isNew, addresses: result.addresses.map(({ address }) => address) };
    case "poolExhausted": {
      const details = [...result.pools.map(useInWords), ...result.limits];
      return { kind: "exhausted", reason: `no IPv${result.family} address is left (${details.join("; ")})` };
    }
    case "addressRefused":
      return {
        kind: result.isFinal ? "refused" : "exhausted",
        reason: `the address ${result.address} cannot be given: ${result.reason}`,
      };
    case "contended":
      throw contended();
    case "invalidBlock":
      throw invalidBlock(result);
  }
}

/** `pods: 253 of 256 in use, 3 reserved`. */
function useInWords({ pool, addresses, inUse, resting, reserved }: PoolUse): string {
  return [
    `${pool}: ${inUse} of ${addresses} in use`,
    ...(reserved > 0n ? [`${reserved} reserved`] : []),
    ...(resting > 0n ? [`${resting} resting since given back`] : []),
  ].join(", ");
}

function releaseError(result: Exclude<ReleaseResult, { kind: "released" | "conflict" }>): CniError {
  return result.kind === "contended" ? contended() : invalidBlock(result);
}

function podIsGone(): CniError {
  return new CniError({ code: "TRY_AGAIN_LATER", message: "the pod is gone, or another one has its name by now" });
}

function contended(): CniError {
  return new CniError({ code: "TRY_AGAIN_LATER", message: "other nodes changed the same address blocks each time" });
}

function invalidBlock({ block, problems }: { readonly block: string; readonly problems: readonly string[] }): CniError {
  return new CniError({
    code: "INTERNAL",
    message: `the address block ${block} in the datastore is damaged, and left as it is`,
    details: problems.join("; "),
  });
}
