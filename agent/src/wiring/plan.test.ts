import assert from "node:assert/strict";
import { attachmentOf } from "@brindle/cni";
import { type Address, describeChange, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { hostChanges, hostSettings, hostSysctls, podChanges, podSysctls, staleRules, vethPair } from "./plan.ts";

const environment = {
  containerId: "c1",
  interfaceName: "eth0",
  netns: "/run/netns/x",
  args: { podNamespace: "prod", podName: "web" },
};
const attachment = attachmentOf(environment, "pods");

function addresses(...texts: readonly string[]): Address[] {
  return texts.map(parseAddress).filter((address) => address !== null);
}

const families: { name: string; of: Address[]; pod: string[]; host: string[] }[] = [
  {
    name: "IPv4 alone",
    of: addresses("10.65.0.3"),
    pod: [
      "setLink interface 7",
      "replaceAddress 10.65.0.3/32 interface 7",
      "replaceNeighbour 169.254.1.1 interface 7",
      "replaceRoute 169.254.1.1/32 interface 7",
      "replaceRoute 0.0.0.0/0 via 169.254.1.1 interface 7",
    ],
    host: [
      "setLink interface 9",
      "replaceNeighbour 10.65.0.3 interface 9",
      "replaceRoute 10.65.0.3/32 interface 9 metric 1024",
    ],
  },
  {
    name: "IPv6 alone",
    of: addresses("fd00::3"),
    pod: [
      "setLink interface 7",
      "replaceAddress fd00::3/128 interface 7",
      "replaceNeighbour fe80::ecee:eeff:feee:eeee interface 7",
      "replaceRoute ::/0 via fe80::ecee:eeff:feee:eeee interface 7",
    ],
    host: [
      "setLink interface 9",
      "replaceNeighbour fd00::3 interface 9",
      "replaceRoute fd00::3/128 interface 9 metric 1024",
    ],
  },
  {
    name: "both families",
    of: addresses("10.65.0.3", "fd00::3"),
    pod: [
      "setLink interface 7",
      "replaceAddress 10.65.0.3/32 interface 7",
      "replaceAddress fd00::3/128 interface 7",
      "replaceNeighbour 169.254.1.1 interface 7",
      "replaceRoute 169.254.1.1/32 interface 7",
      "replaceRoute 0.0.0.0/0 via 169.254.1.1 interface 7",
      "replaceNeighbour fe80::ecee:eeff:feee:eeee interface 7",
      "replaceRoute ::/0 via fe80::ecee:eeff:feee:eeee interface 7",
    ],
    host: [
      "setLink interface 9",
      "replaceNeighbour 10.65.0.3 interface 9",
      "replaceRoute 10.65.0.3/32 interface 9 metric 1024",
      "replaceNeighbour fd00::3 interface 9",
      "replaceRoute fd00::3/128 interface 9 metric 1024",
    ],
  },
];

describe("the changes for a pod", () => {
  for (const { name, of, pod, host } of families) {
    it(`with ${name} are these, and each can be repeated`, () => {
      const changes = [...podChanges({ index: 7, name: "eth0" }, of), ...hostChanges(9, attachment.mac, of)];
      assert.deepEqual(changes.map(describeChange), [...pod, ...host]);
      assert(changes.every(({ op }) => op === "setLink" || op.startsWith("replace")));
    });
  }
});

it("a further interface leaves the default route, and has what bears its address go by a table of its own", () => {
  const changes = podChanges({ index: 7, name: "net1" }, addresses("10.65.0.3", "fd00::3"), new Set([4]));
  assert.deepEqual(changes.map(describeChange).slice(3), [
    "replaceNeighbour 169.254.1.1 interface 7",
    "replaceRoute 169.254.1.1/32 interface 7 table 1651703729",
    "replaceRoute 0.0.0.0/0 via 169.254.1.1 interface 7 table 1651703729",
    "replaceNeighbour fe80::ecee:eeff:feee:eeee interface 7",
    "replaceRoute ::/0 via fe80::ecee:eeff:feee:eeee interface 7",
    "addRule from 10.65.0.3/32 table 1651703729",
  ]);
});

it("rules of an earlier life of an interface go, and nobody else's", () => {
  const [old, present] = addresses("10.65.0.2", "10.65.0.3");
  assert(old && present);
  const rules = podChanges({ index: 7, name: "net1" }, [old, present], new Set([4])).flatMap((change) =>
    change.op === "addRule" ? [change.rule] : [],
  );
  const strange = rules.map((rule) => ({ ...rule, table: 100 }));
  assert.deepEqual(staleRules("net1", [...strange, ...rules], [present]).map(describeChange), [
    "deleteRule from 10.65.0.2/32 table 1651703729",
  ]);
});

describe("the settings for a pod", () => {
  it("without IPv6 turn it off on the node's end, and leave the container alone", () => {
    const host = hostSysctls("cali1", new Set([4]));
    assert.deepEqual(
      host.filter(({ path }) => path.startsWith("net/ipv6/")),
      [{ path: "net/ipv6/conf/cali1/disable_ipv6", value: 1 }],
    );
    assert.deepEqual(podSysctls("eth0", new Set([4])), []);
    const { ipv4, ...settings } = hostSettings(attachment, new Set([4]));
    assert.deepEqual(settings, { alias: "brindle c1 eth0 pods" });
    assert.deepEqual(ipv4, { forwarding: 1, reversePathFilter: 1, routeLocalnet: 1, proxyArp: 1 });
    const loose = hostSettings(attachment, new Set([4]), { reversePathFilter: 2 });
    assert.deepEqual(loose.ipv4, { ...ipv4, reversePathFilter: 2 });
  });

  it("with IPv6 take no router's advertisements, on either end", () => {
    const both = new Set([4, 6] as const);
    const advertisements = [...hostSysctls("cali1", both), ...podSysctls("eth0", both)].filter(({ path }) =>
      path.endsWith("/accept_ra"),
    );
    assert.deepEqual(advertisements, [
      { path: "net/ipv6/conf/cali1/accept_ra", value: 0 },
      { path: "net/ipv6/conf/eth0/accept_ra", value: 0 },
    ]);
    assert.equal(hostSettings(attachment, both).addressGeneration, "eui64");
  });
});

it("the pair has one end in each namespace, and one MTU", () => {
  assert.deepEqual(vethPair({ attachment, mtu: 1450, queues: 1 }, 5), {
    kind: "veth",
    name: attachment.hostInterface,
    mac: "ee:ee:ee:ee:ee:ee",
    mtu: 1450,
    queues: 1,
    peer: { name: "eth0", mac: attachment.mac, mtu: 1450, queues: 1, namespaceFd: 5 },
  });
});
