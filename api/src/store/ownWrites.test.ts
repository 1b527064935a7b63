import { describe, expect, it } from "vitest";
import type { WorkloadEndpoint } from "../kinds/workloadEndpoint.ts";
import { decodeValue, encodeValue } from "./codec.ts";
import { etcdKey } from "./etcdKeys.ts";
import { OwnWrites } from "./ownWrites.ts";
import type { Key, WatchEvent, Write } from "./store.ts";
import { WatchState } from "./watchState.ts";

function endpoint(pod: string): WorkloadEndpoint {
  return {
    kind: "WorkloadEndpoint",
    apiVersion: "projectcalico.org/v3",
    metadata: { name: `node1-k8s-${pod}-eth0`, namespace: "shop", labels: { app: "web" } },
    spec: { orchestrator: "k8s", node: "node1", pod, endpoint: "eth0", ipNetworks: ["10.65.0.3/32"] },
  };
}

/** As a store would have it. */
function written(value: WorkloadEndpoint, writes: OwnWrites, op: "create" | "put" = "create") {
  const { namespace = "", name } = value.metadata;
  const key: Key<"WorkloadEndpoint"> = { kind: "WorkloadEndpoint", namespace, name };
  const text = encodeValue(key, value);
  const write = { op, key, value } as Write;
  writes.note(write, etcdKey(key), text);
  return { key: etcdKey(key), text, revision: "5" };
}

describe("OwnWrites", () => {
  it("has what was written for the very text of it, once, and it is what would have been read", () => {
    const writes = new OwnWrites();
    const value = endpoint("web");
    const entry = written(value, writes);
    expect(writes.take(entry)).toBe(value);
    expect(decodeValue("WorkloadEndpoint", entry.text)).toStrictEqual({ kind: "value", value });
    expect(writes.take(entry)).toBeNull();
  });

  it("has nothing for another text, and no longer what was written before it", () => {
    const writes = new OwnWrites();
    const entry = written(endpoint("web"), writes);
    const changed = { ...entry, text: entry.text.replace("web", "db") };
    expect(writes.take(changed)).toBeNull();
    expect(writes.take(entry)).toBeNull();
  });

  it("has the last that was written under a key", () => {
    const writes = new OwnWrites();
    const first = written(endpoint("web"), writes);
    const last = { ...endpoint("web"), metadata: { ...endpoint("web").metadata, labels: { app: "db" } } };
    const entry = written(last, writes, "put");
    expect(entry.key).toBe(first.key);
    expect(writes.take(entry)).toBe(last);
  });

  it("has nothing that is read back otherwise than it was written", () => {
    const writes = new OwnWrites();
    const value = endpoint("web");
    const versioned = { ...value, metadata: { ...value.metadata, resourceVersion: "7" } };
    expect(writes.take(written(versioned, writes))).toBeNull();
  });

  it("has nothing that whoever reads it sets aside", () => {
    const writes = new OwnWrites();
    const value = endpoint("web");
    const entry = written({ ...value, metadata: { ...value.metadata, labels: { app: "a b" } } }, writes);
    expect(decodeValue("WorkloadEndpoint", entry.text).kind).toBe("undecodable");
    expect(writes.take(entry)).toBeNull();
  });

  it("forgets the oldest of many whose watch never comes", () => {
    const writes = new OwnWrites();
    const values = Array.from({ length: 300 }, (_, n) => endpoint(`web${n}`));
    const entries = values.map((value) => written(value, writes));
    expect(entries.map((entry) => writes.take(entry)).filter((value) => value !== null)).toEqual(values.slice(-256));
  });

  it("lets a watch tell the object that was written, at the revision that it got", () => {
    const writes = new OwnWrites();
    const told: WatchEvent[] = [];
    const state = new WatchState("WorkloadEndpoint", (event) => told.push(event), writes);
    state.onListed("4");
    const value = endpoint("web");
    const entry = written(value, writes);
    state.onChange({ type: "put", entry });
    const relabelled = { ...entry, text: entry.text.replace('"app":"web"', '"app":"db"'), revision: "6" };
    state.onChange({ type: "put", entry: relabelled });
    const changes = told.flatMap((event) => (event.type === "changed" ? [event.item] : []));
    expect(changes.map(({ revision }) => revision)).toEqual(["5", "6"]);
    expect(changes[0]?.value).toBe(value);
    expect(changes[1]?.value).toMatchObject({ metadata: { labels: { app: "db" } } });
  });
});
