/**
 * What a pod asks for beyond the addresses that it is given: networks to send from as well, and floating addresses, by which it
 * is reached as well. The cluster has to allow both. What is not allowed is refused here, where the pod's owner sees it;
 * Calico's plugin lets such a pod be made, and its other parts then cut it off.
 */
import { unmanagedAnnotation } from "@brindle/api";
import { type Address, formatAddress, formatPrefix, type Prefix } from "@brindle/net";
import type { Attachment } from "./attachment.ts";
import { CniError } from "./error.ts";

export interface Beyond {
  readonly sources: readonly Prefix[];
  readonly floating: readonly Address[];
}

/** As far as the cluster has a say in it. */
export interface BeyondOwn {
  /** `workloadSourceSpoofing` of the FelixConfiguration is Any. */
  maySpoof(): boolean;
  /** `floatingIPs` of the FelixConfiguration is Enabled. */
  mayFloat(): boolean;
  /** Why it cannot float to this pod, in words; `null` where it can. */
  refusal(floating: Address, attachment: Attachment): Promise<FloatingRefusal | null>;
  /** Why it cannot be the pod's own without an IPPool that gives it, in words; `null` where it can. */
  unmanagedRefusal(address: Address, attachment: Attachment): Promise<FloatingRefusal | null>;
  /** Another pod to which the address floats: it is nobody's to be given. */
  floatsTo(address: Address, attachment: Attachment): string | null;
  /** `namespace/name` of another endpoint that has the address without an IPPool's giving: it is nobody's to be given. */
  unmanagedBy(address: Address, attachment: Attachment): string | null;
  /** Keeps others from asking for the same at the same time, from now on. */
  hold(addresses: readonly Address[], attachment: Attachment): AddressHold;
}

/** Ends with the ADD; what that has stored is kept from others until everybody knows. */
export interface AddressHold extends Disposable {
  /** Which of the addresses somebody has asked for before, and who, in words; `null` where nobody has. */
  refusal(): Promise<{ readonly address: string; readonly reason: string } | null>;
  /** From now on the endpoint may be stored. */
  storing(): void;
}

export interface FloatingRefusal {
  readonly reason: string;
  /** It would be the same at the next try. */
  readonly isFinal: boolean;
}

/** Where nobody can tell, none is allowed. */
export const nothingBeyond: BeyondOwn = {
  maySpoof: () => false,
  mayFloat: () => false,
  refusal: async () => null,
  unmanagedRefusal: async () => null,
  floatsTo: () => null,
  unmanagedBy: () => null,
  hold: () => ({ refusal: async () => null, storing: () => {}, [Symbol.dispose]: () => {} }),
};

const sourcesName = "cni.projectcalico.org/allowedSourcePrefixes";
const floatingName = "cni.projectcalico.org/floatingIPs";

/** What a pod asks for as its own. */
export interface AskedAsOwn {
  readonly addresses?: readonly Address[];
  readonly unmanaged?: readonly Address[];
}

/** Before anything is looked for: who asks second is refused, whatever is known of the first. */
export async function requireFirst(hold: AddressHold): Promise<void> {
  const refusal = await hold.refusal();
  if (!refusal) return;
  const message = `the address ${refusal.address} cannot be given: it ${refusal.reason}`;
  throw new CniError({ code: "TRY_AGAIN_LATER", message });
}

/** Before addresses are given. */
export async function requireAllowed(
  { sources, floating, addresses = [], unmanaged = [] }: Beyond & AskedAsOwn,
  attachment: Attachment,
  beyond: BeyondOwn,
): Promise<void> {
  requireUnclaimed(addresses, { attachment, beyond });
  for (const address of unmanaged)
    refuse(unmanagedAnnotation, address, await beyond.unmanagedRefusal(address, attachment));
  requireUnclaimed(unmanaged, { attachment, beyond });
  if (sources.length > 0 && !beyond.maySpoof()) {
    const message = `${sourcesName}: pods send from their own addresses alone: remove it, or have workloadSourceSpoofing set to Any in the FelixConfiguration`;
    throw new CniError({ code: "INVALID_CONFIG", message });
  }
  if (floating.length > 0 && !beyond.mayFloat()) {
    const message = `${floatingName}: addresses float to no pod: remove it, or have floatingIPs set to Enabled in the FelixConfiguration`;
    throw new CniError({ code: "INVALID_CONFIG", message });
  }
  for (const address of floating) refuse(floatingName, address, await beyond.refusal(address, attachment));
}

function refuse(name: string, address: Address, refusal: FloatingRefusal | null): void {
  if (!refusal) return;
  const message = `${name}: ${formatAddress(address)} ${refusal.reason}`;
  throw new CniError({ code: refusal.isFinal ? "INVALID_CONFIG" : "TRY_AGAIN_LATER", message });
}

/** Once the pod has its addresses. */
export function requireFitting(
  { sources, floating }: Beyond,
  given: readonly Address[],
  { attachment, beyond }: { readonly attachment: Attachment; readonly beyond: BeyondOwn },
): void {
  const lacks = (family: number): boolean => !given.some((address) => address.family === family);
  const asked = [
    ...sources.map((prefix) => ({ name: sourcesName, text: formatPrefix(prefix), family: prefix.address.family })),
    ...floating.map((address) => ({ name: floatingName, text: formatAddress(address), family: address.family })),
  ];
  for (const { name, text, family } of asked) {
    if (!lacks(family)) continue;
    throw new CniError({ code: "INVALID_CONFIG", message: `${name}: ${text}: the pod has no IPv${family} address` });
  }
  requireUnclaimed(given, { attachment, beyond });
}

/**
 * Once the watch has told the endpoint, and with it all that was stored before: of two nodes whose pods ask for one address at the
 * same moment, the later one sees the earlier here at the latest. Both may, and then both try again.
 */
export function requireUndisputed(
  { unmanaged, floating }: Pick<Beyond, "floating"> & Required<Pick<AskedAsOwn, "unmanaged">>,
  attachment: Attachment,
  beyond: BeyondOwn,
): void {
  requireUnclaimed([...unmanaged, ...floating], { attachment, beyond });
}

function requireUnclaimed(
  addresses: readonly Address[],
  { attachment, beyond }: { readonly attachment: Attachment; readonly beyond: BeyondOwn },
): void {
  for (const address of addresses) {
    const pod = beyond.floatsTo(address, attachment);
    const owner = beyond.unmanagedBy(address, attachment);
    if (pod === null && owner === null) continue;
    const why = pod === null ? `the WorkloadEndpoint ${owner} has it past IPPools` : `it floats to the pod ${pod}`;
    const message = `the address ${formatAddress(address)} cannot be given: ${why}`;
    throw new CniError({ code: "TRY_AGAIN_LATER", message });
  }
}
