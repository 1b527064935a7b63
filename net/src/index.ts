export * from "./address.ts";
export { ControlError, type ControlTransportCode } from "./controlError.ts";
export { type KernelSet, type SetDefinition, type SetType, setNameBytesMax } from "./ipset/message.ts";
export type { SetChange } from "./ipset/setChange.ts";
export {
  formatSetElement,
  type InterfaceElement,
  type PortElement,
  parseSetElement,
  type SetElement,
  setProtocol,
  splitForSet,
} from "./ipset/setElement.ts";
export type { TablesBackend } from "./iptables/backend.ts";
export type { RuleArguments } from "./iptables/ruleText.ts";
export {
  type Counters,
  parseSavedTables,
  type SavedChain,
  type SavedRule,
  type SavedTable,
} from "./iptables/savedTable.ts";
export {
  type ChainContent,
  chainNameBytesMax,
  type HookChange,
  renderTransactions,
  type TableName,
  type TableTransaction,
} from "./iptables/transaction.ts";
export * from "./kernelError.ts";
export { decodeFlow, type Flow, type FlowTuple } from "./netfilter/flow.ts";
export { decodeIpPacket, type IpPacket } from "./netfilter/ipPacket.ts";
export type { HookName, LoggedPacket } from "./netfilter/log.ts";
export type { RuleCount } from "./netfilter/ruleCounters.ts";
export {
  type InterfaceAddress,
  type KernelAddress,
  scope,
} from "./netlink/interfaceAddress.ts";
export type {
  AddressGeneration,
  Ipv4Settings,
  Link,
  LinkReference,
  LinkSettings,
  NewLink,
  NewPeer,
  VxlanSettings,
} from "./netlink/link.ts";
export type { ForwardingEntry, Neighbour, NeighbourState } from "./netlink/neighbour.ts";
export type { NeighbourTable } from "./netlink/neighbourTable.ts";
export type { NextHop } from "./netlink/nextHop.ts";
export type { NewQdisc, Qdisc } from "./netlink/qdisc.ts";
export { type IngressFilter, isOurRedirect, type Redirect, redirectPriority } from "./netlink/redirect.ts";
export { describeChange, type KernelChange } from "./netlink/request.ts";
export {
  type NewRoute,
  type Route,
  type RouteFilter,
  type RouteKind,
  type RouteLookup,
  routeProtocol,
  routeTable,
} from "./netlink/route.ts";
export type { SourceRule } from "./netlink/rule.ts";
export type { TokenBucket } from "./netlink/tokenBucket.ts";
export * from "./prefix.ts";
export { type PrefixEntry, PrefixTable } from "./prefixTable.ts";
