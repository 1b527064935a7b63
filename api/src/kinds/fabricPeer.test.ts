import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatJson } from "../json/json.ts";
import { fabricPeerKind } from "./fabricPeer.ts";
import { formatProblem } from "./problem.ts";
import { validate } from "./validate.ts";

function judged(spec: object) {
  return validate({ apiVersion: "brindle.network/v1alpha1", kind: "FabricPeer", metadata: { name: "tor" }, spec });
}

const right: { name: string; spec: object }[] = [
  { name: "a router by its address, of the cluster's AS", spec: { peerIP: "192.0.2.1:1790" } },
  { name: "a router by the interface that it is at", spec: { interface: "eth0", peerType: "External" } },
  { name: "all routers of a network which dial", spec: { range: "192.0.2.0/24", asNumber: 65000, passive: true } },
  {
    name: "the gateway, its AS from a label",
    spec: { defaultGateway: "IPv4", asNumberFromNodeLabel: "example.org/tor-as" },
  },
  { name: "other nodes", spec: { peerSelector: "has(rr)", nodeSelector: "all()" } },
  {
    name: "all that a session can have",
    spec: {
      peerIP: "fd00::1",
      asNumber: "1.10",
      password: { secretKeyRef: { name: "bgp", key: "tor" } },
      ttlSecurity: 1,
      holdTime: "9s",
      keepaliveTime: "3s",
      connectRetryTime: "2s",
      bfd: { transmitInterval: "50ms", receiveInterval: "50ms", detectMultiplier: 3, mode: "SingleHop" },
      gracefulRestart: { mode: "Helper", maxRestartTime: "2m0s", longLivedStaleTime: "1h0m0s" },
      families: ["IPv4", "IPv6"],
      addPath: "Receive",
      role: "Customer",
      strictRole: true,
      maxPrefixes: { limit: 1000, warningPercent: 90, action: "Restart", restartAfter: "10m0s" },
      filters: ["only-default"],
      announced: { communities: ["65000:1", "1:2:3"], med: 10, prependASPath: [65010, 65010] },
      accepted: { localPreference: 200 },
      gracefulShutdown: true,
      administrativeShutdown: { message: "the rack moves tonight" },
    },
  },
];

const tor = { peerIP: "192.0.2.1" };
const wrong: { name: string; spec: object; problem: RegExp }[] = [
  { name: "nobody", spec: {}, problem: /^spec.peerIP: exactly one of peerIP, interface, range/ },
  {
    name: "two",
    spec: { ...tor, interface: "eth0", asNumber: 1 },
    problem: /^spec.peerIP: "192.0.2.1" exactly one of/,
  },
  {
    name: "a node and a selector of nodes",
    spec: { ...tor, node: "n1", nodeSelector: "all()" },
    problem: /together with node$/,
  },
  { name: "an unknown router of no AS", spec: { interface: "eth0" }, problem: /^spec.asNumber: is missing/ },
  {
    name: "an AS and a label for it",
    spec: { ...tor, asNumber: 1, asNumberFromNodeLabel: "as" },
    problem: /^spec.peerType: cannot/,
  },
  { name: "nodes of an AS", spec: { peerSelector: "all()", asNumber: 1 }, problem: /each node's own AS/ },
  {
    name: "a range that is dialled",
    spec: { range: "192.0.2.0/24", asNumber: 1, passive: false },
    problem: /^spec.passive/,
  },
  {
    name: "a passive end that retries",
    spec: { ...tor, passive: true, connectRetryTime: "5s" },
    problem: /^spec.connectRetryTime/,
  },
  { name: "a role inside the AS", spec: { ...tor, peerType: "Internal", role: "Peer" }, problem: /^spec.role/ },
  { name: "a strict role without a role", spec: { ...tor, strictRole: true }, problem: /needs a role/ },
  { name: "a hold time of two seconds", spec: { ...tor, holdTime: "2s" }, problem: /not from 3s to 65535s, nor 0s/ },
  {
    name: "keepalives half the hold time apart",
    spec: { ...tor, holdTime: "10s", keepaliveTime: "5s" },
    problem: /third of holdTime/,
  },
  {
    name: "BFD over several hops of one link",
    spec: { interface: "e0", asNumber: 1, bfd: { mode: "Multihop" } },
    problem: /^spec.bfd/,
  },
  {
    name: "BFD too quick for anyone",
    spec: { ...tor, bfd: { transmitInterval: "1ms" } },
    problem: /not from 10ms to 60s/,
  },
  { name: "a limit of routes that is none", spec: { ...tor, maxPrefixes: { limit: 0 } }, problem: /maxPrefixes.limit/ },
  {
    name: "a restart where nothing ends",
    spec: { ...tor, maxPrefixes: { limit: 9, action: "Warn", restartAfter: "1m" } },
    problem: /needs action Restart/,
  },
  { name: "a gateway of the other family", spec: { ...tor, reachableBy: "fd00::1" }, problem: /^spec.reachableBy/ },
  {
    name: "a message of too many bytes",
    spec: { ...tor, administrativeShutdown: { message: "é".repeat(128) } },
    problem: /255 bytes/,
  },
  { name: "no family", spec: { ...tor, families: [] }, problem: /at least 1/ },
  {
    name: "an interface with a long name",
    spec: { interface: "a-name-too-long0", asNumber: 1 },
    problem: /is no interface/,
  },
];

describe("a FabricPeer", () => {
  for (const { name, spec } of right) {
    it(`is ${name}, and every field of it is acted on`, () => {
      const result = judged(spec);
      assert.equal(result.kind, "valid", JSON.stringify(result));
      const warnings = result.kind === "valid" ? result.warnings : [];
      assert.deepEqual(warnings, []);
    });
  }

  for (const { name, spec, problem } of wrong) {
    it(`is not ${name}`, () => {
      const result = judged(spec);
      assert.equal(result.kind, "invalid");
      const problems = result.kind === "invalid" ? result.problems : [];
      assert.equal(problems.length, 1, problems.map(formatProblem).join("\n"));
      assert.match(problems.map(formatProblem)[0] ?? "", problem);
    });
  }

  it("is stored in the order of its declaration", () => {
    const result = judged({ asNumber: 65000, peerIP: "192.0.2.1", holdTime: "90s" });
    const text = formatJson(result.kind === "valid" ? result.resource.spec : null);
    assert.equal(text, '{"peerIP":"192.0.2.1","asNumber":65000,"holdTime":"1m30s"}');
  });

  it("shows whom it means, whichever way it says so", () => {
    const shown = right.flatMap(({ spec }) => {
      const result = judged(spec);
      if (result.kind !== "valid" || result.resource.kind !== "FabricPeer") return [];
      const peer = result.resource;
      return [fabricPeerKind.columns.map(({ cell }) => cell(peer, { clusterAsNumber: 64512 })).slice(1, 4)];
    });
    assert.deepEqual(shown, [
      ["192.0.2.1:1790", "(global)", ""],
      ["interface eth0", "(global)", "External"],
      ["192.0.2.0/24", "(global)", "65000"],
      ["gateway of IPv4", "(global)", "label example.org/tor-as"],
      ["has(rr)", "all()", ""],
      ["fd00::1", "(global)", "65546"],
    ]);
  });
});
