/** What goes between the agent and the thread that wires pairs, and how failures get across. */
import type { Attachment } from "@brindle/cni";
import { type Address, type Family, KernelError, type KernelFailure, type Link } from "@brindle/net";
import { AgentError, type AgentFailure } from "../../error.ts";

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

/** An error is copied from thread to thread without its class. What it says may go to a runtime; where it was thrown and why may not. */
export type CarriedFailure = (
  | { readonly of: "kernel"; readonly failure: KernelFailure }
  | { readonly of: "agent"; readonly failure: AgentFailure }
  | { readonly of: "other"; readonly text: string }
) & { readonly stack: string | undefined; readonly cause: CarriedFailure | null };

export function carried(error: unknown): CarriedFailure {
  if (!(error instanceof Error)) return { of: "other", text: String(error), stack: undefined, cause: null };
  const beside = { stack: error.stack, cause: error.cause === undefined ? null : carried(error.cause) };
  if (error instanceof KernelError) return { of: "kernel", failure: error.failure, ...beside };
  if (error instanceof AgentError) return { of: "agent", failure: error.failure, ...beside };
  return { of: "other", text: error.message, ...beside };
}

export function arrived(failure: CarriedFailure): Error {
  const error = sameClass(failure, failure.cause ? { cause: arrived(failure.cause) } : {});
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}

function sameClass(failure: CarriedFailure, options: ErrorOptions): Error {
  switch (failure.of) {
    case "kernel":
      return new KernelError(failure.failure, options);
    case "agent":
      return new AgentError(failure.failure, options);
    case "other":
      return new Error(failure.text, options);
  }
}
