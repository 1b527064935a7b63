import assert from "node:assert/strict";
import { apiVersion, type WorkloadEndpoint } from "@brindle/api";
import { describe, it } from "vitest";
import { SourceSync } from "./sourceSync.ts";

/** Interfaces of a node that remember how their sources are looked at, and what was asked of them. */
class FakeLinks {
  readonly loose: Set<string>;
  readonly asked: string[] = [];
  looks = 0;

  constructor(...loose: readonly string[]) {
    this.loose = new Set(loose);
  }

  async unguarded(): Promise<readonly string[]> {
    this.looks++;
    return [...this.loose];
  }

  async guard(name: string, path: "strict" | "loose"): Promise<boolean> {
    this.asked.push(`${name} ${path}`);
    if (path === "loose") this.loose.add(name);
    else this.loose.delete(name);
    return true;
  }
}

function told(sync: SourceSync, pod: string, sources: readonly string[] | null, node = "node1"): void {
  const value: WorkloadEndpoint = {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { namespace: "shop", name: pod },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0", interfaceName: `cali${pod}` },
      allowSpoofedSourcePrefixes: sources ?? [],
    },
  };
  sync.receive({ key: { kind: "WorkloadEndpoint", namespace: "shop", name: pod }, value: sources && value });
}

const v4 = ["198.51.100.0/24"];

describe("the look at the sources of pods", () => {
  async function begun(links: FakeLinks): Promise<SourceSync> {
    const sync = new SourceSync("node1", { onHealth: (problem) => assert.equal(problem, null) });
    sync.setMayAny(true);
    told(sync, "a", v4);
    told(sync, "six", ["2001:db8::/64"]);
    told(sync, "far", v4, "node2");
    sync.start(links);
    await sync.resync();
    return sync;
  }

  it("is loose for those that ask, of this node and of IPv4, and strict for all others", async () => {
    const links = new FakeLinks("caliold");
    await begun(links);
    assert.deepEqual([...links.loose], ["calia"]);
    assert(links.asked.includes("caliold strict"));
  });

  it("is strict again once a pod does not ask, is gone, or the cluster does not allow it", async () => {
    for (const change of [
      (sync: SourceSync) => told(sync, "a", []),
      (sync: SourceSync) => told(sync, "a", null),
      (sync: SourceSync) => sync.setMayAny(false),
    ]) {
      const links = new FakeLinks();
      const sync = await begun(links);
      change(sync);
      await sync.resync();
      assert.deepEqual([...links.loose], []);
    }
  });

  it("stays as it was of a pod whose endpoint cannot be read", async () => {
    const links = new FakeLinks();
    const sync = await begun(links);
    const key = { kind: "WorkloadEndpoint", namespace: "shop", name: "a" } as const;
    sync.receive({ key, value: null, unreadable: { reason: "no JSON" } });
    await sync.resync();
    assert.deepEqual([...links.loose], ["calia"]);
  });

  it("is taken of the kernel no more where nobody asks", async () => {
    const links = new FakeLinks();
    const sync = new SourceSync("node1", { onHealth: () => {} });
    sync.start(links);
    for (let times = 0; times < 3; times++) await sync.resync();
    assert(links.looks <= 2);
    const { looks } = links;
    await sync.resync();
    assert.equal(links.looks, looks);
  });
});
