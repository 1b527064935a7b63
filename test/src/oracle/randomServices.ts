/** Random Services: in rules, and what is behind them. */
import type { EndpointSlice, PolicyDirection, Rule } from "@brindle/api";
import type { Random } from "./random.ts";

/** In some rules a Service stands at the far end, of a namespace that is told: a policy may have none. */
export function withServices(random: Random, rules: readonly Rule[], direction: PolicyDirection): Rule[] {
  return rules.map((rule) => {
    if (!random.chance(0.08)) return rule;
    const services = randomService(random);
    const { source: { ports, notPorts } = {} } = rule;
    if (direction === "Egress") return { ...rule, destination: { services } };
    return { ...rule, source: { services, ...(ports && { ports }), ...(notPorts && { notPorts }) } };
  });
}

export function randomService(random: Random): { readonly name: string; readonly namespace: string } {
  return { name: random.pick("front", "front", "back"), namespace: random.pick("ns1", "ns1", "ns2") };
}

/** What is behind a Service need not be a pod, nor be of one family. */
export function randomSlice(random: Random, index: number, everybody: readonly string[]): EndpointSlice {
  const { name: service, namespace } = randomService(random);
  const ports = [
    ...[53, 80, 443, 8080].map((port) => ({ protocol: "TCP", port }) as const),
    ...[53, 5353, 8080].map((port) => ({ protocol: "UDP", port }) as const),
    { protocol: "SCTP", port: 80 } as const,
  ];
  const addresses = random.some(everybody, 0.7, 1);
  return { namespace, name: `slice-${index}`, service, addresses, ports: random.some(ports, 0.7) };
}
