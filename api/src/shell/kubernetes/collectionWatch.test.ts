import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { crdSource } from "../../kubernetes/crdSource.ts";
import { nodeSource } from "../../kubernetes/nodeSource.ts";
import type { ApiObject, Source } from "../../kubernetes/source.ts";
import { idOf } from "../../kubernetes/watchLine.ts";
import type { WatchEvent } from "../../store/store.ts";
import { CollectionWatch, readBy } from "./collectionWatch.ts";

/** An object of the older CRDs. */
function policy(name: string, order: number, resourceVersion: string): ApiObject {
  return { metadata: { name, namespace: "prod", resourceVersion }, spec: { order, selector: "all()" } };
}

function textOf(event: WatchEvent): string {
  if (event.type === "changed" && "spec" in event.item.value) {
    const { order } = event.item.value.spec as { readonly order?: number };
    return `changed ${event.item.key.name}${order === undefined ? "" : ` ${order}`} at ${event.item.revision}`;
  }
  return "key" in event ? `${event.type} ${event.key.name}` : event.type;
}

class Rig {
  readonly told: string[] = [];
  readonly #sources: readonly Source[];
  readonly #watch: CollectionWatch;

  constructor(source: Source<"NetworkPolicy"> | Source<"Node">) {
    this.#sources = [source as Source];
    this.#watch = new CollectionWatch(this.#sources, (event) => this.told.push(textOf(event)));
  }

  changed(object: ApiObject): void {
    const { resourceVersion = "" } = object.metadata;
    const read = readBy(this.#sources)(object as never, { name: object.metadata.name, resourceVersion });
    this.#watch.onNews({ type: "changed", item: { id: idOf(object.metadata), resourceVersion, object: read } });
  }

  deleted(id: string): void {
    this.#watch.onNews({ type: "deleted", id });
  }
}

describe("a policy under its former name beside its present one", () => {
  it("is not told as deleted when one of the two objects goes", () => {
    const rig = new Rig(crdSource("NetworkPolicy", "v1"));
    rig.changed(policy("default.web", 1, "5"));
    rig.changed(policy("web", 2, "6"));
    rig.deleted("prod/default.web");
    rig.deleted("prod/web");
    assert.deepEqual(rig.told, ["changed web 1 at 5", "changed web 2 at 6", "deleted web"]);
  });

  it("is what the present name says, in whatever order the objects come", () => {
    const rig = new Rig(crdSource("NetworkPolicy", "v1"));
    rig.changed(policy("web", 2, "5"));
    rig.changed(policy("default.web", 1, "6"));
    assert.deepEqual(rig.told, ["changed web 2 at 5"]);
  });

  it("is again what the former name says when the present one goes", () => {
    const rig = new Rig(crdSource("NetworkPolicy", "v1"));
    rig.changed(policy("web", 2, "5"));
    rig.changed(policy("default.web", 1, "6"));
    rig.deleted("prod/web");
    assert.deepEqual(rig.told, ["changed web 2 at 5", "changed web 1 at 6"]);
  });
});

describe("an object that alone holds its key", () => {
  it("is told as it changes, and as deleted when it goes", () => {
    const rig = new Rig(nodeSource);
    rig.changed({ metadata: { name: "node1", resourceVersion: "1" } });
    rig.changed({ metadata: { name: "node1", resourceVersion: "2" } });
    rig.deleted("node1");
    assert.deepEqual(rig.told, ["changed node1 at 1", "changed node1 at 2", "deleted node1"]);
  });
});
