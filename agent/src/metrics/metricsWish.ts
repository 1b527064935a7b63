/** Where metrics are served, as an operator says it. */
import type { FelixSettings } from "@brindle/api";
import { parseAddress } from "@brindle/net";

export interface MetricsAddress {
  /** An address or a name of this machine; all addresses where it is left out. */
  readonly host?: string;
  readonly port: number;
}

export type MetricsWish =
  | { readonly kind: "off" }
  | ({ readonly kind: "on" } & MetricsAddress)
  /** Asked for in a way that is not to be had: then nothing listens. */
  | { readonly kind: "refused"; readonly reason: string };

/** Calico's. */
const agentPortDefault = 9091;
const controllersPortDefault = 9094;

/** Who asks for certificates does not want them in the clear. */
const certificates = ["prometheusMetricsCAFile", "prometheusMetricsCertFile", "prometheusMetricsKeyFile"] as const;

export function agentMetricsWish(felix: FelixSettings): MetricsWish {
  const { prometheusMetricsEnabled: isOn, prometheusMetricsHost: host, prometheusMetricsPort } = felix;
  if (!isOn) return { kind: "off" };
  const asked = certificates.find((name) => felix[name] !== undefined);
  if (asked) return { kind: "refused", reason: `metrics are not served: ${asked} asks for TLS, which is not done yet` };
  if (prometheusMetricsPort === 0) return { kind: "off" };
  return { kind: "on", ...(host !== undefined && { host }), port: prometheusMetricsPort ?? agentPortDefault };
}

/** The address is the process's own, the port the cluster's. */
export function controllersMetricsWish(host: string, port: number = controllersPortDefault): MetricsWish {
  return port === 0 ? { kind: "off" } : { kind: "on", host, port };
}

/** `HOST:PORT`, an IPv6 address in brackets; without a host, `:PORT`, all addresses. `null` for what is none. */
export function parseMetricsAddress(text: string): MetricsAddress | null {
  const [, bracketed, plain = "", digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= 65_535)) return null;
  if (bracketed !== undefined && parseAddress(bracketed)?.family !== 6) return null;
  const host = bracketed ?? plain;
  return { ...(host !== "" && { host }), port };
}
