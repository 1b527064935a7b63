/**
 * What of an attachment's wiring is not as `plan.ts` has it made, in words, for CHECK. The same changes that ADD makes are
 * what is looked for, so that the two cannot come apart. What later plugins of a list may change in a container is left to
 * them: its hardware address and MTU, which the promise says, more addresses and routes, and the table that routes are in.
 */
import type { Attachment, LinkCheck, Promised } from "@brindle/cni";
import {
  type Address,
  formatAddress,
  formatPrefix,
  type KernelAddress,
  type KernelChange,
  type Link,
  type Neighbour,
  type NewRoute,
  type Route,
  type SourceRule,
  sameAddress,
} from "@brindle/net";
import {
  familiesOf,
  hostChanges,
  hostMac,
  hostSysctls,
  podChanges,
  podSysctls,
  readMark,
  type Sysctl,
} from "./plan.ts";

/** One end of the pair, as it was read; `null` where there is none. */
export interface ObservedEnd {
  readonly link: Link;
  readonly addresses: readonly KernelAddress[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly rules: readonly SourceRule[];
  /** By path; `null` where the kernel has no such setting. */
  readonly sysctls: ReadonlyMap<string, string | null>;
}

export interface Observed {
  readonly host: ObservedEnd | null;
  readonly pod: ObservedEnd | null;
}

/** What has to be read of each end beside its interface. */
export function checkedSysctls({ attachment, promised, asksBeyond }: LinkCheck): {
  readonly host: Sysctl[];
  readonly pod: Sysctl[];
} {
  const families = familiesOf(promised.addresses);
  // Of the container's settings those without which nothing works; the others matter while the interface is made.
  const needed = podSysctls(attachment.interfaceName, families).filter(({ path }) => path.endsWith("/disable_ipv6"));
  return {
    // Of a pod that asks to send from others' addresses the cluster says, at any time, how its sources are looked at.
    host: hostSysctls(attachment.hostInterface, families).filter(
      ({ path }) => !(asksBeyond && path.endsWith("/rp_filter")),
    ),
    pod: needed.filter(({ path }) => path.includes(`/${attachment.interfaceName}/`)),
  };
}

export function wiringDifferences(check: LinkCheck, { host, pod }: Observed): string[] {
  const { attachment, promised } = check;
  if (!pod) return [`the container has no interface ${attachment.interfaceName}`];
  if (!host) return [`the node has no interface ${attachment.hostInterface}`];
  const sysctls = checkedSysctls(check);
  const aside = new Set([...familiesOf(promised.addresses)].filter((one) => !promised.defaultFamilies.includes(one)));
  return [
    ...podDifferences(promised, pod, host),
    ...hostDifferences(attachment, promised, host),
    ...changeDifferences("the container", podChanges(pod.link, promised.addresses, aside), pod),
    ...changeDifferences("the node", hostChanges(host.link.index, attachment.mac, promised.addresses), host),
    ...sysctlDifferences("the node", sysctls.host, host),
    ...sysctlDifferences("the container", sysctls.pod, pod),
  ];
}

function podDifferences({ pod: said }: Promised, { link }: ObservedEnd, { link: host }: ObservedEnd): string[] {
  const { name } = link;
  return [
    ...(link.up ? [] : [`${name} is down in the container`]),
    ...(link.kind === "veth" && link.peerIndex === host.index ? [] : [`${name} does not lead to ${host.name}`]),
    ...(said.mac === null || link.mac === said.mac
      ? []
      : [`${name} has the hardware address ${link.mac}, not ${said.mac}`]),
    ...(said.mtu === null || link.mtu === said.mtu ? [] : [`${name} has the MTU ${link.mtu}, not ${said.mtu}`]),
  ];
}

function hostDifferences(attachment: Attachment, { hosts }: Promised, { link }: ObservedEnd): string[] {
  const { name, alias } = link;
  const mark = readMark(alias);
  const isOurs = mark?.containerId === attachment.containerId && mark.interfaceName === attachment.interfaceName;
  const said = hosts.find((other) => other.name === name);
  return [
    ...(isOurs ? [] : [`${name} of the node is not marked as this container's (its alias is "${alias ?? ""}")`]),
    ...(link.up ? [] : [`${name} is down on the node`]),
    ...(link.mac === hostMac ? [] : [`${name} of the node has the hardware address ${link.mac}, not ${hostMac}`]),
    ...(said ? [] : [`its result does not name ${name}, the node's end`]),
    ...(!said?.mtu || said.mtu === link.mtu ? [] : [`${name} of the node has the MTU ${link.mtu}, not ${said.mtu}`]),
  ];
}

function changeDifferences(where: string, changes: readonly KernelChange[], end: ObservedEnd): string[] {
  return changes.flatMap((change) => {
    switch (change.op) {
      case "replaceAddress":
        return addressDifferences(where, change.address.address.address, end);
      case "replaceRoute":
        return hasRoute(change.route, end) ? [] : [`${where} lacks ${routeText(change.route)} by ${end.link.name}`];
      case "replaceNeighbour":
        return neighbourDifferences(where, change.neighbour, end);
      case "addRule":
        return hasRule(change.rule, end)
          ? []
          : [`${where} lacks a rule for what comes from ${formatPrefix(change.rule.source)}`];
      default:
        return [];
    }
  });
}

function addressDifferences(where: string, wanted: Address, { link, addresses }: ObservedEnd): string[] {
  const text = formatAddress(wanted);
  const found = addresses.find(({ address }) => sameAddress(address.address, wanted));
  if (!found) return [`${where} lacks ${text} on ${link.name}`];
  return found.dadFailed ? [`${text} on ${link.name} is somebody else's too (duplicate address detection failed)`] : [];
}

function hasRoute(wanted: NewRoute, { link, routes }: ObservedEnd): boolean {
  const [hop] = wanted.nextHops ?? [];
  const text = formatPrefix(wanted.destination);
  return routes.some(
    (route) =>
      formatPrefix(route.destination) === text &&
      (wanted.metric === undefined || route.metric === wanted.metric) &&
      route.nextHops.some(
        ({ interfaceIndex, gateway }) => interfaceIndex === link.index && sameGateway(gateway, hop?.gateway),
      ),
  );
}

/** A later plugin may have moved it to a table of its own. */
function hasRule({ source }: SourceRule, { rules }: ObservedEnd): boolean {
  return rules.some((rule) => formatPrefix(rule.source) === formatPrefix(source));
}

function sameGateway(a: Address | null | undefined, b: Address | null | undefined): boolean {
  return a && b ? sameAddress(a, b) : !a && !b;
}

function routeText({ destination, nextHops = [] }: NewRoute): string {
  const [hop] = nextHops;
  return `the route ${formatPrefix(destination)}${hop?.gateway ? ` via ${formatAddress(hop.gateway)}` : ""}`;
}

/** One that the kernel learns and forgets by itself proves nothing. */
function neighbourDifferences(where: string, { address, mac, state }: Neighbour, end: ObservedEnd): string[] {
  if (state !== "permanent") return [];
  const found = end.neighbours.find((one) => sameAddress(one.address, address));
  if (found?.mac === mac && found?.state === "permanent") return [];
  return [`${where} does not know ${formatAddress(address)} at ${mac} for good on ${end.link.name}`];
}

function sysctlDifferences(where: string, wanted: readonly Sysctl[], { sysctls }: ObservedEnd): string[] {
  return wanted.flatMap(({ path, value }) => {
    const found = sysctls.get(path);
    // A kernel without IPv6 has none of its settings.
    if (found === undefined || found === null || found === String(value)) return [];
    return [`${where} has the setting ${path.replaceAll("/", ".")} ${found}, not ${value}`];
  });
}
