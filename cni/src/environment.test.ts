import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseCommand, parseEnvironment } from "./environment.ts";
import { CniError } from "./error.ts";

const given = { CNI_CONTAINERID: "c1", CNI_NETNS: "/run/netns/c1", CNI_IFNAME: "eth0" };
const pod = "K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web-0";

const accepted: { name: string; variables: Record<string, string>; args: object }[] = [
  { name: "no arguments at all", variables: {}, args: {} },
  {
    name: "what the kubelet's runtimes send",
    variables: { CNI_ARGS: `IgnoreUnknown=1;${pod};K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1` },
    args: { podNamespace: "prod", podName: "web-0", podUid: "u1" },
  },
  {
    name: "a key twice, the last of which counts",
    variables: { CNI_ARGS: "IP=;IP=10.0.0.1;MAC=a;MAC=" },
    args: { ip: "10.0.0.1" },
  },
  {
    name: "an unknown key that may be ignored, said behind it",
    variables: { CNI_ARGS: "FOO=bar;IgnoreUnknown=1" },
    args: {},
  },
  { name: "an unknown key that may be ignored", variables: { CNI_ARGS: "IgnoreUnknown=true;FOO=bar" }, args: {} },
  {
    name: "a name alone, as podman sends",
    variables: { CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=web" },
    args: { podName: "web" },
  },
  {
    name: "an address and a hardware address",
    variables: { CNI_ARGS: "IgnoreUnknown=1;IP=10.65.0.9;MAC=02:00:00:00:00:09" },
    args: { ip: "10.65.0.9", mac: "02:00:00:00:00:09" },
  },
  { name: "empty values", variables: { CNI_ARGS: "K8S_POD_NAME=;K8S_POD_NAMESPACE=;" }, args: {} },
];

const refused: { name: string; variables: Record<string, string>; says: RegExp }[] = [
  { name: "no container", variables: { CNI_CONTAINERID: "" }, says: /CNI_CONTAINERID/ },
  { name: "a container that is a path", variables: { CNI_CONTAINERID: "../etc" }, says: /CNI_CONTAINERID/ },
  { name: "a container that begins with a dot", variables: { CNI_CONTAINERID: ".c1" }, says: /CNI_CONTAINERID/ },
  { name: "a container of 201 letters", variables: { CNI_CONTAINERID: "a".repeat(201) }, says: /no longer than 200/ },
  { name: "an interface of 16 letters", variables: { CNI_IFNAME: "a".repeat(16) }, says: /CNI_IFNAME/ },
  { name: "an interface with a slash", variables: { CNI_IFNAME: "a/b" }, says: /CNI_IFNAME/ },
  { name: "an interface with a colon", variables: { CNI_IFNAME: "eth0:1" }, says: /CNI_IFNAME/ },
  { name: "an interface with a space", variables: { CNI_IFNAME: "eth 0" }, says: /CNI_IFNAME/ },
  { name: "an interface ..", variables: { CNI_IFNAME: ".." }, says: /CNI_IFNAME/ },
  { name: "no namespace", variables: { CNI_NETNS: "" }, says: /CNI_NETNS/ },
  { name: "an interface with a control character", variables: { CNI_IFNAME: "eth\u00010" }, says: /CNI_IFNAME/ },
  { name: "an interface with a line break", variables: { CNI_IFNAME: "eth\n0" }, says: /CNI_IFNAME/ },
  ...[
    ["a path", "../x"],
    ["a control character", "web\u0007"],
    ["a line break", "web\n"],
  ].map(([what, value]) => ({
    name: `a pod whose name holds ${what}`,
    variables: { CNI_ARGS: `K8S_POD_NAMESPACE=prod;K8S_POD_NAME=${value}` },
    says: /K8S_POD_NAME is no name of Kubernetes/,
  })),
  { name: "an unknown key", variables: { CNI_ARGS: "FOO=bar" }, says: /unknown key: FOO/ },
  { name: "an unknown key that objects know", variables: { CNI_ARGS: "constructor=x" }, says: /unknown key: constr/ },
  {
    name: "an unknown key that may not be ignored any more",
    variables: { CNI_ARGS: "IgnoreUnknown=1;FOO=bar;IgnoreUnknown=0" },
    says: /unknown key: FOO/,
  },
  { name: "a key without a value", variables: { CNI_ARGS: "FOO" }, says: /KEY=VALUE/ },
];

describe("an ADD's environment", () => {
  for (const { name, variables, args } of accepted) {
    it(`with ${name} is taken`, () => {
      assert.deepEqual(parseEnvironment({ ...given, ...variables }, "ADD").args, args);
    });
  }
  for (const { name, variables, says } of refused) {
    it(`with ${name} is refused with code 4`, () => {
      assert.throws(
        () => parseEnvironment({ ...given, ...variables }, "ADD"),
        (error) => {
          assert(error instanceof CniError);
          assert.equal(error.failure.code, "INVALID_ENVIRONMENT");
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }
});

it("a DEL may come without a namespace", () => {
  assert.equal(parseEnvironment({ ...given, CNI_NETNS: "" }, "DEL").netns, null);
});

it("a command that CNI does not have is refused", () => {
  assert.throws(() => parseCommand({ CNI_COMMAND: "UPDATE" }), /must be one of ADD, DEL/);
});
