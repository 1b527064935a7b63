import assert from "node:assert/strict";
import {
  type ApiObject,
  type ApiResource,
  namespaceSource,
  type Profile,
  podSource,
  StoreError,
  type WorkloadEndpoint,
} from "@brindle/api";
import { type Attachment, attachmentOf, CniError } from "@brindle/cni";
import { parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { podsBesideEtcd, podsOfDatastore, type Watched } from "./podDescriptions.ts";

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

const shop: ApiObject = {
  metadata: {
    name: "shop",
    labels: { team: "sales" },
    annotations: { "cni.projectcalico.org/ipv4pools": '["east"]' },
  },
};

const calls: string[] = [];

function apiSaying(answer: ApiObject | null | StoreError, { namespace = shop as ApiObject | null } = {}) {
  const get = async ({ plural }: ApiResource): Promise<ApiObject | null> => {
    calls.push(plural);
    if (answer instanceof StoreError) throw answer;
    return plural === "namespaces" ? namespace : answer;
  };
  return { get };
}

const podsSaying = (...script: Parameters<typeof apiSaying>) => podsBesideEtcd(apiSaying(...script));

describe("what Kubernetes says of a pod that is added", () => {
  it("is its labels, service account, ports and floating addresses, for the addresses that it is given", async () => {
    const description = await podsSaying(pod).describe(attachment());
    const endpoint = description?.endpoint?.([parseAddress("10.65.0.3") ?? assert.fail()]);
    assert.equal(endpoint?.metadata.labels?.app, "web");
    assert.partialDeepStrictEqual(endpoint?.spec, {
      serviceAccountName: "till",
      profiles: ["kns.shop", "ksa.shop.till"],
      ipNetworks: ["10.65.0.3/32"],
      ipNATs: [{ internalIP: "10.65.0.3", externalIP: "192.0.2.7" }],
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
    });
  });

  it("is asked for again later when its namespace is gone", async () => {
    await assert.rejects(podsSaying(pod, { namespace: null }).describe(attachment()), /no namespace shop/);
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
      /API server does not say what the pod/,
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

describe("what the watch says of a pod that is added", () => {
  const told = podSource.read(pod);
  const profile = namespaceSource.read(shop);
  assert(told.type === "absent" && profile.type === "value"); // It was torn down: its address is empty.
  const { "cni.projectcalico.org/podIP": _torn, ...annotations } = pod.metadata.annotations as Record<string, string>;
  const living = podSource.read({ ...pod, metadata: { ...pod.metadata, annotations } });
  assert(living.type === "value");
  const watching = (endpoint: WorkloadEndpoint | null, ofNamespace: Profile | null = profile.value): Watched => ({
    endpoint: () => endpoint,
    namespace: (name) => (name === "shop" ? ofNamespace : null),
  });
  const asked = {
    endpoint: null,
    annotations: { "cni.projectcalico.org/floatingIPs": '["192.0.2.7"]' },
    namespace: { annotations: { "cni.projectcalico.org/ipv4pools": '["east"]' } },
  };

  it("is believed, and the API server is not asked", async () => {
    calls.length = 0;
    const description = await podsOfDatastore(apiSaying(null), watching(living.value)).describe(attachment());
    assert.partialDeepStrictEqual(description, asked);
    assert.equal(description?.namespace.labels.team, "sales");
    assert.deepEqual(calls, []);
  });

  for (const [what, watched, uid] of [
    ["has not come yet", watching(null), "u1"],
    ["is of an earlier pod of its name", watching(living.value), "u2"],
    ["lacks its namespace", watching(living.value, null), "u1"],
  ] as const) {
    it(`is asked of the API server where it ${what}`, async () => {
      calls.length = 0;
      const present = { ...pod, metadata: { ...pod.metadata, uid } };
      assert.partialDeepStrictEqual(
        await podsOfDatastore(apiSaying(present), watched).describe(attachment(uid)),
        asked,
      );
      assert.deepEqual(calls, ["pods", "namespaces"]);
    });
  }
});
