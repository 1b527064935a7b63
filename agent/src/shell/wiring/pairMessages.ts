/** What goes between the agent and the thread that wires pairs, and how failures get across. */
import { type Attachment, CniError, type CniFailure } from "@brindle/cni";
import { type Address, type Family, KernelError, type KernelFailure, type Link } from "@brindle/net";

/** What is answered bears a number; a pair has the same one from `make` on. */
export type ToPairThread =
  /** The namespace of a node, whose pairs name it by `node`. */
  | { readonly type: "enter"; readonly id: number; readonly namespace: number }
  | { readonly type: "leave"; readonly id: number }
  | ({ readonly type: "make" } & PairOrder)
  | ({ readonly type: "finish" } & PairEnding)
  /** The pair is nobody's any more. */
  | { readonly type: "forget"; readonly id: number }
  /** The thread ends, once nothing is under way. */
  | { readonly type: "end" };

/** A pair that is down, with all that has to be so before it is up. */
export interface PairOrder extends Preparation {
  readonly id: number;
  readonly node: number;
  readonly attachment: Attachment & { readonly netns: string };
  readonly mtu: number;
  readonly queues: number;
}

/** What of the kernel's settings depends on the pod. */
export interface Preparation {
  readonly families: readonly Family[];
  /** Whether the pod may send from addresses that are not routed to it. */
  readonly sendsBeyond: boolean;
}

/** Addresses and routes, and both ends up. */
export interface PairEnding {
  readonly id: number;
  readonly host: Pick<Link, "index" | "name" | "peerIndex">;
  readonly addresses: readonly Address[];
  /** Where it was not made so. */
  readonly preparation: Preparation | null;
}

export type FromPairThread =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly id: number; readonly value: unknown }
  | { readonly type: "failed"; readonly id: number; readonly failure: CarriedFailure };

export type MadePair =
  | { readonly kind: "made"; readonly host: Link }
  /** An interface has one of the names. */
  | { readonly kind: "taken"; readonly host: Link | null; readonly peer: Link | null };

/** An error is copied from thread to thread without its class. */
export type CarriedFailure =
  | { readonly of: "kernel"; readonly failure: KernelFailure }
  | { readonly of: "cni"; readonly failure: CniFailure }
  | { readonly of: "other"; readonly text: string };

export function carried(error: unknown): CarriedFailure {
  if (error instanceof KernelError) return { of: "kernel", failure: error.failure };
  if (error instanceof CniError) return { of: "cni", failure: error.failure };
  return { of: "other", text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function arrived(failure: CarriedFailure): Error {
  switch (failure.of) {
    case "kernel":
      return new KernelError(failure.failure);
    case "cni":
      return new CniError(failure.failure);
    case "other":
      return new Error(failure.text);
  }
}
