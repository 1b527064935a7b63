import assert from "node:assert/strict";
import type { KubeControllersConfiguration, KubeControllersConfigurationSpec } from "@brindle/api";
import { describe, it } from "vitest";
import { compactionPeriodMs, controllersConfig, controllersLogLevel, reconcilerPeriodMs } from "./configuration.ts";

function stored(spec: KubeControllersConfigurationSpec): KubeControllersConfiguration {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "KubeControllersConfiguration",
    metadata: { name: "default" },
    spec,
  };
}

describe("the configuration of the controllers", () => {
  it("has all of them where the cluster has none, as Calico's first start would store it", () => {
    assert.deepEqual(controllersConfig(null), {
      loadBalancer: { assignIPs: "AllServices" },
      node: { leakGracePeriod: "15m0s" },
      policy: {},
      workloadEndpoint: {},
      serviceAccount: {},
      namespace: {},
    });
  });

  it("leaves out what the cluster's leaves out", () => {
    assert.deepEqual(controllersConfig(stored({ controllers: { policy: {} } })), { policy: {} });
  });

  const periods: readonly [string | undefined, number | null][] = [
    [undefined, 300_000],
    ["1m30s", 90_000],
    ["0s", null],
    ["87600h", 2_147_483_647],
  ];
  for (const [reconcilerPeriod, ms] of periods) {
    it(`compares everything every ${ms} ms with a reconcilerPeriod of ${reconcilerPeriod}`, () => {
      assert.equal(reconcilerPeriodMs(reconcilerPeriod === undefined ? {} : { reconcilerPeriod }), ms);
    });
  }

  const compactions: readonly [string | undefined, number | null][] = [
    [undefined, 600_000],
    ["1h0m0s", 3_600_000],
    ["0s", null],
    ["87600h", 2_147_483_647],
  ];
  for (const [etcdV3CompactionPeriod, ms] of compactions) {
    it(`has etcd forget after ${ms} ms with an etcdV3CompactionPeriod of ${etcdV3CompactionPeriod}`, () => {
      const spec = { controllers: {}, ...(etcdV3CompactionPeriod !== undefined && { etcdV3CompactionPeriod }) };
      assert.equal(compactionPeriodMs(stored(spec)), ms);
    });
  }

  it("says how much is logged, in Calico's words", () => {
    assert.equal(controllersLogLevel(null), "info");
    assert.equal(controllersLogLevel(stored({ controllers: {}, logSeverityScreen: "Warning" })), "warn");
    assert.equal(controllersLogLevel(stored({ controllers: {}, logSeverityScreen: "None" })), "silent");
  });
});
