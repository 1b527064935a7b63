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
  };
}

/** Networks whose addresses are given to nobody who does not ask for them. */
export function reservedPrefixes(reservations: Iterable<IPReservation>): Prefix[] {
  return [...reservations].flatMap(({ spec }) =>
    (spec.reservedCIDRs ?? []).flatMap((text) => {
      const cidr = parseCidr(text);
      return cidr ? [networkOf(cidr)] : [];
    }),
  );
}
