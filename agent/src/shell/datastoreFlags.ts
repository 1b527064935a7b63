/** Where the datastore is, and the cluster beside it: the same words for all commands of `brindle`. */
import { type DatastoreSettings, readDatastoreSettings } from "@brindle/api/shell";
import { type Command, InvalidArgumentError, Option } from "commander";

export interface DatastoreFlags {
  readonly config?: string;
  readonly datastore?: DatastoreSettings["type"];
  readonly kubeconfig?: string;
  readonly etcd?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
}

export function addDatastoreOptions(command: Command): Command {
  return command
    .option("--config <file>", "where the datastore is, in the form of calicoctl's file; else as the environment says")
    .addOption(
      new Option("--datastore <type>", "else DATASTORE_TYPE, else what the other settings name, else etcdv3").choices([
        "etcdv3",
        "kubernetes",
      ]),
    )
    .option("--kubeconfig <file>", "of the Kubernetes cluster; else KUBECONFIG, else what a pod is given")
    .option("--etcd <urls>", "endpoints of etcd, separated by commas; else ETCD_ENDPOINTS, else http://127.0.0.1:2379")
    .option("--etcd-ca <file>", "certificate of etcd's authority; else ETCD_CA_CERT_FILE")
    .option("--etcd-cert <file>", "our certificate; else ETCD_CERT_FILE")
    .option("--etcd-key <file>", "the key of our certificate; else ETCD_KEY_FILE")
    .addHelpText("after", "\nThe user and password of etcd are taken from ETCD_USERNAME and ETCD_PASSWORD.");
}

/** A cluster that is named beside etcd is not the datastore: pods are its. Throws a `StoreError`. */
export function datastoreSettings(flags: DatastoreFlags, timeoutMs?: number): DatastoreSettings {
  const { config, datastore, kubeconfig, etcd, etcdCa, etcdCert, etcdKey } = flags;
  const isBesideEtcd = datastore === "etcdv3" || (datastore === undefined && etcd !== undefined);
  return readDatastoreSettings({
    environment: process.env,
    ...(config !== undefined && { configFile: { path: config, isNamed: true } }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    overrides: {
      DATASTORE_TYPE: datastore,
      KUBECONFIG: isBesideEtcd ? undefined : kubeconfig,
      ETCD_ENDPOINTS: etcd,
      ETCD_CA_CERT_FILE: etcdCa,
      ETCD_CERT_FILE: etcdCert,
      ETCD_KEY_FILE: etcdKey,
    },
  });
}

export function healthPort(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 65_535) return number;
  throw new InvalidArgumentError("It is no port, as 9099.");
}
