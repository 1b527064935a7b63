/**
 * The one place that knows every kind of datastore. What a kind needs is loaded when it is opened: what speaks to etcd
 * has an export of its own (`./shell/etcd`), since a bundler loads all that an index names with the index.
 */
import type { Store } from "../store/store.ts";
import type { DatastoreSettings } from "./datastoreSettings.ts";

/** Rejects with a `StoreError` for settings that cannot work. Of what can, nothing is asked yet. */
export async function openDatastore(settings: DatastoreSettings): Promise<Store> {
  switch (settings.type) {
    case "etcdv3": {
      const { openEtcdStore } = await import("./etcdStore.ts");
      return openEtcdStore(settings.etcd);
    }
    case "kubernetes": {
      const { environment, type: _type, ...options } = settings;
      const { findClusterAccess } = await import("./kubernetes/access.ts");
      const access = await findClusterAccess({ environment });
      const { openKubernetesStore } = await import("./kubernetes/kubernetesStore.ts");
      const { CALICO_API_GROUP: apiGroup } = environment;
      return openKubernetesStore({ access, ...options, ...(apiGroup && { apiGroup }) });
    }
  }
}
