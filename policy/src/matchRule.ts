/** Whether one rule matches one packet, and if not, why: in words for `explain`, checked in a fixed order. */
import type { EntityRule, IcmpMatch, Rule } from "@brindle/api";
import { type Address, containsAddress, formatAddress, networkOf, parseCidr, sameAddress } from "@brindle/net";
import { isIcmp, type Packet, protocolName, protocolNumber } from "./packet.ts";
import { inRanges, parsePorts } from "./ports.ts";
import { entityScope, excludedScope, inScope, type Labelled } from "./scope.ts";
import { formatService, type ServiceBackends, type ServiceName, serviceOf } from "./service.ts";

/** An endpoint, or a set of networks, as rules see it from outside. */
export interface RuleEndpoint extends Labelled {
  readonly ports: readonly { readonly name: string; readonly protocol: number | null; readonly port: number }[];
}

export interface RuleContext {
  /** The namespace of the rule's policy; `null` for global policies and profiles. */
  readonly namespace: string | null;
  /** Every endpoint that holds an address, since two may for a moment, and every set of networks that contains it. */
  endpointsAt(address: Address): readonly RuleEndpoint[];
  /** What is behind a Service, one entry for each of its EndpointSlices. */
  backendsOf(service: ServiceName): readonly ServiceBackends[];
}

/** `null` when the rule matches. */
export function mismatch(rule: Rule, packet: Packet, context: RuleContext): string | null {
  const source = { name: "source", address: packet.source, port: packet.sourcePort };
  const destination = { name: "destination", address: packet.destination, port: packet.destinationPort };
  return (
    protocolMismatch(rule, packet) ??
    icmpMismatch(rule, packet) ??
    entityMismatch(rule.source ?? {}, { ...source, protocol: packet.protocol }, context) ??
    entityMismatch(rule.destination ?? {}, { ...destination, protocol: packet.protocol }, context)
  );
}

function protocolMismatch(rule: Rule, packet: Packet): string | null {
  const { family } = packet.source;
  if (rule.ipVersion !== undefined && rule.ipVersion !== family) return `the packet is IPv${family}`;
  const actual = protocolName(packet.protocol);
  if (rule.protocol !== undefined && protocolNumber(rule.protocol) !== packet.protocol) {
    return `protocol is ${actual}, not ${String(rule.protocol).toLowerCase()}`;
  }
  if (rule.notProtocol !== undefined && protocolNumber(rule.notProtocol) === packet.protocol) {
    return `protocol is ${actual}`;
  }
  return null;
}

/** ICMP fields, the negated ones too, speak of ICMP packets only. */
function icmpMismatch(rule: Rule, packet: Packet): string | null {
  if (!rule.icmp && !rule.notICMP) return null;
  if (!isIcmp(packet.protocol) || !packet.icmp) return "the packet is not ICMP";
  const { type, code } = packet.icmp;
  if (rule.icmp && !icmpMatches(rule.icmp, packet.icmp)) return `ICMP type ${type} code ${code} is not the rule's`;
  if (rule.notICMP && icmpMatches(rule.notICMP, packet.icmp)) return `ICMP type ${type} code ${code} is excluded`;
  return null;
}

function icmpMatches(match: IcmpMatch, icmp: { readonly type: number; readonly code: number }): boolean {
  if (match.type !== undefined && match.type !== icmp.type) return false;
  return match.code === undefined || match.code === icmp.code;
}

/** One side of a packet. */
interface Side {
  readonly name: string;
  readonly address: Address;
  readonly port: number | undefined;
  readonly protocol: number;
}

function entityMismatch(entity: EntityRule, side: Side, context: RuleContext): string | null {
  const address = formatAddress(side.address);
  if (entity.nets?.length && !inNets(entity.nets, side.address))
    return `${side.name} ${address} is in none of its nets`;
  if (entity.notNets?.length && inNets(entity.notNets, side.address)) return `${side.name} ${address} is excluded`;

  const unserved = serviceMismatch(entity, side, context);
  if (unserved !== null) return unserved;

  const endpoints = context.endpointsAt(side.address);
  const wanted = entityScope(entity, context.namespace);
  if (wanted && !endpoints.some((endpoint) => inScope(wanted, endpoint))) {
    return endpoints.length ? `${side.name} does not match its selector` : `${side.name} ${address} is no endpoint`;
  }
  const excluded = excludedScope(entity);
  if (excluded && endpoints.some((endpoint) => inScope(excluded, endpoint))) return `${side.name} is excluded`;

  // A port name means the endpoints that the side's selector means.
  const named = wanted ? endpoints.filter((endpoint) => inScope(wanted, endpoint)) : endpoints;
  if (entity.ports?.length && !portsMatch(entity.ports, side, named)) {
    return `${side.name} port ${side.port ?? "(none)"} is not the rule's`;
  }
  if (entity.notPorts?.length && portsMatch(entity.notPorts, side, named)) {
    return `${side.name} port ${side.port} is excluded`;
  }
  return null;
}

/** A destination is meant by its address and port together, a source by its address alone. */
function serviceMismatch(entity: EntityRule, side: Side, context: RuleContext): string | null {
  const service = serviceOf(entity, context.namespace);
  if (!service) return null;
  const isMeant = context
    .backendsOf(service)
    .some(
      ({ addresses, ports }) =>
        addresses.some((address) => sameAddress(address, side.address)) &&
        (side.name === "source" ||
          ports.some(({ protocol, port }) => protocol === side.protocol && port === side.port)),
    );
  const at = side.name === "source" ? "" : ` port ${side.port ?? "(none)"}`;
  const who = `${side.name} ${formatAddress(side.address)}${at}`;
  return isMeant ? null : `${who} is not behind service ${formatService(service)}`;
}

function inNets(nets: readonly string[], address: Address): boolean {
  return nets.some((text) => {
    const cidr = parseCidr(text);
    return cidr !== null && containsAddress(networkOf(cidr), address);
  });
}

function portsMatch(specs: readonly (string | number)[], side: Side, endpoints: readonly RuleEndpoint[]): boolean {
  const ports = parsePorts(specs);
  if (!ports || side.port === undefined) return false;
  if (inRanges(ports.ranges, side.port)) return true;
  return endpoints.some((endpoint) =>
    endpoint.ports.some(
      (port) => ports.names.includes(port.name) && port.protocol === side.protocol && port.port === side.port,
    ),
  );
}
