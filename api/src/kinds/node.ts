import type { Resource } from "./resource.ts";

export interface NodeSpec {
  readonly bgp?: NodeBgp;
  readonly orchRefs?: readonly { readonly nodeName?: string; readonly orchestrator: string }[];
  readonly addresses?: readonly { readonly address: string; readonly type?: string }[];
}

export interface NodeBgp {
  readonly asNumber?: number;
  /** Address with the length of its subnet, for example `172.30.1.11/24`. */
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly routeReflectorClusterID?: string;
}

export type Node = Resource<"Node", NodeSpec>;
