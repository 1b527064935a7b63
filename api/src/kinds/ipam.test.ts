import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseJson } from "../json/json.ts";
import { decodeValue, encodeValue } from "../store/codec.ts";
import type { Key } from "../store/store.ts";
import { type IpamKind, type IpamValues, ipamKinds, ipamResourceOf } from "./ipam.ts";
import type { IpamKindDefinition } from "./ipamFields.ts";
import { findKind, findReadableKind } from "./kinds.ts";
import { documentOf, problemsOf } from "./testing.ts";

/** The text of etcd, its key, and the resource that is made of them. */
const objects: { kind: IpamKind; name: string; text: string; resource: { name: string; spec: string } }[] = [
  {
    kind: "IPAMBlock",
    name: "10.0.0.0/31",
    text: '{"cidr":"10.0.0.0/31","affinity":"host:n","affinity_claim_time":"2026-01-01T00:00:00Z","allocations":[null,0],"unallocated":[0],"attributes":[{"handle_id":"h","secondary":{"pod":"p"},"alternateOwnerAttrs":{"pod":"q"},"releasedAt":"2026-01-01T00:00:00Z"}],"sequenceNumber":1767225600000000001,"sequenceNumberForAllocation":{"1":1767225600000000000},"deleted":false,"newer":[]}',
    resource: {
      name: "10-0-0-0-31",
      spec: '{"cidr":"10.0.0.0/31","affinity":"host:n","allocations":[null,0],"unallocated":[0],"attributes":[{"handle_id":"h","secondary":{"pod":"p"},"alternateOwnerAttrs":{"pod":"q"},"releasedAt":"2026-01-01T00:00:00Z"}],"sequenceNumber":1767225600000000001,"sequenceNumberForAllocation":{"1":1767225600000000000},"deleted":false,"newer":[],"affinityClaimTime":"2026-01-01T00:00:00Z","strictAffinity":false}',
    },
  },
  {
    kind: "BlockAffinity",
    name: "host:node1/fd00::/122",
    text: '{"state":"pending","deleted":false,"newer":1}',
    resource: {
      name: "node1-fd00---122",
      spec: '{"state":"pending","node":"node1","type":"host","cidr":"fd00::/122","deleted":false,"newer":1}',
    },
  },
  {
    kind: "IPAMHandle",
    name: "k8s-pod-network.C0FFEE",
    text: '{"block":{"10.0.0.0/26":2},"deleted":false}',
    resource: {
      name: "k8s-pod-network.c0ffee",
      spec: '{"handleID":"k8s-pod-network.C0FFEE","block":{"10.0.0.0/26":2},"deleted":false}',
    },
  },
];

describe("what address management keeps", () => {
  for (const { kind, name, text, resource } of objects) {
    it(`is a resource for a person, and comes back from it: ${kind}`, () => {
      const decoded = decodeValue<IpamKind>(kind, text);
      assert.ok(decoded.kind === "value");
      const made = ipamResourceOf(kind, name, decoded.value);
      assert.equal(made.metadata.name, resource.name);
      assert.deepEqual(made.spec, parseSpec(kind, resource.spec));
      const { fromResource } = ipamKinds[kind] as unknown as IpamKindDefinition<typeof made, IpamValues[IpamKind]>;
      const back = fromResource(made);
      assert.equal(back.name, name);
      assert.equal(encodeValue({ kind, name } as Key<IpamKind>, back.value), text);
    });

    it(`is found by its name and refused in a manifest: ${kind}`, () => {
      assert.equal(findReadableKind(ipamKinds[kind].plural), kind);
      assert.equal(findKind(ipamKinds[kind].plural), null);
      assert.deepEqual(problemsOf(documentOf(kind, {})), [
        `kind: "${kind}" is written by address management alone, since its objects rest on each other`,
      ]);
    });
  }
});

/** As Kubernetes would hand it out. */
function parseSpec(kind: IpamKind, text: string): unknown {
  return ipamKinds[kind].spec.parse(parseJson(text));
}

describe("Calico's key of the configuration", () => {
  for (const text of [
    "{}",
    '{"strict_affinity":false,"auto_allocate_blocks":true}',
    '{"maxBlocksPerHost":0,"newer":1}',
  ]) {
    it(`is read and written back to the byte: ${text}`, () => {
      const decoded = decodeValue("IPAMConfig", text);
      assert.ok(decoded.kind === "value");
      assert.equal(encodeValue({ kind: "IPAMConfig", name: "default" }, decoded.value), text);
    });
  }
});
