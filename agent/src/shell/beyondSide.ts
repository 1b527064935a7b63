/** What the cluster allows pods beyond the addresses that they are given, as of now. */
import { felixSettings, type Key, type Store, type WorkloadEndpoint } from "@brindle/api";
import { type AddressHold, type Attachment, type BeyondOwn, endpointKey, type FloatingRefusal } from "@brindle/cni";
import { type Holder, ownerInWords, whoHolds } from "@brindle/ipam";
import { type Address, formatAddress, parseAddress, parseCidr } from "@brindle/net";
import { sourceSpoofing } from "@brindle/policy";
import { AddressesAsked, type AskedAddress } from "../graph/addressesAsked.ts";
import {
  blocksWith,
  isGiven,
  nodeWith,
  ownerOf,
  peerWith,
  poolGiving,
  poolOfServices,
} from "../graph/addressOwners.ts";
import type { ClusterState } from "../graph/clusterState.ts";
import { floatingEnabled } from "../graph/floatingAddresses.ts";

export interface BeyondParts {
  readonly state: ClusterState;
  readonly store: Pick<Store, "get">;
}

export function beyondOwn(node: string, { state, store }: BeyondParts): BeyondOwn {
  const asked = new AddressesAsked();
  const settings = () => {
    const labels = state.all("Node").get(node)?.metadata.labels ?? {};
    return felixSettings({ name: node, labels }, state.all("FelixConfiguration"));
  };
  const idOf = (attachment: Attachment): string => {
    const { namespace, name } = endpointKey(attachment, node);
    return `${namespace}/${name}`;
  };
  const floatsTo = (address: Address, attachment: Attachment): string | null => {
    const own = idOf(attachment);
    return state.floating.of(address).find(({ endpoint }) => endpoint !== own)?.pod ?? null;
  };
  const refusal = async (floating: Address, attachment: Attachment): Promise<FloatingRefusal | null> => {
    if (!isGiven(floating, state)) return { reason: "is in no IPPool that is enabled", isFinal: true };
    const services = poolOfServices(floating, state);
    if (services !== null) return { reason: `is in the IPPool ${services}, which is for Services`, isFinal: true };
    const pod = floatsTo(floating, attachment);
    if (pod !== null) return { reason: `floats to the pod ${pod} already`, isFinal: false };
    return refusalOf(ownerOf(floating, state), floating, { state, store });
  };
  const unmanagedRefusal = async (address: Address, attachment: Attachment): Promise<FloatingRefusal | null> => {
    const pool = poolGiving(address, state);
    if (pool !== null)
      return { reason: `is in the IPPool ${pool}, which may give it to others: use ipAddrs`, isFinal: true };
    const node = nodeWith(address, state);
    if (node !== null) return { reason: `is the address of the node ${node}`, isFinal: true };
    const peer = peerWith(address, state);
    if (peer !== null) return { reason: `is the address of the ${peer}`, isFinal: true };
    return refusalOf(ownerOf(address, state, idOf(attachment)), address, { state, store });
  };
  return {
    unmanagedRefusal,
    unmanagedBy: (address, attachment) => state.unmanaged.holderOf(address, idOf(attachment)),
    maySpoof: () => sourceSpoofing(settings()) === "Any",
    mayFloat: () => floatingEnabled(node, state),
    refusal,
    floatsTo,
    hold: (addresses, attachment) => holdOf(asked, asked.ask(addresses, idOf(attachment)), { state, store }),
  };
}

/** `owner`: an endpoint that has it; else blocks are asked, which hold what no endpoint tells of, as for tunnels. */
async function refusalOf(
  owner: string | null,
  address: Address,
  { state, store }: BeyondParts,
): Promise<FloatingRefusal | null> {
  if (owner !== null) return { reason: `is the own address of the WorkloadEndpoint ${owner}`, isFinal: false };
  for (const cidr of blocksWith(address, state)) {
    const block = await store.get({ kind: "IPAMBlock", name: cidr });
    const use = block && whoHolds([block.value], address);
    if (use?.kind !== "inUse") continue;
    return { reason: `is the own address of ${nameOf(use.holder)}`, isFinal: false };
  }
  return null;
}

function nameOf({ attributes, handleId }: Holder): string {
  const owner = ownerInWords(attributes);
  return owner === null ? (attributes.type ?? handleId ?? "somebody") : `the ${owner}`;
}

function holdOf(asked: AddressesAsked, own: readonly AskedAddress[], { state, store }: BeyondParts): AddressHold {
  /** Who is told of by the watch is refused as any owner is; who is stored and not told of yet, the datastore knows. */
  const holds = async (other: AskedAddress): Promise<boolean> => {
    const stored = await store.get(keyOf(other));
    if (stored && hasAddress(stored.value, other.text)) return true;
    asked.forgetEnded((one) => one === other);
    return false;
  };
  return {
    refusal: async () => {
      asked.forgetEnded((one) => hasAddress(state.get(keyOf(one)), one.text));
      for (const one of own)
        for (const { asked: other, hasEnded } of asked.before(one))
          if (!hasEnded || (await holds(other)))
            return { address: one.text, reason: `is asked for by the WorkloadEndpoint ${other.endpoint} as well` };
      return null;
    },
    storing: () => asked.storing(own),
    [Symbol.dispose]: () => asked.end(own),
  };
}

function keyOf({ endpoint }: AskedAddress): Key<"WorkloadEndpoint"> {
  const [namespace = "", name = ""] = endpoint.split("/");
  return { kind: "WorkloadEndpoint", namespace, name };
}

/** As its own, or floating to it. */
function hasAddress(endpoint: WorkloadEndpoint | undefined, text: string): boolean {
  const { ipNetworks = [], ipNATs = [] } = endpoint?.spec ?? {};
  const own = ipNetworks.map((cidr) => parseCidr(cidr)?.address ?? null);
  const floating = ipNATs.map(({ externalIP }) => parseAddress(externalIP));
  return [...own, ...floating].some((address) => address !== null && formatAddress(address) === text);
}
