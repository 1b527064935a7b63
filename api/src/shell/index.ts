export { type EtcdStoreOptions, openEtcdStore } from "./etcdStore.ts";
