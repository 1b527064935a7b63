/**
 * Which datastore, where, and as whom: from the environment with Calico's names, from the file that calicoctl reads,
 * from the command line. One place for `brindlectl` and the agent.
 */
import { readFileSync } from "node:fs";
import { environmentOfConfig } from "./calicoConfig.ts";
import type { EtcdStoreOptions } from "./etcdStore.ts";
import { misconfigured } from "./misconfigured.ts";

export type Environment = { readonly [name: string]: string | undefined };

export type DatastoreSettings =
  | { readonly type: "etcdv3"; readonly etcd: EtcdStoreOptions }
  /** With Calico's names, wherever they came from: `KUBECONFIG`, `K8S_API_ENDPOINT` and the like. */
  | { readonly type: "kubernetes"; readonly environment: Environment; readonly timeoutMs?: number };

export interface DatastoreSources {
  readonly environment: Environment;
  /** A file as calicoctl reads it; what it says stands instead of the environment. It has to be there if `isNamed`. */
  readonly configFile?: { readonly path: string; readonly isNamed: boolean };
  /** Variables that the command line says otherwise. */
  readonly overrides?: Environment;
  readonly timeoutMs?: number;
}

/** Where calicoctl looks unless it is told another. */
export const configFileDefault = "/etc/calico/calicoctl.cfg";

const endpointDefault = "http://127.0.0.1:2379";

/** Throws a `StoreError` that says what is wrong, and never a password. */
export function readDatastoreSettings({
  environment,
  configFile,
  overrides = {},
  timeoutMs,
}: DatastoreSources): DatastoreSettings {
  const configured = configFile ? readConfig(configFile) : null;
  const base = configured ?? withCalicoPrefix(environment);
  const settings = { ...base, ...definedOf(overrides) };
  const timeout = { ...(timeoutMs !== undefined && { timeoutMs }) };
  const type = typeNamed(overrides) ?? (settings.DATASTORE_TYPE?.toLowerCase() || typeImplied(settings));
  switch (type) {
    case "etcdv3":
      return { type, etcd: { ...etcdSettingsFromEnvironment(settings), ...timeout } };
    case "kubernetes":
      return { type, environment: settings, ...timeout };
    default:
      throw misconfigured(`DATASTORE_TYPE is "${settings.DATASTORE_TYPE}"; it is etcdv3 or kubernetes`);
  }
}

/** Whoever names the address of one kind of datastore on the command line means that kind. */
function typeNamed({ DATASTORE_TYPE, ETCD_ENDPOINTS, KUBECONFIG }: Environment): DatastoreSettings["type"] | null {
  const named = ETCD_ENDPOINTS ? "etcdv3" : KUBECONFIG ? "kubernetes" : null;
  const isContradicted = named !== null && DATASTORE_TYPE !== undefined && DATASTORE_TYPE.toLowerCase() !== named;
  if (isContradicted || (ETCD_ENDPOINTS && KUBECONFIG)) {
    throw misconfigured("the command line names etcd and Kubernetes: there is one datastore");
  }
  return named;
}

/** As with calicoctl: etcd where an endpoint is named, else Kubernetes where a cluster is; where nothing is said, ours is etcd. */
function typeImplied({ ETCD_ENDPOINTS, KUBECONFIG, K8S_API_ENDPOINT }: Environment): DatastoreSettings["type"] {
  return !ETCD_ENDPOINTS && (KUBECONFIG || K8S_API_ENDPOINT) ? "kubernetes" : "etcdv3";
}

export function etcdSettingsFromEnvironment(environment: Environment): EtcdStoreOptions {
  const { ETCD_USERNAME: name, ETCD_PASSWORD: password, ETCD_DISCOVERY_SRV: discovery } = environment;
  if (discovery) throw misconfigured("ETCD_DISCOVERY_SRV is not supported: name the members in ETCD_ENDPOINTS");
  if (name && !password) throw misconfigured("ETCD_USERNAME is given, and ETCD_PASSWORD is not");
  const { ETCD_CA_CERT_FILE: caFile, ETCD_CERT_FILE: certFile, ETCD_KEY_FILE: keyFile } = environment;
  return {
    endpoints: endpointsIn(environment.ETCD_ENDPOINTS || endpointDefault),
    ...((caFile || certFile || keyFile) && {
      tls: { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) },
    }),
    ...(name && password && { user: { name, password } }),
  };
}

function endpointsIn(text: string): string[] {
  const endpoints = text.split(",").map((endpoint) => endpoint.trim());
  return endpoints.filter((endpoint) => endpoint !== "");
}

function readConfig({ path, isNamed }: { readonly path: string; readonly isNamed: boolean }): Environment | null {
  try {
    return environmentOfConfig(readFileSync(path, "utf8"), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === "ENOENT" && !isNamed) return null;
    throw misconfigured(`cannot read ${path}: ${code}`, { cause: error });
  }
}

/** Calico reads `CALICO_ETCD_ENDPOINTS` before `ETCD_ENDPOINTS`, and so with each of them. */
function withCalicoPrefix(environment: Environment): Environment {
  const prefixed = Object.entries(environment).filter(([name, value]) => name.startsWith("CALICO_") && value);
  return {
    ...environment,
    ...Object.fromEntries(prefixed.map(([name, value]) => [name.slice("CALICO_".length), value])),
  };
}

function definedOf(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined));
}
