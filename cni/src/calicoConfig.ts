/**
 * The fields of a network list that was written for Calico's plugin, for a node where our executable is installed under its
 * name. Each is known: what it asks of the pod is done or refused, and what told Calico's plugin where its datastore,
 * its node and its log are says nothing here, since the agent has its own settings.
 */
import { CniError } from "./error.ts";

type Json = Readonly<Record<string, unknown>>;

/** Of the process that Calico starts for each pod; there is none here. */
const ofProcess = [
  "datastore_type",
  "kubernetes",
  "nodename",
  "nodename_file",
  "nodename_file_optional",
  "ipam_lock_file",
  "qps",
  "burst",
  "endpoint_status_dir",
  "policy_setup_timeout_seconds",
  "readiness_gates",
  "require_mtu_file",
  "calico_api_group",
];
const ofProcessPrefix = /^(etcd_|log_|windows_)/;

/** What has one meaning that we share, and others that we do not. */
const judged: Readonly<Record<string, { readonly isFine: (value: unknown) => boolean; readonly advice: string }>> = {
  policy: { isFine: (value) => (value as Json)?.type === "k8s", advice: 'must be {"type": "k8s"}' },
  include_default_routes: { isFine: (value) => value === true, advice: "a pod has a default route: remove it" },
  device_type: {
    isFine: (value) => value === "veth" || value === "",
    advice: 'pods have veth interfaces: it must be "veth"',
  },
  container_settings: {
    isFine: (value) => (value as Json)?.allow_ip_forwarding !== true,
    advice:
      "allow_ip_forwarding is not supported: set net.ipv4.ip_forward by the pod's securityContext, or the tuning plugin",
  },
};

/** Refuses a field that asks for what is not done; answers whether it is Calico's at all. */
export function isCalicoField(field: string, value: unknown): boolean {
  if (ofProcess.includes(field) || ofProcessPrefix.test(field)) return true;
  const rule = judged[field];
  if (!rule) return false;
  if (rule.isFine(value)) return true;
  throw new CniError({ code: "UNSUPPORTED_FIELD", message: `${field}: ${rule.advice}` });
}
