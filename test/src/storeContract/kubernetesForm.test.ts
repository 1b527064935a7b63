/** What Calico stored in etcd, made an object of Kubernetes and read back: nothing is lost but what the server gives anew. */
import assert from "node:assert/strict";
import {
  type AnyResource,
  type ApiObject,
  decodeValue,
  type Flavour,
  formatJson,
  isResourceKind,
  type JsonValue,
  type Key,
  type Kind,
  parseEtcdKey,
  parseJson,
  type Source,
  sourcesOf,
  storedKinds,
} from "@brindle/api";
import { describe, it } from "vitest";
import { recordedKeys, samples } from "./recordings.ts";

const recorded = [...samples, ...(recordedKeys() ?? [])].flatMap(({ key, text }) => {
  const ours = storedKinds.map((kind) => parseEtcdKey<Kind>(kind, key)).find((parsed) => parsed !== null);
  return ours ? [{ key: ours, text, path: key }] : [];
});
/** Their objects are others' (a Node, a Pod, a Namespace): tables beside the sources hold how they read. */
const derived: readonly Kind[] = ["Node", "WorkloadEndpoint", "Profile"];
const flavours: readonly Flavour[] = ["v3", "v1"];

describe.for(flavours)("in the form %s of its CRDs", (flavour) => {
  for (const { key, text, path } of recorded.filter(({ key }) => !derived.includes(key.kind))) {
    it(`${path} reads back as it was`, () => {
      const source = sourcesOf(key.kind, flavour).find((source) => source.locate(key).length > 0);
      assert.ok(source);
      const decoded = decodeValue(key.kind, text);
      assert.ok(decoded.kind === "value");
      const { value } = decoded;
      const reading = source.read(created(source, { key, value }));
      assert.ok(reading.type === "value", formatJson(reading));
      assert.deepEqual(reading.key, key);
      assert.deepEqual(withoutServers(key.kind, reading.value), withoutServers(key.kind, value));
    });
  }
});

function created(source: Source, { key, value }: { readonly key: Key; readonly value: unknown }): ApiObject {
  const plan = source.write({ op: "create", key, value } as Parameters<Source["write"]>[0], null);
  assert.ok(plan.type === "send", formatJson(plan));
  return parseJson(plan.request.body) as JsonValue & ApiObject;
}

/** UID and time are the server's for an object that it makes; the older form keeps the time in an annotation. */
function withoutServers(kind: Kind, value: unknown): unknown {
  if (!isResourceKind(kind)) return value;
  const { metadata, ...resource } = value as AnyResource;
  const { uid: _uid, creationTimestamp: _time, ...own } = metadata;
  return { ...resource, metadata: own };
}
