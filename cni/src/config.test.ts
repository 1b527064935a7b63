import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type PluginConfig, parseConfig, parseNetwork, versionOf } from "./config.ts";
import { CniError } from "./error.ts";

const least = { cniVersion: "1.0.0", name: "pods", type: "brindle", ipam: { type: "brindle-ipam" } };
const parsedLeast: PluginConfig = {
  cniVersion: "1.0.0",
  network: "pods",
  ipam: { assignIpv4: true, assignIpv6: false, ipv4Pools: [], ipv6Pools: [] },
  mtu: null,
  labels: {},
};

const accepted: { name: string; config: object; parsed: Partial<PluginConfig> }[] = [
  { name: "the least that there can be", config: {}, parsed: {} },
  { name: "the newest version", config: { cniVersion: "1.1.0" }, parsed: { cniVersion: "1.1.0" } },
  { name: "an MTU", config: { mtu: 1450 }, parsed: { mtu: 1450 } },
  { name: "an MTU of 0, which leaves it to the agent", config: { mtu: 0 }, parsed: { mtu: null } },
  {
    name: "both families, as Calico's configurations write it",
    config: { ipam: { type: "brindle-ipam", assign_ipv4: "true", assign_ipv6: "true", ipv6_pools: ["v6"] } },
    parsed: { ipam: { assignIpv4: true, assignIpv6: true, ipv4Pools: [], ipv6Pools: ["v6"] } },
  },
  {
    name: "the families that have a pool",
    config: { ipam: { type: "brindle-ipam", assign_ipv4: "auto", assign_ipv6: "auto" } },
    parsed: { ipam: { assignIpv4: "auto", assignIpv6: "auto", ipv4Pools: [], ipv6Pools: [] } },
  },
  {
    name: "labels by convention, beside arguments for others",
    config: { args: { cni: { labels: [{ key: "app", value: "web" }] }, "example.org": { x: 1 } } },
    parsed: { labels: { app: "web" } },
  },
  {
    name: "what the specification reserves",
    config: { disableCheck: true, cniVersions: ["1.0.0"], "cni.dev/x": 1 },
    parsed: {},
  },
  { name: "capabilities that nobody used", config: { runtimeConfig: {} }, parsed: {} },
];

const refused: { name: string; config: object; code: string; says: RegExp }[] = [
  {
    name: "no version",
    config: { cniVersion: undefined },
    code: "INCOMPATIBLE_VERSION",
    says: /0\.3\.1, 0\.4\.0, 1\.0\.0/,
  },
  { name: "an old version", config: { cniVersion: "0.3.0" }, code: "INCOMPATIBLE_VERSION", says: /0\.3\.1, 0\.4\.0/ },
  { name: "no name", config: { name: undefined }, code: "INVALID_CONFIG", says: /^name must/ },
  { name: "a name with a slash", config: { name: "a/b" }, code: "INVALID_CONFIG", says: /^name must/ },
  {
    name: "another plugin's type",
    config: { type: "calico" },
    code: "INVALID_CONFIG",
    says: /^type must be "brindle"/,
  },
  { name: "no ipam", config: { ipam: undefined }, code: "INVALID_CONFIG", says: /ipam\.type/ },
  { name: "another ipam", config: { ipam: { type: "host-local" } }, code: "INVALID_CONFIG", says: /ipam\.type/ },
  {
    name: "no family",
    config: { ipam: { type: "brindle-ipam", assign_ipv4: false } },
    code: "INVALID_CONFIG",
    says: /both false/,
  },
  { name: "an MTU too small for IPv6", config: { mtu: 1279 }, code: "INVALID_CONFIG", says: /1280 to 65535/ },
  { name: "an MTU in words", config: { mtu: "1500" }, code: "INVALID_CONFIG", says: /^mtu/ },
  { name: "a field that nobody knows", config: { vlan: 7 }, code: "UNSUPPORTED_FIELD", says: /^vlan is not supported/ },
  { name: "ipMasq, which pools say", config: { ipMasq: true }, code: "UNSUPPORTED_FIELD", says: /^ipMasq/ },
  {
    name: "a field of ipam that nobody knows",
    config: { ipam: { type: "brindle-ipam", subnet: "10.0.0.0/8" } },
    code: "UNSUPPORTED_FIELD",
    says: /^ipam\.subnet/,
  },
  {
    name: "a capability",
    config: { runtimeConfig: { portMappings: [] } },
    code: "UNSUPPORTED_FIELD",
    says: /runtimeConfig\.portMappings .* follows brindle/,
  },
  {
    name: "requested addresses",
    config: { args: { cni: { ips: [] } } },
    code: "UNSUPPORTED_FIELD",
    says: /args\.cni\.ips/,
  },
  {
    name: "labels that are an object",
    config: { args: { cni: { labels: {} } } },
    code: "INVALID_CONFIG",
    says: /labels/,
  },
];

describe("the configuration of an ADD", () => {
  for (const { name, config, parsed } of accepted) {
    it(`with ${name} is taken`, () => {
      assert.deepEqual(parseConfig(JSON.stringify({ ...least, ...config })), { ...parsedLeast, ...parsed });
    });
  }
  for (const { name, config, code, says } of refused) {
    it(`with ${name} is refused`, () => {
      assert.throws(
        () => parseConfig(JSON.stringify({ ...least, ...config })),
        (error) => {
          assert(error instanceof CniError);
          assert.equal(error.failure.code, code);
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }

  it("which is no JSON is refused without a word of what it holds", () => {
    assert.throws(
      () => parseConfig('{"password": "hunter2"'),
      (error) => {
        assert(error instanceof CniError);
        assert.equal(error.failure.code, "DECODE");
        assert.doesNotMatch(JSON.stringify(error.failure), /hunter2/);
        return true;
      },
    );
  });
});

it("a DEL heeds only version and name, so that what another release made can be deleted", () => {
  assert.equal(parseNetwork(JSON.stringify({ ...least, vlan: 7, prevResult: {}, ipam: {} })), "pods");
});

it("an error is told in the configuration's version, or the oldest that we speak", () => {
  assert.equal(versionOf('{"cniVersion":"1.1.0"}'), "1.1.0");
  assert.equal(versionOf('{"cniVersion":"9"}'), "1.0.0");
  assert.equal(versionOf("no JSON"), "1.0.0");
});
