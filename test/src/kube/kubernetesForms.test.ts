/**
 * What Calico once stored in etcd, put into a real API server and read again: in the native CRDs, and in Calico's own
 * older ones, as its releases install them, which the contract of stores is held to as well.
 */
import assert from "node:assert/strict";
import { decodeValue, type Key, type Kind, parseEtcdKey, type Store, storedKinds } from "@brindle/api";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { recording } from "../fixtures/recordings.ts";
import { describeStoreContract } from "../storeContract/contract.ts";
import { recordedKeys, samples } from "../storeContract/recordings.ts";
import { commit } from "../storeContract/subject.ts";
import { applyCrds, applyOlderCrds } from "./crds.ts";
import { openSubject } from "./storeSubject.ts";

interface Recorded<K extends Kind = Kind> {
  readonly key: Key<K>;
  readonly text: string;
}

/** Kubernetes has these itself: no store makes one. */
const ofKubernetes: readonly Kind[] = ["Node", "WorkloadEndpoint", "Profile"];

const recorded: readonly Recorded[] = [...samples, ...(recordedKeys() ?? [])].flatMap(({ key, text }) => {
  const parsed = storedKinds.map((kind) => parseEtcdKey<Kind>(kind, key)).find((each) => each !== null);
  return parsed && !ofKubernetes.includes(parsed.kind) ? [{ key: parsed, text }] : [];
});

describe("in the native CRDs", () => {
  let api: KubeApi;
  beforeAll(async () => {
    api = await startKubeApi();
    await applyCrds(api);
    await createNamespaces(api);
  }, 180_000);
  afterAll(() => api?.[Symbol.asyncDispose]());

  describeRoundTrips(() => api, recorded);
});

const olderCrds = recording("calico/crds.yaml");

// Without recordings there are fewer tests, which the run itself tells once.
if (olderCrds !== null) describe("in Calico's older CRDs", () => inOlderCrds(olderCrds));

function inOlderCrds(file: string): void {
  let api: KubeApi;
  beforeAll(async () => {
    api = await startKubeApi({ watchCache: false });
    await applyOlderCrds(api, file);
    await createNamespaces(api);
    for (const namespace of ["a", "ab"]) await api.kubectl(["create", "namespace", namespace]);
  }, 180_000);
  afterAll(() => api?.[Symbol.asyncDispose]());

  describeStoreContract("Kubernetes, the older form", () => openSubject(api, "crd.projectcalico.org"));
  const calicos = recorded.filter(({ key }) => key.kind !== "FabricPeer" && key.kind !== "AgentConfiguration");
  describeRoundTrips(() => api, calicos);
}

async function createNamespaces(api: KubeApi): Promise<void> {
  const wanted = new Set(recorded.flatMap(({ key }) => (key.namespace === undefined ? [] : [key.namespace])));
  for (const namespace of wanted) {
    if (namespace !== "default") await api.kubectl(["create", "namespace", namespace]);
  }
}

function describeRoundTrips(api: () => KubeApi, objects: readonly Recorded[]): void {
  it.each(objects.map((each) => ({ title: titleOf(each.key), ...each })))("$title is kept", async ({ key, text }) => {
    await using store = await openStore(api());
    const decoded = decodeValue(key.kind, text);
    assert.ok(decoded.kind === "value");
    const value = knownPart(decoded.value);
    // The kinds differ; the calls are the same.
    await commit(store, { op: "put", key, value } as Parameters<typeof commit>[1]);
    const item = await store.get(key);
    assert.partialDeepStrictEqual(item?.value, value); // The server adds its metadata, and defaults.
  });
}

function titleOf({ kind, namespace, name }: Key): string {
  return [kind, namespace, name].filter((part) => part !== undefined).join(" ");
}

/** Without what the server gives itself, an empty status, which it keeps of none, and what no schema of a CRD knows. */
function knownPart(value: object): object {
  if (!("metadata" in value)) return value;
  const { metadata, spec, status: _s, ...rest } = value as Record<"metadata" | "spec" | "status", object>;
  const { uid: _u, creationTimestamp: _c, ...kept } = metadata as Record<string, unknown>;
  const { fieldOfTomorrow: _f, ...known } = spec as Record<string, unknown>;
  return { ...rest, metadata: kept, spec: known };
}

async function openStore(api: KubeApi): Promise<Store & AsyncDisposable> {
  const access = await findClusterAccess({ environment: { KUBECONFIG: api.adminKubeconfig } });
  const store = openKubernetesStore({ access });
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
