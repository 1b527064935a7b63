import { ipamConfigName, ipamConfigurationName, type Store, whyNotActedOn } from "@brindle/api";
import type { ClusterView } from "./assign.ts";
import { ipamSettings, reservedPrefixes } from "./settings.ts";

/**
 * The node's labels, the pools and what is configured, read now: for callers that do not watch them and give addresses back. Who gives
 * any has to keep back besides what endpoints have past pools and what floats to them, which an agent knows by its watch.
 */
export async function readClusterView(store: Pick<Store, "get" | "list">, node: string): Promise<ClusterView> {
  const [pools, reservations, resource, config, configuration] = await Promise.all([
    store.list("IPPool"),
    store.list("IPReservation"),
    store.get({ kind: "Node", name: node }),
    store.get({ kind: "IPAMConfig", name: ipamConfigName }),
    store.get({ kind: "IPAMConfiguration", name: ipamConfigurationName }),
  ]);
  return {
    pools: pools.items.map(({ value }) => value).filter((pool) => whyNotActedOn(pool) === null),
    nodeLabels: resource?.value.metadata.labels ?? {},
    reserved: reservedPrefixes(reservations.items.map(({ value }) => value)),
    settings: ipamSettings({ config: config?.value, configuration: configuration?.value }),
  };
}
