/**
 * The file that calicoctl reads (`CalicoAPIConfig`), as the variables of the environment that it stands for. It holds
 * passwords, so that no error repeats anything of it but names.
 */
import { parseDocument } from "yaml";
import type { Environment } from "./datastoreSettings.ts";
import { misconfigured } from "./misconfigured.ts";

/** The members of `spec`, and the variable that says the same. */
const variables: Readonly<Record<string, string>> = {
  datastoreType: "DATASTORE_TYPE",
  etcdEndpoints: "ETCD_ENDPOINTS",
  etcdDiscoverySrv: "ETCD_DISCOVERY_SRV",
  etcdUsername: "ETCD_USERNAME",
  etcdPassword: "ETCD_PASSWORD",
  etcdKeyFile: "ETCD_KEY_FILE",
  etcdCertFile: "ETCD_CERT_FILE",
  etcdCACertFile: "ETCD_CA_CERT_FILE",
  kubeconfig: "KUBECONFIG",
  k8sAPIEndpoint: "K8S_API_ENDPOINT",
  k8sKeyFile: "K8S_KEY_FILE",
  k8sCertFile: "K8S_CERT_FILE",
  k8sCAFile: "K8S_CA_FILE",
  k8sAPIToken: "K8S_API_TOKEN",
  k8sInsecureSkipTLSVerify: "K8S_INSECURE_SKIP_TLS_VERIFY",
  k8sCurrentContext: "K8S_CURRENT_CONTEXT",
  k8sClientQPS: "K8S_CLIENT_QPS",
  k8sDisableNodePoll: "K8S_DISABLE_NODE_POLL",
  k8sUsePodCIDR: "USE_POD_CIDR",
  calicoAPIGroup: "CALICO_API_GROUP",
};

/** What we do not take from this file, and what to write instead. */
const insteadOf: Readonly<Record<string, string>> = {
  etcdKey: "etcdKeyFile",
  etcdCert: "etcdCertFile",
  etcdCACert: "etcdCACertFile",
  kubeconfigInline: "kubeconfig",
};

/** Throws a `StoreError`; `path` is for its text. */
export function environmentOfConfig(text: string, path: string): Environment {
  const document = parseDocument(text, { prettyErrors: false });
  const [problem] = document.errors;
  // The parser's own text may repeat what is written there.
  if (problem) throw misconfigured(`${path} is no YAML: ${problem.code}, at character ${problem.pos[0]}`);
  const { apiVersion, kind, spec } = membersOf(document.toJS(), path);
  if (apiVersion !== "projectcalico.org/v3" || kind !== "CalicoAPIConfig") {
    throw misconfigured(`${path} holds no CalicoAPIConfig of projectcalico.org/v3`);
  }
  const members = Object.entries(membersOf(spec ?? {}, `spec of ${path}`)).filter(([, value]) => value !== null);
  return Object.fromEntries(
    members.map(([name, value]) => [variableOf(name, path), textOf(value, `${name} in ${path}`)]),
  );
}

function variableOf(name: string, path: string): string {
  const variable = variables[name];
  if (variable !== undefined) return variable;
  const instead = insteadOf[name];
  throw misconfigured(
    instead
      ? `${name} in ${path} is not supported: write a file and name it in ${instead}`
      : `${name} in ${path} is no field of a CalicoAPIConfig that is known here`,
  );
}

function membersOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw misconfigured(`${what} is no map of fields`);
}

function textOf(value: unknown, what: string): string {
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") return String(value);
  throw misconfigured(`${what} is no text`);
}
