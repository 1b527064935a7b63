/**
 * The `addresses` port over `ipam` and the store: an attachment's addresses and its endpoint are written, and
 * deleted, in one transaction. So no address is ever held without an endpoint that says by whom.
 */
import type { Item, Key, Store, WorkloadEndpoint, Write } from "@brindle/api";
import type { AssignResult, Allocator as IpamAllocator, ReleaseResult } from "@brindle/ipam";
import type { Family } from "@brindle/net";
import { type Attachment, handleOf } from "./attachment.ts";
import { CniError } from "./error.ts";
import type { Addresses, AddressRequest, AssignOutcome } from "./ports.ts";
import { endpointKey, networkProfile } from "./workloadEndpoint.ts";

export interface AllocatedAddressesPorts {
  readonly allocator: Pick<IpamAllocator, "assign" | "release">;
  readonly store: Pick<Store, "get" | "commit">;
}

/** Each time somebody else wrote this endpoint in between; nobody but us and a label controller does. */
const attemptsMax = 10;

export class AllocatedAddresses implements Addresses {
  readonly #node: string;
  readonly #ports: AllocatedAddressesPorts;

  constructor(node: string, ports: AllocatedAddressesPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  async assign(request: AddressRequest): Promise<AssignOutcome> {
    const { attachment } = request;
    if (attachment.workload.orchestrator === "cni") await this.#ensureProfile(attachment.network);
    // Most often there is no endpoint yet. If there is, the conflict brings it along.
    let present: Item<"WorkloadEndpoint"> | null = null;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const result = await this.#ports.allocator.assign({
        ...wantedOf(request),
        extraWrites: (held) => [endpointWrite(request.endpoint(held.map(({ address }) => address)), present)],
      });
      if (result.kind !== "conflict") return outcomeOf(result);
      present = await this.#endpoint(attachment);
    }
    throw contended();
  }

  async release(attachment: Attachment): Promise<void> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const endpoint = await this.#endpoint(attachment);
      // A newer container of the same pod has the endpoint by now: it stays, and only our addresses go.
      const isOurs = endpoint?.value.spec.containerID === attachment.containerId;
      const result = await this.#ports.allocator.release(handleOf(attachment), {
        extraWrites: endpoint && isOurs ? [{ op: "delete", key: endpoint.key, revision: endpoint.revision }] : [],
      });
      if (result.kind === "released") return;
      if (result.kind !== "conflict") throw releaseError(result);
    }
    throw contended();
  }

  #endpoint(attachment: Attachment): Promise<Item<"WorkloadEndpoint"> | null> {
    return this.#ports.store.get({ kind: "WorkloadEndpoint", ...endpointKey(attachment, this.#node) });
  }

  /** A conflict means that another ADD has just made it. */
  async #ensureProfile(network: string): Promise<void> {
    const { store } = this.#ports;
    const key: Key<"Profile"> = { kind: "Profile", name: network };
    if (!(await store.get(key))) await store.commit([{ op: "create", key, value: networkProfile(network) }]);
  }
}

function wantedOf({ attachment, handle, ipam }: AddressRequest) {
  const families: Family[] = [...(ipam.assignIpv4 ? [4 as const] : []), ...(ipam.assignIpv6 ? [6 as const] : [])];
  const { workload } = attachment;
  const attributes: Record<string, string> =
    workload.orchestrator === "k8s" ? { namespace: workload.namespace, pod: workload.pod } : {};
  const pools = {
    ...(ipam.ipv4Pools.length > 0 ? { 4: ipam.ipv4Pools } : {}),
    ...(ipam.ipv6Pools.length > 0 ? { 6: ipam.ipv6Pools } : {}),
  };
  return { handleId: handle, attributes, families, pools };
}

/** The endpoint of the same container keeps what others have added to it since, such as labels. */
function endpointWrite(value: WorkloadEndpoint, present: Item<"WorkloadEndpoint"> | null): Write {
  const { name, namespace = "default" } = value.metadata;
  const key: Key<"WorkloadEndpoint"> = { kind: "WorkloadEndpoint", namespace, name };
  if (!present) return { op: "create", key, value };
  const isSame = present.value.spec.containerID === value.spec.containerID;
  const labels = { ...present.value.metadata.labels, ...value.metadata.labels };
  const metadata = isSame ? { ...present.value.metadata, ...value.metadata, labels } : value.metadata;
  return { op: "update", key, value: { ...value, metadata }, revision: present.revision };
}

function outcomeOf(result: Exclude<AssignResult, { kind: "conflict" }>): AssignOutcome {
  switch (result.kind) {
    case "assigned":
      return { ...result, addresses: result.addresses.map(({ address }) => address) };
    case "noPool": {
      const why = result.refused.map(({ pool, reason }) => `${pool}: ${reason}`).join("; ");
      return {
        kind: "refused",
        reason: `no IPPool gives IPv${result.family} addresses to this pod${why && ` (${why})`}`,
      };
    }
    case "poolExhausted": {
      const pools = result.pools.map(({ pool, inUse, addresses }) => `${pool}: ${inUse} of ${addresses} in use`);
      return { kind: "exhausted", reason: `no IPv${result.family} address is left (${pools.join("; ")})` };
    }
    case "contended":
      throw contended();
    case "invalidBlock":
      throw invalidBlock(result);
  }
}

function releaseError(result: Exclude<ReleaseResult, { kind: "released" | "conflict" }>): CniError {
  return result.kind === "contended" ? contended() : invalidBlock(result);
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
