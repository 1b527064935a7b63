/**
 * Chains as data, between policies and any dataplane. Sets stand here under their base names; which generation of a
 * set a rule is to use is only known when a plan is made (plan/sets.ts).
 */
import type { Address, Prefix } from "@brindle/net";
import type { PortRange } from "../ports.ts";

export type Side = "source" | "destination";

export type Match =
  | { readonly kind: "protocol"; readonly protocol: number; readonly negated: boolean }
  | { readonly kind: "net"; readonly side: Side; readonly net: Prefix; readonly negated: boolean }
  /** By address, or by address, protocol and port together. */
  | {
      readonly kind: "set";
      readonly side: Side;
      readonly set: string;
      readonly withPort: boolean;
      readonly negated: boolean;
    }
  /** By address and interface together: of the source that by which a packet came in, of the destination the other. */
  | { readonly kind: "ends"; readonly side: Side; readonly set: string }
  /** At most 15 numbers; a range counts as two. */
  | { readonly kind: "ports"; readonly side: Side; readonly ranges: readonly PortRange[]; readonly negated: boolean }
  | { readonly kind: "icmp"; readonly type: number; readonly code: number | null; readonly negated: boolean }
  /** All bits of the mark are set; negated: none of it need be. */
  | { readonly kind: "mark"; readonly mark: number; readonly negated: boolean }
  /** The same of the packet's flow, in conntrack. */
  | { readonly kind: "flowMark"; readonly mark: number }
  /** No more than that many packets a second. */
  | { readonly kind: "limit"; readonly perSecond: number }
  /** The same with another unit, as `100/minute`, and with how many may come at once. */
  | { readonly kind: "rate"; readonly rate: string; readonly burst: number }
  | { readonly kind: "connection"; readonly states: readonly ("NEW" | "ESTABLISHED" | "RELATED" | "INVALID")[] }
  /** With the packet's own, more than that many at a time have come this way. */
  | { readonly kind: "connections"; readonly above: number }
  /** A name that ends in `+` stands for all that begin so. */
  | { readonly kind: "interface"; readonly direction: "in" | "out"; readonly name: string };

export type Target =
  | { readonly kind: "accept" | "drop" | "reject" | "return" | "masquerade" }
  /** A TCP connection is refused, so that who asks for it need not wait. */
  | { readonly kind: "reset" }
  /** Of a flow's packets, in the table nat alone: where they are for, or whom they are from. */
  | { readonly kind: "dnat" | "snat"; readonly to: Address }
  /** 0 to 63: in the table mangle alone. */
  | { readonly kind: "setCodepoint"; readonly codepoint: number }
  /** Conntrack is to know nothing of the packet: in the table raw alone. */
  | { readonly kind: "untrack" }
  | { readonly kind: "log"; readonly prefix: string }
  /** The packet's first bytes go to whoever listens to the group, and the packet goes on. */
  | { readonly kind: "tell"; readonly group: number; readonly bytes: number }
  /** `goto` returns to where its caller would have returned to. */
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  | { readonly kind: "setMark" | "clearMark"; readonly mark: number };

export interface ChainRule {
  readonly matches: readonly Match[];
  readonly target: Target;
  /** Who wants the rule, for people and for counters. */
  readonly comment: string;
  /**
   * The kernel does not get the comment, since each packet of a known flow meets the rule, and to look at a comment takes as
   * long as to look at an interface. It is told from others by its words, which have to be those in which iptables saves it.
   */
  readonly isBare?: true;
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly ChainRule[];
  /** No packet meets two of its rules but the last, so that the order of those before it means nothing. */
  readonly isDispatch?: true;
}

/** A rule of ours in a chain of the kernel's: before all others, or behind those that are there. */
export interface Hook {
  readonly chain: "PREROUTING" | "FORWARD" | "INPUT" | "OUTPUT" | "POSTROUTING";
  readonly place: "first" | "last";
  readonly rule: ChainRule;
}

export interface TableContent {
  readonly chains: readonly Chain[];
  readonly hooks: readonly Hook[];
}
