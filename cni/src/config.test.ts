import assert from "node:assert/strict";
import { type Address, type Prefix, parseAddress, parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { type PluginConfig, parseConfig, parseNetwork, versionOf } from "./config.ts";
import { CniError } from "./error.ts";
import { nothingRequested } from "./requested.ts";

function prefix(text: string): Prefix {
  return parsePrefix(text) ?? assert.fail(text);
}

function address(text: string): Address {
  return parseAddress(text) ?? assert.fail(text);
}

const least = { cniVersion: "1.0.0", name: "pods", type: "brindle", ipam: { type: "brindle-ipam" } };
const parsedLeast: PluginConfig = {
  cniVersion: "1.0.0",
  network: "pods",
  ipam: { assignIpv4: true, assignIpv6: false, ipv4Pools: [], ipv6Pools: [] },
  mtu: null,
  queues: 1,
  labels: {},
  mayBypassIpam: false,
  requested: nothingRequested,
};

const accepted: { name: string; config: object; parsed: Partial<PluginConfig> }[] = [
  { name: "the least that there can be", config: {}, parsed: {} },
  { name: "the newest version", config: { cniVersion: "1.1.0" }, parsed: { cniVersion: "1.1.0" } },
  {
    name: "that pods may have addresses which no pool gives",
    config: { feature_control: { ip_addrs_no_ipam: true, floating_ips: false } },
    parsed: { mayBypassIpam: true },
  },
  { name: "an MTU", config: { mtu: 1450 }, parsed: { mtu: 1450 } },
  { name: "queues", config: { num_queues: 4 }, parsed: { queues: 4 } },
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
    name: "the node's podCIDR, in the words of Calico's lists for host-local",
    config: { ipam: { type: "host-local", subnet: "usePodCidr" } },
    parsed: { ipam: { assignIpv4: true, assignIpv6: false, ipv4Pools: [], ipv6Pools: [], ranges: { 4: "podCidr" } } },
  },
  {
    name: "podCIDRs of both families, with all that means nothing more",
    config: {
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "usePodCidr" }], [{ subnet: "usePodCidrIPv6" }]],
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
        dataDir: "/var/lib/cni/networks",
      },
    },
    parsed: {
      ipam: {
        ...{ assignIpv4: true, assignIpv6: true, ipv4Pools: [], ipv6Pools: [] },
        ranges: { 4: "podCidr", 6: "podCidr" },
      },
    },
  },
  {
    name: "ranges of its own, of host-local",
    config: { ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "10.2.0.0/24" }]] } },
    parsed: {
      ipam: {
        ...{ assignIpv4: true, assignIpv6: false, ipv4Pools: [], ipv6Pools: [] },
        ranges: { 4: [prefix("10.1.0.0/24"), prefix("10.2.0.0/24")] },
      },
    },
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
  {
    name: "an address and a hardware address by capability",
    config: { runtimeConfig: { ips: ["10.65.0.9/24"], mac: "02:00:00:00:00:0A" } },
    parsed: { requested: { ...nothingRequested, addresses: [address("10.65.0.9")], mac: "02:00:00:00:00:0a" } },
  },
  {
    name: "the same by convention, where no capability says otherwise",
    config: { runtimeConfig: { ips: ["10.65.0.9"] }, args: { cni: { ips: ["10.65.0.8"], mac: "02:00:00:00:00:0a" } } },
    parsed: { requested: { ...nothingRequested, addresses: [address("10.65.0.9")], mac: "02:00:00:00:00:0a" } },
  },
  {
    name: "all that Calico's manifest writes into its list",
    config: {
      type: "calico",
      log_level: "info",
      log_file_path: "/var/log/calico/cni/cni.log",
      datastore_type: "kubernetes",
      nodename: "node1",
      mtu: 1440,
      num_queues: 0,
      ipam: { type: "calico-ipam", assign_ipv4: "true", ipv4_pools: ["east"] },
      policy: { type: "k8s" },
      kubernetes: { kubeconfig: "/etc/cni/net.d/calico-kubeconfig" },
      etcd_endpoints: "http://192.0.2.1:2379",
      container_settings: { allow_ip_forwarding: false },
      feature_control: { floating_ips: true, ip_addrs_no_ipam: false },
    },
    parsed: { mtu: 1440, ipam: { assignIpv4: true, assignIpv6: false, ipv4Pools: ["east"], ipv6Pools: [] } },
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
    config: { type: "flannel" },
    code: "INVALID_CONFIG",
    says: /^type must be "brindle", or "calico"/,
  },
  {
    name: "no ipam",
    config: { ipam: undefined },
    code: "INVALID_CONFIG",
    says: /ipam\.type must be/,
  },
  { name: "an ipam of nobody", config: { ipam: { type: "dhcp" } }, code: "INVALID_CONFIG", says: /ipam\.type must be/ },
  {
    name: "host-local without a range",
    config: { ipam: { type: "host-local" } },
    code: "INVALID_CONFIG",
    says: /ipam\.ranges is missing, and ipam\.subnet/,
  },
  {
    name: "a range of host-local that is none",
    config: { ipam: { type: "host-local", subnet: "10.1.2.3/24" } },
    code: "INVALID_CONFIG",
    says: /ipam\.subnet must be "usePodCidr", "usePodCidrIPv6" or a range/,
  },
  {
    name: "two addresses of a family by host-local",
    config: { ipam: { type: "host-local", ranges: [[{ subnet: "usePodCidr" }], [{ subnet: "10.1.0.0/24" }]] } },
    code: "INVALID_CONFIG",
    says: /two lists of IPv4/,
  },
  {
    name: "a list of ranges of both families",
    config: { ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "fd00::/64" }]] } },
    code: "INVALID_CONFIG",
    says: /each of one family/,
  },
  {
    name: "podCIDR and another range in one list",
    config: { ipam: { type: "host-local", ranges: [[{ subnet: "usePodCidr" }, { subnet: "10.1.0.0/24" }]] } },
    code: "INVALID_CONFIG",
    says: /usePodCidr and another range in one list/,
  },
  {
    name: "ranges that are no lists",
    config: { ipam: { type: "host-local", ranges: [{ subnet: "usePodCidr" }] } },
    code: "INVALID_CONFIG",
    says: /list of lists/,
  },
  {
    name: "a part of a range of host-local",
    config: { ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/24", rangeStart: "10.1.0.9" }]] } },
    code: "UNSUPPORTED_FIELD",
    says: /ipam\.ranges\.rangeStart is not supported: .*IPReservation/,
  },
  {
    name: "routes of host-local that a pod has not",
    config: { ipam: { type: "host-local", subnet: "usePodCidr", routes: [{ dst: "192.0.2.0/24" }] } },
    code: "UNSUPPORTED_FIELD",
    says: /ipam\.routes is not supported but for the default route/,
  },
  {
    name: "no family",
    config: { ipam: { type: "brindle-ipam", assign_ipv4: false } },
    code: "INVALID_CONFIG",
    says: /both false/,
  },
  { name: "an MTU too small for IPv6", config: { mtu: 1279 }, code: "INVALID_CONFIG", says: /1280 to 65535/ },
  { name: "too many queues", config: { num_queues: 4097 }, code: "INVALID_CONFIG", says: /^num_queues.*1 to 4096/ },
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
    name: "a convention that nobody knows",
    config: { args: { cni: { dns: [] } } },
    code: "UNSUPPORTED_FIELD",
    says: /args\.cni\.dns/,
  },
  ...[{ ip_addrs_no_ipam: "true" }, { other: true }, []].map((feature_control) => ({
    name: `switches that are none: ${JSON.stringify(feature_control)}`,
    config: { feature_control },
    code: "INVALID_CONFIG",
    says: /^feature_control must be an object of true or false: ip_addrs_no_ipam, floating_ips$/,
  })),
  {
    name: "Calico's fields without its type",
    config: { log_level: "info" },
    code: "UNSUPPORTED_FIELD",
    says: /^log_level/,
  },
  ...Object.entries({
    container_settings: { allow_ip_forwarding: true },
    include_default_routes: false,
    device_type: "netkit",
    policy: { type: "none" },
    dataplane_options: { type: "grpc" },
  }).map(([field, value]) => ({
    name: `Calico's ${field}, which asks for what is not done`,
    config: { type: "calico", [field]: value },
    code: "UNSUPPORTED_FIELD",
    says: new RegExp(`^${field}`),
  })),
  ...[
    { ips: "10.65.0.9", says: /runtimeConfig\.ips: must be a list/ },
    { ips: ["10.65.0.9", "10.65.0.8"], says: /a pod has one IPv4 address/ },
    { ips: ["x"], says: /"x" is no address/ },
    { mac: "01:00:5e:00:00:01", says: /of no single interface/ },
    { mac: "nonsense", says: /"nonsense" is no hardware address/ },
  ].map(({ says, ...runtimeConfig }) => ({
    name: `${JSON.stringify(runtimeConfig)} by capability`,
    config: { runtimeConfig },
    code: "INVALID_CONFIG",
    says,
  })),
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
