/** The way of a packet over this node, as far as host endpoints have a say in it. */
import { type Address, addressBits } from "@brindle/net";
import { type HostGate, hostGates } from "../render/hostChains.ts";

export interface Passage {
  /** The interface by which it comes in; `null` for what a process of the node sends. */
  readonly from: string | null;
  /** The interface by which it leaves; `null` for what a process of the node gets. */
  readonly to: string | null;
}

/** What is known of the node beside its policy. */
export interface NodeNetwork {
  /** What the node sends by itself meets no chain of a pod. */
  isOwn(address: Address): boolean;
  /** The interfaces by which it speaks with an address that is neither its own nor a pod's: none where that is not known. */
  towards(address: Address): readonly string[];
}

/** Of a node without host endpoints nothing more need be known. */
export const noNetwork: NodeNetwork = { isOwn: () => false, towards: () => [] };

export type HookOfPassage = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT";

/** A place where chains are asked: those of a host's interface, or those of the pod at one end. */
export type Station = HostStation | { readonly kind: "fromPod" | "toPod"; readonly hook: HookOfPassage };

export interface HostStation {
  readonly kind: "host";
  readonly hook: HookOfPassage;
  readonly gate: HostGate;
}

const host = (hook: HookOfPassage, gate: HostGate): HostStation => ({ kind: "host", hook, gate });

const comingIn: readonly Station[] = [host("PREROUTING", hostGates.rawIn), host("PREROUTING", hostGates.preDnat)];
const forwarded: readonly Station[] = [
  host("FORWARD", hostGates.forwardIn),
  { kind: "fromPod", hook: "FORWARD" },
  { kind: "toPod", hook: "FORWARD" },
  host("FORWARD", hostGates.forwardOut),
];
const goingOut: readonly Station[] = [host("OUTPUT", hostGates.rawOut), host("OUTPUT", hostGates.output)];

/** In the order in which the kernel comes to them (`render/hostChains.ts` has the drawing). */
export function stationsOf({ from, to }: Passage, isPod: (interfaceName: string) => boolean): readonly Station[] {
  if (from !== null && to !== null) return [...comingIn, ...forwarded];
  if (from !== null) {
    const own: Station = isPod(from) ? { kind: "fromPod", hook: "INPUT" } : host("INPUT", hostGates.input);
    return [...comingIn, own];
  }
  // A node always reaches its own pods; what it sends to itself leaves by no interface that is anyone's.
  return to === null || isPod(to) ? [] : goingOut;
}

/** One that is for many at once: it may be for the node, whatever routes say. */
export function isForMany({ family, value }: Address): boolean {
  const first = Number(value >> BigInt(addressBits[family] - 8));
  return family === 6 ? first === 0xff : first >= 224;
}
