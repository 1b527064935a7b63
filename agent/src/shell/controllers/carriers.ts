/** The controllers that carry what Kubernetes says to etcd. Where Kubernetes is the datastore nothing is to be carried. */
import type { Kind, PeriodicControllerConfig } from "@brindle/api";
import type { Carrying, Wanted } from "../../controllers/carrying/carrying.ts";
import {
  carriedClusterPolicies,
  carriedNamespaces,
  carriedPolicies,
  carriedServiceAccounts,
} from "../../controllers/carrying/derivedObjects.ts";
import { carriedPods } from "../../controllers/carrying/endpointLabels.ts";
import { carriedNodes } from "../../controllers/carrying/nodeLabels.ts";
import { reconcilerPeriodMs } from "../../controllers/configuration.ts";
import { carry } from "./carrier.ts";
import type { Circumstances, Controller } from "./controller.ts";

type Settings = (configuration: Circumstances["configuration"]) => PeriodicControllerConfig | undefined;

/** Before pods' labels and policies come the profiles that both lean on, though nothing depends on it. */
export const carriers: readonly Controller[] = [
  carrier("namespaces", carriedNamespaces, ({ namespace }) => namespace),
  carrier("service accounts", carriedServiceAccounts, ({ serviceAccount }) => serviceAccount),
  carrier("policies", carriedPolicies, ({ policy }) => policy),
  carrier("cluster policies", carriedClusterPolicies, ({ policy }) => policy),
  carrier("pods", carriedPods, ({ workloadEndpoint }) => workloadEndpoint),
  carrier("node labels", carriedNodes, ({ node }) => {
    if (node === undefined || node.syncLabels === "Disabled") return undefined;
    const { reconcilerPeriod } = node;
    return reconcilerPeriod === undefined ? {} : { reconcilerPeriod };
  }),
];

function carrier<K extends Kind, W extends Wanted, H>(
  name: string,
  carrying: Carrying<K, W, H>,
  settingsIn: Settings,
): Controller {
  return {
    name,
    settings: ({ datastore, configuration }) => (datastore === "etcdv3" ? (settingsIn(configuration) ?? null) : null),
    run: (context, until) => {
      const periodMs = reconcilerPeriodMs(settingsIn(context.configuration) ?? {});
      return carry(carrying, { periodMs }, context, until);
    },
  };
}
