import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type AcceptedCase, documentOf, problemsOf, type RefusedCase, storedTextOf } from "./testing.ts";

const on = { node: "n", interfaceName: "eth0" };
const port = { name: "ssh", protocol: "TCP", port: 22 };
const noName =
  'is no name of a port: at most 15 lower case letters, digits and single "-" between them, a letter among them';

const refused: RefusedCase[] = [
  { name: "without a node", spec: { interfaceName: "eth0" }, problems: ["spec.node: is missing"] },
  {
    name: "without anything that finds the interface",
    spec: { node: "n", expectedIPs: [] },
    problems: ["spec.interfaceName: is missing, and so is expectedIPs: one is needed"],
  },
  {
    name: "with an interface whose name is too long",
    spec: { node: "n", interfaceName: "abcdefghijklmnop" },
    problems: [
      'spec.interfaceName: "abcdefghijklmnop" is no interface: * for all, or at most 15 letters, digits, "_", "." and "-"',
    ],
  },
  {
    name: "with a network for an address",
    spec: { ...on, expectedIPs: ["10.0.0.0/8"] },
    problems: ['spec.expectedIPs[0]: "10.0.0.0/8" is no IP address'],
  },
  {
    name: "with an address twice",
    spec: { ...on, expectedIPs: ["::1", "::1"] },
    problems: ["spec.expectedIPs: has an entry twice"],
  },
  ...["SSH", "22", "a--b", "-a", "much-too-long-name"].map((name) => ({
    name: `with ${name} for the name of a port`,
    spec: { ...on, ports: [{ ...port, name }] },
    problems: [`spec.ports[0].name: "${name}" ${noName}`],
  })),
  {
    name: "with a port of a protocol that has none",
    spec: { ...on, ports: [{ ...port, protocol: "ICMP" }] },
    problems: ['spec.ports[0].protocol: "ICMP" has no ports: TCP, UDP or SCTP'],
  },
  {
    name: "with port zero",
    spec: { ...on, ports: [{ ...port, port: 0 }] },
    problems: ['spec.ports[0].port: "0" is no whole number from 1 to 65535'],
  },
];

const accepted: AcceptedCase[] = [
  { name: "for all interfaces", spec: { node: "n", interfaceName: "*" } },
  { name: "for the interface of an address", spec: { node: "n", expectedIPs: ["192.0.2.1", "2001:db8::1"] } },
  { name: "with a port of a protocol by its number", spec: { ...on, ports: [{ ...port, protocol: 132 }] } },
];

describe("a HostEndpoint", () => {
  for (const { name, spec, problems } of refused) {
    it(`is refused ${name}`, () => assert.deepEqual(problemsOf(documentOf("HostEndpoint", spec)), problems));
  }
  for (const { name, spec } of accepted) {
    it(`is accepted ${name}`, () => assert.deepEqual(problemsOf(documentOf("HostEndpoint", spec)), []));
  }

  it("is stored with its members in the order of Calico's", () => {
    const spec = { ports: [{ port: 22, protocol: "TCP", name: "ssh" }], profiles: ["p"], expectedIPs: ["::1"], ...on };
    assert.match(
      storedTextOf(documentOf("HostEndpoint", spec)),
      /"spec":\{"node":"n","interfaceName":"eth0","expectedIPs":\["::1"\],"profiles":\["p"\],"ports":\[\{"name":"ssh","protocol":"TCP","port":22\}\]\}\}$/,
    );
  });
});
