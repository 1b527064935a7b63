import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { FelixConfigurationSpec } from "../felixConfiguration.ts";
import { apiVersion } from "../resource.ts";
import { felixSettings } from "./felixSettings.ts";

const ofDefault = { default: { vxlanPort: 1, logSeverityScreen: "Info" } };
const ofRack = { rack: { nodeSelector: "rack == 'r1'", vxlanPort: 2 } };
const ofAll = { zones: { nodeSelector: "all()", vxlanPort: 3, vxlanVNI: 3 } };
const ofNode = { "node.node1": { vxlanPort: 4 } };

const cases: { name: string; specs: Readonly<Record<string, FelixConfigurationSpec>>; settings: object }[] = [
  { name: "nothing, where nothing is configured", specs: {}, settings: {} },
  { name: "what default says", specs: ofDefault, settings: { vxlanPort: 1, logSeverityScreen: "Info" } },
  {
    name: "its own before default, setting by setting",
    specs: { ...ofNode, ...ofDefault },
    settings: { vxlanPort: 4, logSeverityScreen: "Info" },
  },
  {
    name: "those that select it before default",
    specs: { ...ofRack, ...ofDefault },
    settings: { vxlanPort: 2, logSeverityScreen: "Info" },
  },
  { name: "the first by name of those", specs: { ...ofAll, ...ofRack }, settings: { vxlanPort: 2, vxlanVNI: 3 } },
  { name: "its own before those", specs: { ...ofRack, ...ofNode }, settings: { vxlanPort: 4 } },
  {
    name: "nothing of another node or rack",
    specs: { "node.node2": { vxlanPort: 5 }, r2: { nodeSelector: "rack == 'r2'", vxlanPort: 6 } },
    settings: {},
  },
  {
    name: "nothing of one that has neither such a name nor a selector",
    specs: { stray: { vxlanPort: 7 }, ...ofDefault },
    settings: { vxlanPort: 1, logSeverityScreen: "Info" },
  },
  {
    name: "what default says, where its own text is empty",
    specs: { ...ofDefault, "node.node1": { logSeverityScreen: "" } },
    settings: { vxlanPort: 1, logSeverityScreen: "Info" },
  },
];

describe("on node1 of rack r1 holds", () => {
  for (const { name, specs, settings } of cases) {
    for (const [order, entries] of [
      ["", Object.entries(specs)],
      [", whichever came first", Object.entries(specs).reverse()],
    ] as const) {
      it(name + order, () => {
        const configurations = entries.map(
          ([of, spec]) => [of, { apiVersion, kind: "FelixConfiguration", metadata: { name: of }, spec }] as const,
        );
        assert.deepEqual(felixSettings({ name: "node1", labels: { rack: "r1" } }, new Map(configurations)), settings);
      });
    }
  }
});
