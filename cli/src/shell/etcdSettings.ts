/** Where the datastore is: from the command line and from the environment, whose names are Calico's. */
import type { EtcdStoreOptions } from "@brindle/api/shell";
import { failed } from "../error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConnectionFlags {
  readonly etcd?: string;
  readonly timeout: number;
}

const endpointDefault = "http://127.0.0.1:2379";

export function etcdSettings(flags: ConnectionFlags, environment: Environment): EtcdStoreOptions {
  const { DATASTORE_TYPE: type, ETCD_USERNAME: name, ETCD_PASSWORD: password } = environment;
  if (type && !/^etcdv3$/i.test(type)) {
    throw failed(`DATASTORE_TYPE is ${type}: this version of brindlectl knows the datastore etcdv3 alone`);
  }
  const tls = tlsFiles(environment);
  return {
    endpoints: endpointsIn(flags.etcd ?? (environment.ETCD_ENDPOINTS || endpointDefault)),
    timeoutMs: flags.timeout,
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(name && { user: { name, password: password ?? "" } }),
  };
}

function endpointsIn(text: string): string[] {
  return text
    .split(",")
    .map((endpoint) => endpoint.trim())
    .filter((endpoint) => endpoint !== "");
}

function tlsFiles({ ETCD_CA_CERT_FILE: caFile, ETCD_CERT_FILE: certFile, ETCD_KEY_FILE: keyFile }: Environment) {
  return { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) };
}
