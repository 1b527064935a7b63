/** Floating addresses, by which pods are reached beside their own: policy is asked behind their translation, and so is `explain`. */
import type { AnyKindOfResource, FelixConfiguration, IPPool, WorkloadEndpoint } from "@brindle/api";
import { felixSettings } from "@brindle/api";
import { type Address, containsAddress, formatAddress, parseAddress, parseCidr, parsePrefix } from "@brindle/net";

export interface Floating {
  /** The pod's own, of the same family. */
  readonly own: Address;
  /** `namespace/name`. */
  readonly pod: string;
}

/**
 * By address as text, where the cluster has any. As the agents have it: of two endpoints it floats to the first by name, to none where an endpoint has it as
 * its own, and only what is in a pool floats at all; of pools a file may have none.
 */
export function floatingIn(resources: readonly AnyKindOfResource[]): ReadonlyMap<string, Floating> {
  const configurations = ofKind<FelixConfiguration>(resources, "FelixConfiguration");
  const byName = new Map(configurations.map((configuration) => [configuration.metadata.name, configuration]));
  if (felixSettings({ name: "", labels: {} }, byName).floatingIPs !== "Enabled") return new Map();
  const endpoints = ofKind<WorkloadEndpoint>(resources, "WorkloadEndpoint");
  const pools = ofKind<IPPool>(resources, "IPPool").flatMap(({ spec }) => parsePrefix(spec.cidr) ?? []);
  const own = new Set(endpoints.flatMap(ownTexts));
  const found = new Map<string, Floating>();
  for (const endpoint of endpoints.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
    const mine = ownTexts(endpoint);
    for (const { internalIP, externalIP } of endpoint.spec.ipNATs ?? []) {
      const [inside, outside] = [parseAddress(internalIP), parseAddress(externalIP)];
      if (!inside || outside?.family !== inside.family || !mine.includes(formatAddress(inside))) continue;
      const text = formatAddress(outside);
      const isInPool = pools.length === 0 || pools.some((pool) => containsAddress(pool, outside));
      if (isInPool && !own.has(text) && !found.has(text)) found.set(text, { own: inside, pod: podOf(endpoint) });
    }
  }
  return found;
}

function ofKind<T extends AnyKindOfResource>(resources: readonly AnyKindOfResource[], kind: T["kind"]): T[] {
  return resources.filter((resource): resource is T => resource.kind === kind);
}

function ownTexts({ spec }: WorkloadEndpoint): string[] {
  return (spec.ipNetworks ?? []).flatMap((text) => {
    const address = parseCidr(text)?.address;
    return address ? formatAddress(address) : [];
  });
}

function podOf({ metadata, spec }: WorkloadEndpoint): string {
  return `${metadata.namespace}/${spec.pod ?? spec.workload ?? metadata.name}`;
}

function nameOf({ metadata }: WorkloadEndpoint): string {
  return `${metadata.namespace}/${metadata.name}`;
}
