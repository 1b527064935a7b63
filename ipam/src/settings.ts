/** What the cluster's resources say about giving addresses, in the words of the plans. */
import { type IPAMConfig, type IPAMConfiguration, type IPReservation, ipamConfigOf } from "@brindle/api";
import { networkOf, type Prefix, parseCidr } from "@brindle/net";
import { defaultIpamSettings, type IpamSettings } from "./assign.ts";

/** Both where they exist: etcd may hold either, Kubernetes holds the resource. */
export interface ConfiguredIpam {
  readonly config?: IPAMConfig | undefined;
  readonly configuration?: IPAMConfiguration | undefined;
}

/**
 * What Calico's own address management reads goes first, so that all nodes of a mixed cluster do the same; the resource
 * counts where that was never written. Nodes with a limit and without strict affinity use others' blocks once they have
 * as many as they may.
 */
export function ipamSettings({ config, configuration }: ConfiguredIpam): IpamSettings {
  const said = config ?? (configuration && ipamConfigOf(configuration.spec));
  if (!said) return defaultIpamSettings;
  return {
    strictAffinity: said.strict_affinity ?? false,
    autoAllocateBlocks: said.auto_allocate_blocks ?? false,
    blocksPerNodeMax: said.maxBlocksPerHost || defaultIpamSettings.blocksPerNodeMax,
    restSeconds: said.ipCooldownSeconds ?? defaultIpamSettings.restSeconds,
  };
}

/** Networks whose addresses are given to nobody who does not ask for them. */
export function reservedPrefixes(reservations: Iterable<IPReservation>): Prefix[] {
  return [...reservations].flatMap((reservation) => {
    const known = parsed.get(reservation);
    if (known) return known;
    const prefixes = (reservation.spec.reservedCIDRs ?? []).flatMap((text) => {
      const cidr = parseCidr(text);
      return cidr ? [networkOf(cidr)] : [];
    });
    parsed.set(reservation, prefixes);
    return prefixes;
  });
}

/** Resources are values that never change, each pod of a StatefulSet may have one, and every ADD asks. */
const parsed = new WeakMap<IPReservation, readonly Prefix[]>();
