import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatJson } from "../json/json.ts";
import { felixConfigurationKind } from "./felixConfiguration.ts";
import { decodeResource, validate } from "./validate.ts";

function configuration(spec: object, name = "default") {
  return { apiVersion: "projectcalico.org/v3", kind: "FelixConfiguration", metadata: { name }, spec };
}

function judged(spec: object, name?: string) {
  return validate(configuration(spec, name));
}

const written =
  '"nftablesMode":"Auto","nftablesFlowTableOffload":"Disabled","bpfLogLevel":"","bpfConnectTimeLoadBalancing":"TCP","bpfHostNetworkedNATWithoutCTLB":"Enabled","floatingIPs":"Disabled"';

const stored: { name: string; spec: object; text: string }[] = [
  { name: "what Calico's client adds", spec: {}, text: `{${written}}` },
  {
    name: "in the order of Calico's own, durations in Go's form",
    spec: {
      vxlanVNI: 4097,
      failsafeInboundHostPorts: [{ net: "10.0.0.0/8", protocol: "tcp", port: 179 }],
      iptablesRefreshInterval: "90s",
      logSeverityScreen: "Warning",
    },
    text: `{"iptablesRefreshInterval":"1m30s","logSeverityScreen":"Warning","vxlanVNI":4097,"failsafeInboundHostPorts":[{"protocol":"tcp","port":179,"net":"10.0.0.0/8"}],${written}}`,
  },
  {
    name: "a word in the case in which it was written",
    spec: { defaultEndpointToHostAction: "ACCEPT" },
    text: `{"defaultEndpointToHostAction":"ACCEPT",${written}}`,
  },
];

const wrong: { name: string; spec: object; path: string; reason: RegExp }[] = [
  {
    name: "an action that none is",
    spec: { chainInsertMode: "Before" },
    path: "chainInsertMode",
    reason: /Insert, Append/,
  },
  { name: "a port past the last", spec: { healthPort: 65536 }, path: "healthPort", reason: /0 to 65535/ },
  { name: "a mask of 33 bits", spec: { iptablesMarkMask: 2 ** 32 }, path: "iptablesMarkMask", reason: /whole number/ },
  { name: "a duration without a unit", spec: { netlinkTimeout: "10" }, path: "netlinkTimeout", reason: /duration/ },
  {
    name: "a rate of an unknown time",
    spec: { logActionRateLimit: "9/week" },
    path: "logActionRateLimit",
    reason: /rate/,
  },
  {
    name: "an address of the other family",
    spec: { natOutgoingAddress: "fd00::1" },
    path: "natOutgoingAddress",
    reason: /IPv4/,
  },
  {
    name: "a range of tables that ends before it begins",
    spec: { routeTableRanges: [{ min: 9, max: 8 }] },
    path: "routeTableRanges[0].max",
    reason: /less than min/,
  },
  {
    name: "a table of the kernel's",
    spec: { routeTableRange: { min: 1, max: 254 } },
    path: "routeTableRange.max",
    reason: /1 to 250/,
  },
  {
    name: "both forms of the ranges of tables",
    spec: { routeTableRange: { min: 1, max: 2 }, routeTableRanges: [{ min: 1, max: 2 }] },
    path: "routeTableRange",
    reason: /newer form/,
  },
  { name: "a selector for all", spec: { nodeSelector: "all()" }, path: "nodeSelector", reason: /another name/ },
  { name: "a field that is misspelt", spec: { bpfEnabld: true }, path: "bpfEnabld", reason: /did you mean bpfEnabled/ },
];

const warned: { name: string; spec: object; effect: "ignored" | "withheld"; reason: RegExp }[] = [
  {
    name: "encryption, without which all counts as absent",
    spec: { wireguardEnabled: true },
    effect: "withheld",
    reason: /not encrypted/,
  },
  { name: "a node without routes", spec: { routeSyncDisabled: true }, effect: "withheld", reason: /absent/ },
  { name: "another data plane", spec: { bpfEnabled: true }, effect: "ignored", reason: /no eBPF/ },
  {
    name: "other marks",
    spec: { iptablesMarkMask: 0xff },
    effect: "ignored",
    reason: /0x38000000 is used/,
  },
];

describe("a FelixConfiguration", () => {
  for (const { name, spec, text } of stored) {
    it(`is stored with ${name}`, () => {
      const result = judged(spec);
      assert.equal(result.kind, "valid");
      assert.equal(formatJson(result.kind === "valid" ? result.resource.spec : null), text);
    });
  }

  for (const { name, spec, path, reason } of wrong) {
    it(`is refused with ${name}`, () => {
      const result = judged(spec);
      assert.equal(result.kind, "invalid");
      const problems = result.kind === "invalid" ? result.problems : [];
      assert.deepEqual(
        problems.map((problem) => problem.path),
        [`spec.${path}`],
      );
      assert.match(problems[0]?.reason ?? "", reason);
    });
  }

  for (const { name, spec, effect, reason } of warned) {
    it(`is stored with a warning for ${name}`, () => {
      const result = judged(spec);
      const warnings = result.kind === "valid" ? result.warnings : [];
      assert.deepEqual(
        warnings.map((warning) => warning.effect),
        [effect],
      );
      assert.match(warnings[0]?.reason ?? "", reason);
    });
  }

  it("may have a selector where its name is neither default nor that of a node", () => {
    assert.equal(judged({ nodeSelector: "rack == 'r1'" }, "rack1").kind, "valid");
    assert.equal(judged({ nodeSelector: "rack == 'r1'" }, "node.n1").kind, "invalid");
  });

  it("brings no warning for what Calico takes where nothing is said", () => {
    const accepted = felixConfigurationKind.unsupported.filter(({ accepted }) => accepted?.length);
    const spec = Object.fromEntries(accepted.map(({ path, accepted }) => [path.slice("spec.".length), accepted?.[0]]));
    const result = judged(spec);
    assert.deepEqual(result, { ...result, kind: "valid", warnings: [] });
    assert.ok(accepted.length > 150);
  });

  it("takes no other spelling of such a value for another", () => {
    const result = judged({ chainInsertMode: "insert", iptablesRefreshInterval: "180s", iptablesBackend: "auto" });
    assert.deepEqual(result.kind === "valid" ? result.warnings : null, []);
  });

  it("keeps a setting of a newer Calico on reading", () => {
    const decoded = decodeResource("FelixConfiguration", configuration({ settingOfTomorrow: { a: 1 } }));
    assert.deepEqual(decoded.kind === "valid" ? decoded.resource.spec : null, { settingOfTomorrow: { a: 1 } });
  });
});
