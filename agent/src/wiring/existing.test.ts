import assert from "node:assert/strict";
import { attachmentOf } from "@brindle/cni";
import type { Link } from "@brindle/net";
import { describe, it } from "vitest";
import { judgeExisting } from "./existing.ts";

function linkWith(alias: string | null, up: boolean): Link {
  return {
    index: 9,
    name: "cali1",
    kind: "veth",
    up,
    running: true,
    loopback: false,
    mtu: 1450,
    mac: "ee:ee:ee:ee:ee:ee",
    group: 0,
    alias,
    masterIndex: null,
    peerIndex: 2,
    peerNamespaceId: 0,
    vxlan: null,
  };
}

const pod = { podNamespace: "prod", podName: "web" };
const cases: { name: string; alias: string | null; up?: boolean; isPlain?: boolean; kind: string; reason?: RegExp }[] =
  [
    { name: "our own mark", alias: "brindle c2 eth0 pods", kind: "ours" },
    { name: "the mark that an earlier release gave, without a network,", alias: "brindle c2 eth0", kind: "ours" },
    { name: "the mark of an earlier container of the pod", alias: "brindle c1 eth0", kind: "obsolete" },
    { name: "the mark of another interface", alias: "brindle c1 net1", kind: "foreign", reason: /the container c1/ },
    {
      name: "no mark that was never up, as when an agent dies while it makes one,",
      alias: null,
      up: false,
      kind: "obsolete",
    },
    { name: "no mark", alias: null, kind: "foreign", reason: /is not Brindle's/ },
    { name: "another's alias", alias: "brindle", kind: "foreign", reason: /is not Brindle's/ },
    {
      name: "another container's mark outside Kubernetes",
      alias: "brindle c1 eth0",
      isPlain: true,
      kind: "foreign",
      reason: /the container c1/,
    },
  ];

describe("an interface that has the name already", () => {
  for (const { name, alias, up, isPlain, kind, reason } of cases) {
    it(`with ${name} is ${kind}`, () => {
      const environment = { containerId: "c2", interfaceName: "eth0", netns: "/x", args: isPlain ? {} : pod };
      const judged = judgeExisting(linkWith(alias, up ?? true), attachmentOf(environment, "pods"));
      assert.equal(judged.kind, kind);
      if (judged.kind === "foreign") assert.match(judged.reason, reason ?? /never/);
    });
  }

  it("and does not exist is none", () => {
    const environment = { containerId: "c2", interfaceName: "eth0", netns: "/x", args: pod };
    assert.equal(judgeExisting(null, attachmentOf(environment, "pods")).kind, "none");
  });
});
