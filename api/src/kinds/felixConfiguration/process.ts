/** How the process works: data planes, health, metrics, limits. */
import { duration, flag, integer, oneOf, text } from "../fields.ts";
import { field, list, object } from "../schema.ts";
import { matching, portNumber, type Settings, setting } from "./setting.ts";

export interface ProcessSettings {
  readonly useInternalDataplaneDriver?: boolean;
  readonly dataplaneDriver?: string;
  readonly dataplaneWatchdogTimeout?: string;
  readonly featureDetectOverride?: string;
  readonly featureGates?: string;
  readonly netlinkTimeout?: string;
  readonly healthEnabled?: boolean;
  readonly healthHost?: string;
  readonly healthPort?: number;
  readonly healthTimeoutOverrides?: readonly HealthTimeout[];
  readonly prometheusMetricsEnabled?: boolean;
  readonly prometheusMetricsHost?: string;
  readonly prometheusMetricsPort?: number;
  readonly prometheusMetricsCAFile?: string;
  readonly prometheusMetricsCertFile?: string;
  readonly prometheusMetricsKeyFile?: string;
  readonly prometheusMetricsClientAuth?:
    | "RequireAndVerifyClientCert"
    | "RequireAnyClientCert"
    | "VerifyClientCertIfGiven"
    | "NoClientCert";
  readonly prometheusGoMetricsEnabled?: boolean;
  readonly prometheusProcessMetricsEnabled?: boolean;
  readonly prometheusWireGuardMetricsEnabled?: boolean;
  readonly goGCThreshold?: number;
  readonly goMemoryLimitMB?: number;
  readonly goMaxProcs?: number;
  readonly debugPort?: number;
  readonly debugHost?: string;
  readonly debugMemoryProfilePath?: string;
  readonly debugDisableLogDropping?: boolean;
  readonly debugSimulateCalcGraphHangAfter?: string;
  readonly debugSimulateDataplaneHangAfter?: string;
  readonly debugSimulateDataplaneApplyDelay?: string;
}

export interface HealthTimeout {
  readonly name: string;
  readonly timeout: string;
}

const featureFlags = matching(
  /^([a-zA-Z0-9-_]+=(true|false|),)*([a-zA-Z0-9-_]+=(true|false|))?$/,
  "is no list like Name=true,Other=false",
);
const featureValues = matching(
  /^([a-zA-Z0-9-_]+=([^=]+),)*([a-zA-Z0-9-_]+=([^=]+))?$/,
  "is no list like Name=value,Other=value",
);

const notInTheClear = "no metrics are served, since they would be in the clear";

export const processSettings: Settings<ProcessSettings> = {
  useInternalDataplaneDriver: setting(flag, "The data plane is part of the process.", { unset: true }),
  dataplaneDriver: setting(text, "The program that is the data plane, where it is not.", {
    unset: "calico-iptables-plugin",
  }),
  dataplaneWatchdogTimeout: setting(
    duration,
    "How long the data plane may be stuck before the process counts as unhealthy.",
    { unset: "1m30s" },
  ),
  featureDetectOverride: setting(
    featureFlags,
    "Features of the kernel that are taken for there or missing, as Name=true,Other=false.",
    { alsoAccepted: [""] },
  ),
  featureGates: setting(featureValues, "Features that are tried, as Name=value,Other=value.", { alsoAccepted: [""] }),
  netlinkTimeout: setting(duration, "How long an answer of the kernel is waited for.", { unset: "10s" }),
  healthEnabled: setting(flag, "Health is served over HTTP.", { unset: false }),
  healthHost: setting(text, "Address at which health is served.", { unset: "localhost" }),
  healthPort: setting(portNumber, "Port at which health is served.", { unset: 9099 }),
  healthTimeoutOverrides: setting(
    list(
      object<HealthTimeout>({
        name: field(text, "The part."),
        timeout: field(duration, "How long it may be silent."),
      }),
    ),
    "How long a part, by its name, may be silent before it counts as unhealthy.",
  ),
  prometheusMetricsEnabled: setting(flag, "Metrics are served for Prometheus.", {
    unset: false,
    effect: "honoured",
  }),
  prometheusMetricsHost: setting(text, "Address at which metrics are served; all, if left out.", {
    alsoAccepted: [""],
    effect: "honoured",
  }),
  prometheusMetricsPort: setting(portNumber, "Port at which metrics are served; 0 for none.", {
    unset: 9091,
    effect: "honoured",
  }),
  prometheusMetricsCAFile: setting(text, "Certificate of the authority of those who may read the metrics.", {
    alsoAccepted: [""],
    meanwhile: notInTheClear,
  }),
  prometheusMetricsCertFile: setting(text, "Certificate of the metrics' server.", {
    alsoAccepted: [""],
    meanwhile: notInTheClear,
  }),
  prometheusMetricsKeyFile: setting(text, "File with the key of that certificate.", {
    alsoAccepted: [""],
    meanwhile: notInTheClear,
  }),
  prometheusMetricsClientAuth: setting(
    oneOf("RequireAndVerifyClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven", "NoClientCert"),
    "Which certificate a reader of the metrics needs.",
    { unset: "NoClientCert" },
  ),
  prometheusGoMetricsEnabled: setting(flag, "Metrics have those of the language's runtime.", { unset: true }),
  prometheusProcessMetricsEnabled: setting(flag, "Metrics have those of the process.", { unset: true }),
  prometheusWireGuardMetricsEnabled: setting(flag, "Metrics have those of Wireguard.", { unset: true }),
  goGCThreshold: setting(
    integer(-1, 2_147_483_647),
    "Garbage is collected when memory has grown by so many percent; -1 for never.",
    { unset: 40 },
  ),
  goMemoryLimitMB: setting(
    integer(-1, 2_147_483_647),
    "Memory, in megabytes, up to which garbage may lie; -1 for no limit.",
    { unset: -1 },
  ),
  goMaxProcs: setting(integer(-1, 2_147_483_647), "How many threads work at a time; -1 for one a core.", { unset: -1 }),
  debugPort: setting(portNumber, "Port at which profiles of the process are served."),
  debugHost: setting(text, "Address at which they are served.", { unset: "localhost" }),
  debugMemoryProfilePath: setting(text, "File to which a profile of memory is written.", { alsoAccepted: [""] }),
  debugDisableLogDropping: setting(flag, "Logging waits, where it would else leave out lines.", { unset: false }),
  debugSimulateCalcGraphHangAfter: setting(duration, "For tests of Calico: one part hangs after this time.", {
    unset: "0s",
  }),
  debugSimulateDataplaneHangAfter: setting(duration, "For tests of Calico: the data plane hangs after this time.", {
    unset: "0s",
  }),
  debugSimulateDataplaneApplyDelay: setting(
    duration,
    "For tests of Calico: each change of the data plane takes longer by this.",
    { unset: "0s" },
  ),
};
