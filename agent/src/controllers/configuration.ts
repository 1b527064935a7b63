/** Which controllers run, and how: the KubeControllersConfiguration of the cluster, or what Calico runs without one. */
import {
  type ControllersConfig,
  durationMs,
  type KubeControllersConfiguration,
  kubeControllersConfigurationKind,
  type PeriodicControllerConfig,
} from "@brindle/api";

/** As Calico's first start stores it. Where there is none, nothing is stored: it is what holds. */
export const unconfigured: ControllersConfig = kubeControllersConfigurationKind.withDefaults({
  apiVersion: "projectcalico.org/v3",
  kind: "KubeControllersConfiguration",
  metadata: { name: "default" },
  spec: {
    controllers: { node: {}, policy: {}, workloadEndpoint: {}, serviceAccount: {}, namespace: {}, loadBalancer: {} },
  },
}).spec.controllers;

export function controllersConfig(stored: KubeControllersConfiguration | null): ControllersConfig {
  return stored?.spec.controllers ?? unconfigured;
}

const compactionPeriodMsDefault = 600_000;

/** How long etcd remembers former revisions; `null` for as long as it likes, which Calico writes as `0s`. */
export function compactionPeriodMs(stored: KubeControllersConfiguration | null): number | null {
  return periodMs(stored?.spec.etcdV3CompactionPeriod, compactionPeriodMsDefault);
}

const reconcilerPeriodMsDefault = 300_000;

/** How often a controller compares everything anew; `null` for never, which Calico writes as `0s`. */
export function reconcilerPeriodMs({ reconcilerPeriod }: PeriodicControllerConfig): number | null {
  return periodMs(reconcilerPeriod, reconcilerPeriodMsDefault);
}

function periodMs(text: string | undefined, defaultMs: number): number | null {
  const ms = text === undefined ? defaultMs : durationMs(text);
  return ms === 0 ? null : Math.min(ms ?? defaultMs, timerMsMax);
}

/** 24 days: for more a timer of Node's ends at once, and what is to be done seldom is done without a pause. */
export const timerMsMax: number = 2 ** 31 - 1;

const levels = {
  None: "silent",
  Debug: "debug",
  Info: "info",
  Warning: "warn",
  Error: "error",
  Fatal: "fatal",
  Panic: "fatal",
} as const;

/** `logSeverityScreen` in the words of the log. */
export function controllersLogLevel(stored: KubeControllersConfiguration | null): string {
  return levels[stored?.spec.logSeverityScreen ?? "Info"];
}
