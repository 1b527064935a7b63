/**
 * Services as rules mean them: not the address that clients ask for, which is translated before policy sees a packet, but
 * what stands behind it. As a source that is by address; as a destination by address and port together, in pairs as
 * the EndpointSlices have them (Calico's `services`).
 */
import type { EndpointSlice, EntityRule, Rule } from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import { protocolNumber } from "./packet.ts";

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** Of one EndpointSlice: each address with each port. */
export interface ServiceBackends {
  readonly addresses: readonly Address[];
  readonly ports: readonly { readonly protocol: number; readonly port: number }[];
}

/** The Service that one side of a rule asks for, in the namespace of its policy unless told; `null` for none. */
export function serviceOf({ services }: EntityRule, namespace: string | null): ServiceName | null {
  return services ? { namespace: services.namespace || (namespace ?? ""), name: services.name ?? "" } : null;
}

export function formatService({ namespace, name }: ServiceName): string {
  return `${namespace}/${name}`;
}

export function isOfService({ namespace, service }: EndpointSlice, { namespace: of, name }: ServiceName): boolean {
  return namespace === of && service === name;
}

/** Addresses that are none (names of DNS) are left out. */
export function backendsOf({ addresses, ports }: EndpointSlice): ServiceBackends {
  return {
    addresses: addresses.flatMap((text) => parseAddress(text) ?? []),
    ports: ports.flatMap(({ protocol, port }) => {
      const number = protocolNumber(protocol);
      return number === null ? [] : [{ protocol: number, port }];
    }),
  };
}

export function namesServices(rules: readonly Rule[]): boolean {
  for (const { source, destination } of rules) if (source?.services || destination?.services) return true;
  return false;
}
