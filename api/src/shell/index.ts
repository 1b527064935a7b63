export {
  configFileDefault,
  type DatastoreSettings,
  type DatastoreSources,
  type Environment,
  etcdSettingsFromEnvironment,
  readDatastoreSettings,
} from "./datastoreSettings.ts";
export { type EtcdStoreOptions, openEtcdStore } from "./etcdStore.ts";
export { openDatastore } from "./openDatastore.ts";
