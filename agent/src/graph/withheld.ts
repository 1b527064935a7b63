/**
 * What is stored and not acted on, and has addresses all the same: a pool of which other nodes may give, an endpoint whose pod
 * runs. None of these addresses is free for somebody who is given them past address management.
 */
import { apiVersion, type IPPool, isRecord, type JsonValue, type WorkloadEndpoint } from "@brindle/api";
import { parsePrefix } from "@brindle/net";
import { readableEndpoint } from "@brindle/policy";

export class Withheld {
  readonly #pools = new Map<string, IPPool>();
  readonly #endpoints = new Map<string, WorkloadEndpoint>();

  /** By name. */
  get pools(): ReadonlyMap<string, IPPool> {
    return this.#pools;
  }

  /** By `namespace/name`. */
  get endpoints(): ReadonlyMap<string, WorkloadEndpoint> {
    return this.#endpoints;
  }

  /** `null` where it is acted on, or gone. */
  onPool(name: string, pool: IPPool | null): void {
    if (pool) this.#pools.set(name, pool);
    else this.#pools.delete(name);
  }

  /** `null` where it is acted on, or gone. */
  onEndpoint(id: string, endpoint: WorkloadEndpoint | null): void {
    if (endpoint) this.#endpoints.set(id, endpoint);
    else this.#endpoints.delete(id);
  }
}

/** Of a pool that does not decode: what is stored of its range, else what was known last; `null` where nothing is. */
export function readablePool(name: string, partial: JsonValue | undefined, known: IPPool | null): IPPool | null {
  const spec = isRecord(partial) && isRecord(partial.spec) ? partial.spec : {};
  const { cidr, disabled } = spec;
  if (typeof cidr !== "string" || parsePrefix(cidr) === null) return known;
  return { apiVersion, kind: "IPPool", metadata: { name }, spec: { cidr, ...(disabled === true && { disabled }) } };
}

/**
 * Of an endpoint that does not decode: its addresses, which of them no pool gave, and what floats to it, as far as is stored or was
 * known.
 */
export function endpointInDoubt(
  key: { readonly namespace?: string; readonly name: string },
  partial: JsonValue | undefined,
  known: WorkloadEndpoint | null,
): WorkloadEndpoint {
  const { endpoint } = readableEndpoint(key, { reason: "", partial }, known);
  const metadata = isRecord(partial) && isRecord(partial.metadata) ? partial.metadata : {};
  const stored = isRecord(metadata.annotations) ? textsOf(metadata.annotations) : undefined;
  const annotations = stored ?? known?.metadata.annotations;
  const spec = isRecord(partial) ? partial.spec : undefined;
  const ipNATs = floatingOf(spec, stored ?? {}) ?? known?.spec.ipNATs;
  return {
    ...endpoint,
    metadata: { ...endpoint.metadata, ...(annotations && { annotations }) },
    spec: { ...endpoint.spec, ...(ipNATs && { ipNATs }) },
  };
}

/**
 * `undefined` where one of them cannot be read: what was known is nearer to it than none. Where the endpoint is a Pod that asks for some,
 * and the list is no list, there is none in its spec.
 */
function floatingOf(
  spec: unknown,
  { [floatingAnnotation]: asked }: Readonly<Record<string, string>>,
): WorkloadEndpoint["spec"]["ipNATs"] {
  if (!isRecord(spec)) return undefined;
  if (spec.ipNATs === undefined) return asked === undefined ? [] : undefined;
  if (!Array.isArray(spec.ipNATs)) return undefined;
  const nats = spec.ipNATs.flatMap((nat: unknown) => {
    const { internalIP, externalIP } = isRecord(nat) ? nat : {};
    return typeof internalIP === "string" && typeof externalIP === "string" ? [{ internalIP, externalIP }] : [];
  });
  return nats.length === spec.ipNATs.length ? nats : undefined;
}

const floatingAnnotation = "cni.projectcalico.org/floatingIPs";

function textsOf(record: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
