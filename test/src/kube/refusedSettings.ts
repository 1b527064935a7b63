/** What is refused of the kinds that configure processes and sessions of a fabric. */
import { brindleApiVersion } from "@brindle/api";
import type { RefusedSample } from "./refusedSamples.ts";

function felix(name: string, spec: object, isCaughtByApiServer: boolean, of = "default"): RefusedSample {
  const resource = { apiVersion: "projectcalico.org/v3", kind: "FelixConfiguration", metadata: { name: of }, spec };
  return { name: `a FelixConfiguration with ${name}`, isCaughtByApiServer, resource };
}

function peer(name: string, spec: object, isCaughtByApiServer: boolean): RefusedSample {
  const resource = { apiVersion: brindleApiVersion, kind: "FabricPeer", metadata: { name: "sample" }, spec };
  return { name: `a FabricPeer with ${name}`, isCaughtByApiServer, resource };
}

function agent(name: string, spec: object, of: string): RefusedSample {
  const resource = { apiVersion: brindleApiVersion, kind: "AgentConfiguration", metadata: { name: of }, spec };
  return { name: `an AgentConfiguration ${name}`, isCaughtByApiServer: true, resource };
}

const tor = { peerIP: "192.0.2.1" };

export const refusedSettings: readonly RefusedSample[] = [
  felix("an action that none is", { chainInsertMode: "Before" }, true),
  felix("a port past the last", { healthPort: 65536 }, true),
  felix("a duration without a unit", { netlinkTimeout: "10" }, true),
  felix("both forms of the ranges of tables", { routeTableRange: { min: 1, max: 2 }, routeTableRanges: [] }, true),
  felix("a selector for all", { nodeSelector: "all()" }, true),
  felix("a selector for one node", { nodeSelector: "all()" }, true, "node.node1"),
  felix("a table of the kernel's", { routeTableRange: { min: 1, max: 254 } }, true),
  felix("a range of tables backwards", { routeTableRanges: [{ min: 9, max: 8 }] }, false),
  felix("an address of the other family", { natOutgoingAddress: "fd00::1" }, false),
  peer("nobody", {}, true),
  peer("two ways to say who", { ...tor, interface: "eth0", asNumber: 1 }, true),
  peer("a node and a selector", { ...tor, node: "node1", nodeSelector: "all()" }, true),
  peer("no AS of a router that nobody named", { interface: "eth0" }, true),
  peer("an AS and a label for it", { ...tor, asNumber: 1, asNumberFromNodeLabel: "as" }, true),
  peer("nodes of an AS", { peerSelector: "all()", asNumber: 1 }, true),
  peer("a range that is dialled", { range: "192.0.2.0/24", asNumber: 1, passive: false }, true),
  peer("a passive end that dials again", { ...tor, passive: true, connectRetryTime: "5s" }, true),
  peer("a role inside the AS", { ...tor, peerType: "Internal", role: "Peer" }, true),
  peer("a strict role without a role", { ...tor, strictRole: true }, true),
  peer("BFD over several hops of one link", { interface: "e0", asNumber: 1, bfd: { mode: "Multihop" } }, true),
  peer("no family", { ...tor, families: [] }, true),
  peer("a limit of no routes", { ...tor, maxPrefixes: { limit: 0 } }, true),
  peer("a hold time of two seconds", { ...tor, holdTime: "2s" }, false),
  peer("keepalives half the hold time apart", { ...tor, holdTime: "10s", keepaliveTime: "5s" }, false),
  peer("a gateway of the other family", { ...tor, reachableBy: "2001:db8::1" }, false),
  peer(
    "a time to restart where nothing ends",
    { ...tor, maxPrefixes: { limit: 9, action: "Warn", restartAfter: "1m" } },
    false,
  ),
  peer("a message of too many bytes", { ...tor, administrativeShutdown: { message: "é".repeat(128) } }, false),
  agent("for a node without its prefix", {}, "node1"),
  agent("for one node about all addresses", { ipam: {} }, "node.node1"),
  agent("about an MTU too small for IPv6", { podMTU: 1000 }, "default"),
];
