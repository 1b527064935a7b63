import assert from "node:assert/strict";
import { type AgentConfiguration, brindleApiVersion } from "@brindle/api";
import { describe, it } from "vitest";
import { flowSettings } from "./flowSettings.ts";

type AgentPolicySettings = NonNullable<AgentConfiguration["spec"]["policy"]>;

function configuration(policy: AgentPolicySettings | undefined): AgentConfiguration {
  const spec = policy === undefined ? {} : { policy };
  return { apiVersion: brindleApiVersion, kind: "AgentConfiguration", metadata: { name: "any" }, spec };
}

const told = { deniedFlowsPerSecond: 100, endsFlows: false };
const rows: { name: string; common?: AgentPolicySettings; own?: AgentPolicySettings; expected: object }[] = [
  { name: "nothing: a hundred are told, none is ended", expected: told },
  {
    name: "for all",
    common: { killEstablishedOnDeny: true, deniedFlows: { perSecond: 5 } },
    expected: { deniedFlowsPerSecond: 5, endsFlows: true },
  },
  {
    name: "none",
    common: { deniedFlows: { mode: "Disabled", perSecond: 5 } },
    expected: { ...told, deniedFlowsPerSecond: 0 },
  },
  {
    name: "for the node, field by field",
    common: { killEstablishedOnDeny: true, deniedFlows: { mode: "Disabled", perSecond: 5 } },
    own: { killEstablishedOnDeny: false, deniedFlows: { mode: "Enabled" } },
    expected: { deniedFlowsPerSecond: 5, endsFlows: false },
  },
];

describe("what is done with denied flows", () => {
  for (const { name, common, own, expected } of rows) {
    it(`is as configured: ${name}`, () => {
      const configurations = new Map([
        ["default", configuration(common)],
        ["node.node1", configuration(own)],
        ["node.node2", configuration({ killEstablishedOnDeny: true, deniedFlows: { perSecond: 7 } })],
      ]);
      assert.deepEqual(flowSettings("node1", configurations), expected);
    });
  }
});
