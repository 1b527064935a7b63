/**
 * An endpoint that is stored and cannot be read. Its own chains are those of one that is not wired: closed. But rules of
 * others mean it as well, and one that denies what it may send must not come to mean nobody; so it stays in selectors
 * with what can be read of it, and for what cannot, with what was known last.
 */
import { apiVersion, isRecord, type Labels, type WorkloadEndpoint } from "@brindle/api";
import { parseCidr } from "@brindle/net";
import { protocolNumber } from "./packet.ts";

export interface EndpointKey {
  readonly namespace?: string;
  readonly name: string;
}

/** There are hundreds of thousands of these, kept as long as the endpoints: a text that is joined is one piece. */
export function endpointKeyId({ namespace = "", name }: EndpointKey): string {
  return [namespace, name].join("/");
}

export interface ReadEndpoint {
  readonly endpoint: WorkloadEndpoint;
  readonly problem: string;
}

type EndpointPort = NonNullable<WorkloadEndpoint["spec"]["ports"]>[number];

export function readableEndpoint(
  { namespace = "", name }: EndpointKey,
  { reason, partial }: { readonly reason: string; readonly partial?: unknown },
  known: WorkloadEndpoint | null,
): ReadEndpoint {
  const { metadata, spec } = isRecord(partial) ? partial : {};
  const stored = isRecord(spec) ? spec : {};
  const labels = labelsOf(isRecord(metadata) ? metadata.labels : undefined) ?? known?.metadata.labels ?? {};
  const ipNetworks = textsOf(stored.ipNetworks)?.filter((text) => parseCidr(text) !== null) ?? known?.spec.ipNetworks;
  const profiles = textsOf(stored.profiles) ?? known?.spec.profiles ?? [`kns.${namespace}`];
  const ports = portsOf(stored.ports) ?? known?.spec.ports;
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  const endpoint: WorkloadEndpoint = {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels },
    spec: {
      orchestrator: text(stored.orchestrator) ?? known?.spec.orchestrator ?? "k8s",
      node: text(stored.node) ?? known?.spec.node ?? "",
      endpoint: text(stored.endpoint) ?? known?.spec.endpoint ?? "eth0",
      ipNetworks: ipNetworks ?? [],
      profiles,
      ...(ports && { ports }),
    },
  };
  return { endpoint, problem: `${reason}; ${width(endpoint)}` };
}

function width({ metadata: { labels = {} }, spec: { ipNetworks = [] } }: WorkloadEndpoint): string {
  if (ipNetworks.length === 0) return "it is closed, and rules of others do not find it: no address of it is known";
  const found = `rules of others find ${ipNetworks.join(", ")} by ${Object.keys(labels).length} labels`;
  return `it is closed, and ${found}`;
}

function labelsOf(stored: unknown): Labels | null {
  if (!isRecord(stored)) return null;
  return Object.fromEntries(
    Object.entries(stored).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function textsOf(stored: unknown): string[] | null {
  return Array.isArray(stored) ? stored.filter((text): text is string => typeof text === "string") : null;
}

function portsOf(stored: unknown): EndpointPort[] | null {
  return Array.isArray(stored) ? stored.filter(isPort) : null;
}

function isPort(value: unknown): value is EndpointPort {
  if (!isRecord(value) || typeof value.name !== "string" || !Number.isInteger(value.port)) return false;
  const { protocol } = value;
  return (typeof protocol === "string" || typeof protocol === "number") && protocolNumber(protocol) !== null;
}
