import assert from "node:assert/strict";
import type { FelixSettings } from "@brindle/api";
import { formatPrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { policySettings, tablesBackendAsked } from "./policySettings.ts";
import { quietSettings } from "./render/settings.ts";

describe("settings of the packet filter", () => {
  it("are those of Calico where nothing is said", () => {
    const { deniedFlowsPerSecond: _, endsFlows: _ended, ...asked } = quietSettings;
    assert.deepEqual(policySettings({}), asked);
    assert.equal(tablesBackendAsked({}), null);
  });

  it("are taken in whatever case they are written", () => {
    const settings = policySettings({ iptablesFilterDenyAction: "REJECT", chainInsertMode: "append" });
    assert.deepEqual([settings.denyAction, settings.insertMode], ["Reject", "Append"]);
    assert.equal(policySettings({ workloadSourceSpoofing: "any" }).sourceSpoofing, "Any");
    assert.equal(tablesBackendAsked({ iptablesBackend: "nft" }), "nft");
    assert.equal(tablesBackendAsked({ iptablesBackend: "LEGACY" }), "legacy");
    assert.equal(tablesBackendAsked({ iptablesBackend: "Auto" }), null);
  });

  it("name the ports of hosts that nobody closes", () => {
    const { failsafes } = policySettings({
      failsafeInboundHostPorts: [{ port: 22, net: "192.0.2.7/24" }, { protocol: "udp", port: 68 }, { port: 0 }],
      failsafeOutboundHostPorts: [],
    });
    assert.deepEqual(
      failsafes.inbound.map(({ protocol, port, net }) => [protocol, port, net && formatPrefix(net)]),
      [
        [6, 22, "192.0.2.0/24"],
        [17, 68, null],
      ],
    );
    assert.deepEqual(failsafes.outbound, []);
  });

  it("say how rules log, and whether pods may encapsulate", () => {
    const asked: FelixSettings = {
      logPrefix: "brindle %k %p",
      logActionRateLimit: "100/minute",
      logActionRateLimitBurst: 7,
      allowVXLANPacketsFromWorkloads: true,
      vxlanPort: 8472,
    };
    const { log, encapsulation } = policySettings(asked);
    assert.deepEqual(log, { prefix: "brindle %k %p", rate: "100/minute", burst: 7 });
    assert.deepEqual(encapsulation, { vxlan: "Allow", vxlanPort: 8472, ipip: "Drop" });
  });
});
