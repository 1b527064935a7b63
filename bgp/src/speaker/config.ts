/** What a speaker is told to be. Plain data: it comes over a thread boundary and from files. */
import type { Family } from "@brindle/net";

export interface SpeakerConfig {
  readonly asn: number;
  /** The BGP identifier as a dotted quad. */
  readonly bgpId: string;
  /** Where to accept connections; empty for a speaker that only dials. */
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly peers: readonly PeerConfig[];
}

export interface PeerConfig {
  /** Unique, stable, and what a person reads: `mesh/node2`, `peer/tor-a`. */
  readonly name: string;
  /** `mesh` and `peer` only group the output of `bgp peers`; they change nothing in the protocol. */
  readonly role: "mesh" | "peer";
  readonly address: string;
  readonly port: number;
  readonly asn: number;
  /** The source address of our connections, and the one on which the peer's must arrive. */
  readonly localAddress?: string;
  /** Wait for the peer to dial. */
  readonly passive: boolean;
  readonly holdSeconds: number;
  readonly connectRetrySeconds: number;
  readonly families: readonly Family[];
  /** Our own address of each family, sent as next hop. The connection's address serves where it has the family. */
  readonly nextHop: { readonly 4?: string; readonly 6?: string };
  readonly importPolicy: RoutePolicy;
  readonly exportPolicy: RoutePolicy;
}

/**
 * Which prefixes pass. `accept: "all"` passes everything; a list passes what a row contains and nothing else, so an
 * empty list passes nothing (RFC 8212: what nobody configured is not exchanged).
 */
export interface RoutePolicy {
  readonly accept: "all" | readonly PrefixMatch[];
}

export interface PrefixMatch {
  /** Prefixes inside this one … */
  readonly prefix: string;
  /** … whose length is between these, both included. */
  readonly minLength: number;
  readonly maxLength: number;
}
