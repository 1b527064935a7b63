import assert from "node:assert/strict";
import type { BGPConfiguration } from "@brindle/api";
import { describe, it } from "vitest";
import { logLevel } from "./logLevel.ts";

const cases: { name: string; severities: Readonly<Record<string, string>>; felix?: string; level: string }[] = [
  { name: "info where nothing is configured", severities: {}, level: "info" },
  { name: "the cluster's", severities: { default: "Warning", "node.node2": "Debug" }, level: "warn" },
  {
    name: "the node's own before the cluster's",
    severities: { default: "Warning", "node.node1": "Debug" },
    level: "debug",
  },
  {
    name: "that of FelixConfigurations before both",
    severities: { default: "Warning", "node.node1": "Debug" },
    felix: "Error",
    level: "error",
  },
  { name: "the same however it is written", severities: { default: "FATAL" }, level: "fatal" },
];

describe("the log level of node1 is", () => {
  for (const { name, severities, felix, level } of cases) {
    it(name, () => {
      const configurations = Object.entries(severities).map(([of, logSeverityScreen]): [string, BGPConfiguration] => [
        of,
        {
          apiVersion: "projectcalico.org/v3",
          kind: "BGPConfiguration",
          metadata: { name: of },
          spec: { logSeverityScreen },
        },
      ]);
      const said = felix === undefined ? {} : { logSeverityScreen: felix };
      assert.equal(logLevel("node1", said, new Map(configurations)), level);
    });
  }
});
