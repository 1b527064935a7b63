export {
  type ControlHandler,
  type ControlServer,
  type ControlServerOptions,
  type JsonCodec,
  serveControl,
} from "./control.ts";
export { type CallOptions, callControl, streamControl } from "./controlClient.ts";
export { DirectRoutes } from "./directRoutes.ts";
export { type FlowEvents, type FlowEventsOptions, openFlowEvents } from "./flowEvents.ts";
export { FlowSocket, type FlowSocketOptions, openFlowSocket } from "./flowSocket.ts";
export { IpsetSocket, type IpsetSocketOptions, openIpsetSocket } from "./ipsetSocket.ts";
export type { KernelEvent, Watch, WatchExceptions, WatchedKind } from "./kernelWatch.ts";
export {
  closeSocket,
  getSocketName,
  getSocketOption,
  interfaceNameOf,
  openSocket,
  receiveFrom,
  scheduleFirst,
  sendTo,
  setSocketOption,
  socketDomain,
  socketType,
} from "./libc.ts";
export { watchLinkRemovals } from "./linkRemovals.ts";
export { type LogSocket, type LogSocketOptions, openLogSocket } from "./logSocket.ts";
export { giveBackMemory } from "./memory.ts";
export {
  insideNamespace,
  isOwnNamespace,
  makeNamespace,
  type NamespaceReference,
  type OpenNamespace,
  openNamespace,
  warmThreadPool,
} from "./namespace.ts";
export { type NeighborDiscovery, openNeighborDiscovery } from "./neighborDiscovery.ts";
export type { NamedRequest, RequestOutcome } from "./netlinkExchange.ts";
export { type NetlinkPort, type NetlinkPortOptions, openNetlinkPort } from "./netlinkPort.ts";
export { NetlinkSocket, type NetlinkSocketOptions } from "./netlinkSocket.ts";
export { peerUser } from "./peerCredentials.ts";
export { type ChangeOutcome, openRouteSocket, RouteSocket, type RouteSocketOptions } from "./routeSocket.ts";
export { openRuleCounters, type RuleCounters, type RuleCountersOptions } from "./ruleCounters.ts";
export { deleteLinkGroupAside } from "./slowRequest.ts";
export { ensureSysctl, readSysctl, SysctlDirectory, type SysctlPath, writeSysctl } from "./sysctl.ts";
export {
  detectTablesBackend,
  listChains,
  openTables,
  type SaveOptions,
  type Tables,
  type TablesOptions,
} from "./tables.ts";
export {
  descriptorOf,
  firstHopLimit,
  keepFirstPackets,
  openTcpListener,
  openTcpSocket,
  type PasswordRange,
  setHopLimit,
  setHopLimitMin,
  setTcpPassword,
  tcpPasswordBytesMax,
} from "./tcpSocket.ts";
export {
  anyAddress,
  openUdpSocket,
  sendDatagram,
  type UdpDestination,
  type UdpSocketOptions,
  udpDestination,
} from "./udpSocket.ts";
