import type { Resource } from "./resource.ts";

export interface BGPPeerSpec {
  /** The nodes that peer: one by name, several by selector, all where neither is given. */
  readonly node?: string;
  readonly nodeSelector?: string;
  /** `address`, `address:port` or `[v6]:port`. */
  readonly peerIP?: string;
  readonly peerSelector?: string;
  readonly asNumber?: number;
}

export type BGPPeer = Resource<"BGPPeer", BGPPeerSpec>;
