import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { isHashOfStaticPod, isPodOfUid, kubeletUidOf } from "./podUid.ts";
import type { ApiObject } from "./source.ts";

const uid = "4f0bb9d0-5a3e-4e52-8f0a-0c8b3d0f6a11";
const hash = "376122370ac222b5cbfb1a4b9ac71686";
const pod: ApiObject = { metadata: { name: "web", uid } };
const shown: ApiObject = { metadata: { name: "web-node1", uid, annotations: { "kubernetes.io/config.hash": hash } } };

describe("the UID of a pod", () => {
  it("is one to all for a pod of the API server's", () => {
    assert.equal(kubeletUidOf(pod), uid);
    assert.equal(isPodOfUid(pod, uid), true);
    assert.equal(isPodOfUid(pod, hash), false);
    assert.equal(isHashOfStaticPod(uid), false);
  });

  it("is the hash of its file to the kubelet of a static pod, and either names it", () => {
    assert.equal(kubeletUidOf(shown), hash);
    assert.deepEqual(
      [uid, hash, "another"].map((one) => isPodOfUid(shown, one)),
      [true, true, false],
    );
    assert.equal(isHashOfStaticPod(hash), true);
  });
});
