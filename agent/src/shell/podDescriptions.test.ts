import assert from "node:assert/strict";
import { type ApiObject, StoreError } from "@brindle/api";
import { type Attachment, attachmentOf, CniError } from "@brindle/cni";
import { parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { podsBesideEtcd } from "./podDescriptions.ts";

const pod: ApiObject = {
  metadata: {
    name: "web-0",
    namespace: "shop",
    uid: "u1",
    labels: { app: "web" },
    annotations: { "cni.projectcalico.org/floatingIPs": '["192.0.2.7"]', "cni.projectcalico.org/podIP": "" },
  },
  spec: {
    nodeName: "n1",
    serviceAccountName: "till",
    containers: [{ ports: [{ name: "http", containerPort: 80 }] }],
  },
  status: { podIP: "10.9.9.9" },
};

function attachment(podUid = "u1"): Attachment {
  const args = { podNamespace: "shop", podName: "web-0", podUid };
  return attachmentOf({ containerId: "c1", interfaceName: "eth0", netns: "/run/netns/x", args }, "k8s-pod-network");
}

function podsSaying(answer: ApiObject | null | StoreError) {
  return podsBesideEtcd({
    get: async () => {
      if (answer instanceof StoreError) throw answer;
      return answer;
    },
  });
}

describe("what Kubernetes says of a pod that is added", () => {
  it("is its labels, service account, ports and floating addresses, for the addresses that it is given", async () => {
    const description = await podsSaying(pod).describe(attachment());
    const endpoint = description?.([parseAddress("10.65.0.3") ?? assert.fail()]);
    assert.equal(endpoint?.metadata.labels?.app, "web");
    assert.partialDeepStrictEqual(endpoint?.spec, {
      serviceAccountName: "till",
      profiles: ["kns.shop", "ksa.shop.till"],
      ipNetworks: ["10.65.0.3/32"],
      ipNATs: [{ internalIP: "10.65.0.3", externalIP: "192.0.2.7" }],
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
    });
  });

  it("is known of a pod of the kubelet's own files, which has another UID there", async () => {
    const annotations = { "kubernetes.io/config.hash": "file" };
    const mirror = { ...pod, metadata: { ...pod.metadata, annotations } };
    assert(await podsSaying(mirror).describe(attachment("file")));
  });

  const annotations = { "cni.projectcalico.org/floatingIPs": "none" };
  const refusals: readonly [string, ApiObject | null | StoreError, string, RegExp][] = [
    ["there is no such pod", null, "u1", /no pod shop\/web-0 of this UID/],
    ["another pod has its name", pod, "u0", /no pod shop\/web-0 of this UID/],
    ["its annotations cannot be read", { ...pod, metadata: { ...pod.metadata, annotations } }, "u1", /floatingIPs/],
    ["it has the network of its node", { ...pod, spec: { nodeName: "n1", hostNetwork: true } }, "u1", /network of its/],
    [
      "the API server is away",
      new StoreError({ code: "UNAVAILABLE", reason: "no route" }),
      "u1",
      /API server does not say which labels/,
    ],
  ];
  for (const [what, answer, uid, message] of refusals) {
    it(`is asked for again later when ${what}`, async () => {
      await assert.rejects(podsSaying(answer).describe(attachment(uid)), (error) => {
        assert(error instanceof CniError);
        assert.equal(error.failure.code, "TRY_AGAIN_LATER");
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
